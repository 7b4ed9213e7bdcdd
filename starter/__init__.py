"""Everything that starts or signals workflows; may import every room but `activities` and `worker`."""
