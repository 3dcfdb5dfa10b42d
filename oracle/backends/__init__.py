"""What executes a target: each back end takes a compiled kernel and its inputs, and returns an `Observation`."""
