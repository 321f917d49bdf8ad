"""Human loops, tasks, leases and the outbox: the state of every review and the rules by which it changes."""
