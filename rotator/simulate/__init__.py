"""The future of a configuration: the real engine on a virtual clock against a virtual account."""
