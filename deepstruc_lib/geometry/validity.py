"""Whether positions could be those of a metal particle: atoms apart, all connected, coordinated as in known ones."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from deepstruc_lib.particles import BOND_REACH, nearest_distances

# Two atoms closer than this part of the median nearest distance overlap.
OVERLAP = 0.8


@dataclass(frozen=True)
class Validity:
    """What speaks for or against a structure.

    Args:
        apart: No two atoms are closer than 0.8 of the median distance to the nearest neighbour.
        connected: Bonds lead from every atom to every other.
        coordinated: Every atom has as many neighbours as atoms of known particles may have.
    """

    apart: bool
    connected: bool
    coordinated: bool

    def __bool__(self) -> bool:
        return self.apart and self.connected and self.coordinated


def bond_length(positions: Float[ndarray, "atoms 3"]) -> float:
    """Median distance of an atom to its nearest neighbour, in the unit of the positions."""
    return _distances(positions)[1]


def coordination(positions: Float[ndarray, "atoms 3"]) -> Int[ndarray, " atoms"]:
    """Number of neighbours of each atom: those within 1.2 of the median distance to the nearest neighbour."""
    return _bonds(*_distances(positions)).sum(axis=1)


def validity(positions: Float[ndarray, "atoms 3"], allowed: tuple[int, int]) -> Validity:
    """Judge a structure, at any scale.

    Args:
        positions: In any unit.
        allowed: Fewest and most neighbours of an atom, as in the structures a model learned from.

    Raises:
        ValueError: Fewer than two atoms, or positions that are not finite.
    """
    distances, nearest = _distances(positions)
    bonded = _bonds(distances, nearest)
    neighbours = bonded.sum(axis=1)
    return Validity(
        apart=bool(distances.min() >= OVERLAP * nearest > 0),
        connected=connected_components(csr_array(bonded), directed=False, return_labels=False) == 1,
        coordinated=bool(allowed[0] <= neighbours.min() and neighbours.max() <= allowed[1]),
    )


def _distances(positions: ndarray) -> tuple[Float[ndarray, "atoms atoms"], float]:
    """Distances, infinite on the diagonal, and the median of each atom's shortest."""
    positions = np.asarray(positions, dtype=float)
    if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) < 2 or not np.isfinite(positions).all():
        raise ValueError(f"positions of shape {positions.shape}: needs (atoms, 3), two atoms or more, all finite")
    distances = cdist(positions, positions)
    np.fill_diagonal(distances, np.inf)
    return distances, float(np.median(nearest_distances(positions)))


def _bonds(distances: ndarray, nearest: float) -> Bool[ndarray, "atoms atoms"]:
    return distances <= BOND_REACH * nearest
