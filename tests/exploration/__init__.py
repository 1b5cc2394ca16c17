"""Every combination of a few faults, at every boundary of the real engine and client, over small worlds."""
