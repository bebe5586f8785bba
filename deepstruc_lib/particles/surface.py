"""What happens at a particle's surface: layers relax, and other atoms sit on it."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import KDTree

from deepstruc_lib.particles.neighbours import BOND_REACH, nearest_distances

# Neighbours that an atom of a {111} facet of a close packing lacks.
_MISSING_ON_111 = 3
# So many random places in a row that touch others mean that the surface is full.
_MISSES = 500


def _bonds(positions: Float[ndarray, "atoms 3"]) -> Int[ndarray, "bonds 2"]:
    reach = BOND_REACH * nearest_distances(positions).min()
    return KDTree(positions).query_pairs(reach, output_type="ndarray")


def surface_count(positions: Float[ndarray, "atoms 3"]) -> int:
    """Number of atoms with fewer neighbours than the best-surrounded one has; all, where none stands out."""
    neighbours = np.bincount(_bonds(positions).ravel(), minlength=len(positions))
    lacking = int((neighbours < neighbours.max()).sum())
    return lacking or len(positions)


def relaxed(positions: Float[ndarray, "atoms 3"], strain: float) -> Float[ndarray, "atoms 3"]:
    """The particle with its outermost layers moved along the bonds they lack; inner atoms stay.

    Each atom moves by (strain/3)·Σ(xᵢ − xⱼ) over its neighbours j. In the bulk these cancel. On a {111} facet of a
    close packing, where three are missing, the sum is three times the layer spacing: that spacing changes by the
    strain. Atoms of {100} facets, edges and corners, which lack more, move farther.

    Args:
        positions: Å, or any unit.
        strain: Relative change of the outermost layer spacing; negative is a contraction.
    """
    first, second = _bonds(positions).T
    outward = np.zeros_like(positions)
    np.add.at(outward, first, positions[first] - positions[second])
    np.add.at(outward, second, positions[second] - positions[first])
    return positions + strain / _MISSING_ON_111 * outward


def adsorbed(
    positions: Float[ndarray, "atoms 3"], count: int, distance: float, generator: np.random.Generator
) -> Float[ndarray, "count 3"]:
    """Places for other atoms on the surface, in random directions: each touches the particle from outside.

    Every place is at the distance from its nearest atom, and no closer to any other place.

    Args:
        positions: Of the particle, Å.
        count: How many places.
        distance: From the nearest atom of the particle, Å.
        generator: Of the directions.

    Raises:
        ValueError: The surface has no room for so many.
    """
    centre = positions.mean(0)
    around = positions - centre
    places, misses = np.empty((0, 3)), 0
    while len(places) < count and misses < _MISSES:
        direction = generator.normal(size=3)
        direction /= np.linalg.norm(direction)
        # Where the ray from the centre leaves the last of the spheres of this radius about the atoms.
        along = around @ direction
        square = distance**2 - np.square(around).sum(1) + along**2
        place = direction * (along + np.sqrt(square, where=square >= 0, out=np.full_like(along, -np.inf))).max()
        if not len(places) or np.square(places - place).sum(1).min() >= distance**2:
            places, misses = np.concatenate([places, place[None]]), 0
        else:
            misses += 1
    if len(places) < count:
        raise ValueError(f"{count} atoms on a particle of {len(positions)}: only {len(places)} found room, needs fewer")
    return places + centre
