"""Rewrites of a kernel's source that may not change what it computes."""
