"""Do the targets agree? Inputs, back ends, comparison, verdicts, and `python -m oracle check`."""
