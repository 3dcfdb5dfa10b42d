"""What to try next: coverage, parents, and which ways of making kernels pay."""
