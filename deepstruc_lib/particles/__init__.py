"""Which structures exist: recipes of particles, close-packed stackings, libraries of shapes without duplicates."""

from typing import TYPE_CHECKING

from deepstruc_lib.lazy import export_lazily

if TYPE_CHECKING:
    from deepstruc_lib.particles.distances import distance_list, first_of_shape, neighbour_counts, same_shape
    from deepstruc_lib.particles.libraries import distinct, shape_library
    from deepstruc_lib.particles.neighbours import BOND_REACH, nearest_distances
    from deepstruc_lib.particles.recipes import FAMILIES, Recipe, unit_positions
    from deepstruc_lib.particles.reference import AU144_DELTA2, AU144_SHELLS, au144_core
    from deepstruc_lib.particles.stacking import stacking_classes, stacking_motif

__all__ = [
    "AU144_DELTA2",
    "AU144_SHELLS",
    "BOND_REACH",
    "FAMILIES",
    "Recipe",
    "au144_core",
    "distance_list",
    "distinct",
    "first_of_shape",
    "nearest_distances",
    "neighbour_counts",
    "same_shape",
    "shape_library",
    "stacking_classes",
    "stacking_motif",
    "unit_positions",
]

export_lazily(__name__)
