"""Built-ins that the grammar writes and the reference does not define, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LACKING: Mapping[str, str] = MappingProxyType(
    {
        r"(?:p|curl)?noise": "the documentation leaves the values open: it says that they may differ between targets",
        r"sample_(?:triangle|unit_(?:ring|disk|sphere|hemisphere)(?:_surface)?)": (
            "the documentation gives the distribution, not the map from uniform numbers to the shape"
        ),
        r"poisson": "the documentation gives the distribution, not the method of sampling",
        r"(?:tile_)?(?:bvh|mesh|hash_grid|volume|texture)_\w+|tile_query_valid": (
            "it asks a resource something that the reference does not answer"
        ),
        r"closest_point_edge_edge|intersect_tri_tri": (
            "what it gives for degenerate edges and triangles depends on tolerances that are not documented"
        ),
    }
)
"""By a pattern of the whole name; what has a definition needs no reason."""
