"""A reference that owes Warp nothing: the kernel's own Python run by CPython, `wp` standing for a module of ours."""

from oracle.reference.launch import NO_OPINION, Evaluation, Program, evaluate
from oracle.reference.run import Decision

__all__ = ["NO_OPINION", "Decision", "Evaluation", "Program", "evaluate"]
