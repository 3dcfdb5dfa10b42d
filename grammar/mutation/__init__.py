"""New kernels from old ones: edits of a sequence of choices (`sequences`), and typed edits of a kernel's tree.

    mutant = mutate(Parent.from_kernel(kernel), SeededChoices(1))

A parent is what a record holds. A mutant is as well-defined as its parent: what something relies on stays as it is, and
what is new is grown by the generator's own productions, or is defined whatever its variables hold.
"""

from grammar.mutation.parent import Mutant, Parent
from grammar.mutation.table import OPERATORS, mutate

__all__ = ["OPERATORS", "Mutant", "Parent", "mutate"]
