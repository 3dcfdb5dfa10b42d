"""From a minimised kernel to what a maintainer can act on: a script that fails, and a report that says how."""
