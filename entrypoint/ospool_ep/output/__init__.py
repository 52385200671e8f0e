"""What the selftest prints: for a terminal, for logs, for programs."""
