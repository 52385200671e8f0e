"""What only the selftest looks at: the pool, from names to whether it lets the pilot in, and what the proxy fetches."""
