"""Which releases of Warp show a bug: the same script or kernel, run on each in an environment of its own."""
