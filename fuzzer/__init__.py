"""The campaign: what to try next, and what to keep."""
