"""Particles as distances and back: unit sphere, satellites, trilateration, alignment."""

from deepstruc_lib.geometry.align import Alignment, align
from deepstruc_lib.geometry.sequential import trilaterate_sequentially
from deepstruc_lib.geometry.study import PUBLISHED_SECONDS, trilateration_errors
from deepstruc_lib.geometry.trilateration import linear_positions, trilaterate
from deepstruc_lib.geometry.unit_sphere import (
    FEWEST_SATELLITES,
    UnitSphere,
    distance_rows,
    satellites,
    to_unit_sphere,
)

__all__ = [
    "FEWEST_SATELLITES",
    "PUBLISHED_SECONDS",
    "Alignment",
    "UnitSphere",
    "align",
    "distance_rows",
    "linear_positions",
    "satellites",
    "to_unit_sphere",
    "trilaterate",
    "trilaterate_sequentially",
    "trilateration_errors",
]
