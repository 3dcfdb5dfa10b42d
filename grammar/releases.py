"""What the installed Warp can do that another supported release cannot: each difference is asked for here.

Whether a built-in or an overload exists is for `grammar.registry` to say. Here stands what no registry tells.
"""

from __future__ import annotations

import inspect

import warp as wp

VOLUMES_ON_CPU_SINCE = (1, 16)
FUNCTION_ARGUMENTS_SINCE = (1, 15)


def release_of(version: str) -> tuple[int, ...]:
    """Return the major and minor number of a version ("1.19.0", "1.20.0.dev3"); raises ValueError if it has none."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def has_blocks_on_cpu() -> bool:
    """Whether a launch on the cpu can have blocks of several threads, as Warp's can since 1.18.

    Before that a block has one thread there, so that a kernel whose threads tell themselves apart within their block
    means something else on each target.
    """
    return hasattr(wp.config, "enable_cpu_blocks")


def has_volumes_on_cpu() -> bool:
    """Whether volumes can be made without a GPU, as they can since 1.16."""
    return release_of(wp.config.version) >= VOLUMES_ON_CPU_SINCE


def has_function_arguments() -> bool:
    """Whether functions of a kernel take functions as arguments, as they can since 1.15."""
    return release_of(wp.config.version) >= FUNCTION_ARGUMENTS_SINCE


def has_kernel_option(name: str) -> bool:
    """Whether the decorator of a kernel has an option; `grid_stride` is one since 1.15."""
    return name in inspect.signature(wp.kernel).parameters


def has_grouped_hash_grids() -> bool:
    """Whether the points of a hash grid can be put in groups, as they can since 1.16."""
    return "groups" in inspect.signature(wp.HashGrid.build).parameters
