"""What this container may do, what it costs in jobs where it may not, and what to add: for people, at the selftest."""
