"""The recogniser: whether a source is inside the grammar, decided without executing any of it."""

from grammar.recogniser.module import Rejection, accept

__all__ = ["Rejection", "accept"]
