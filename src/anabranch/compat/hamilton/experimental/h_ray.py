"""Ray."""

from anabranch.compat.hamilton.plugins.h_ray import (
    RayGraphAdapter,
)

__all__ = [
    "RayGraphAdapter",
]
