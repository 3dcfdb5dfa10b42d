"""Tiles: blocks of threads that load, transform and store small arrays together.

`values` says what is known of a tile, `arrays` moves tiles to and from arrays, `launch` shapes the launch and leaves
nothing unstored, `programs` are whole kernels, and the other modules have a recipe for each built-in.
"""
