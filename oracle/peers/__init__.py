"""Peers of a kernel: the same kernel under other options, or rewritten so that nothing may change."""
