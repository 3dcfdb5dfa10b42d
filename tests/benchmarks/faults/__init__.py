"""Faults that a compiler could have made, one at a time: how they are planted, run and looked for."""
