"""Tells people of changes: check-ins, webhooks, and every service that Apprise knows."""
