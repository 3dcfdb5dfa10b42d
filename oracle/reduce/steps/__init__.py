"""The steps of a full minimisation, a module per family: each makes one thing of a case simpler.

`trees` edits statements and expressions, `functions` puts what is named where it is used, `parameters` drops and joins
what is passed, `structs` takes structs apart, `types` makes types smaller, `launch` launches less, `values` makes
inputs plain, `order` puts operands in order, `names` gives the plainest names. `families` is the table of all.
"""
