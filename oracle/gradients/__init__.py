"""Are a kernel's gradients those of mathematics?"""

from oracle.gradients.check import ORACLE, check_gradients
from oracle.gradients.launch import Launch

__all__ = ["ORACLE", "Launch", "check_gradients"]
