"""The shapes of real programs: each a production with typed holes, so that it gives thousands of different kernels.

A program is written on a `page.Page`: its fixed parts as text, its variations as choices, and random expressions and
statements where any would do. `grammar.categories` has a row for each.
"""
