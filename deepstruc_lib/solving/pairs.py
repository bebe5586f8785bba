"""A particle as its PDF sees it: the list of pair distances, equal ones merged."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Distances closer than this part of the shortest one are merged into their mean (0.0015 Å for gold): at Q = 30 Å⁻¹
# the phase of sin(Qd) then moves by less than 0.03, and the mean cancels its first order.
_MERGE = 5e-4


@dataclass(frozen=True, eq=False)
class DistanceList:
    """Distinct pair distances of one particle.

    Args:
        distances: Ascending, Å (or bond lengths, for a shape without scale).
        counts: Number of pairs at each distance.
        atoms: Number of atoms.
    """

    distances: Float[np.ndarray, " distinct"]
    counts: Float[np.ndarray, " distinct"]
    atoms: int

    @property
    def nearest(self) -> float:
        """Shortest distance."""
        return float(self.distances[0])

    def up_to(self, longest: float) -> "DistanceList":
        """Without the distances beyond longest."""
        end = int(np.searchsorted(self.distances, longest, side="right"))
        return DistanceList(self.distances[:end], self.counts[:end], self.atoms)


def merged_distances(positions: Float[np.ndarray, "atoms 3"]) -> DistanceList:
    """Merged pair distances of a particle.

    Raises:
        ValueError: Fewer than two atoms, or two at one place.
    """
    if len(positions) < 2:
        raise ValueError(f"{len(positions)} atoms: needs two or more to have a pair distance")
    every = np.sort(pair_distances(np.asarray(positions, dtype=float)))
    if every[0] <= 0:
        raise ValueError("two atoms are at the same place: needs distinct positions")
    # A new group begins where the step exceeds the tolerance, or the group would grow wider than it.
    slot = np.floor((every - every[0]) / (_MERGE * every[0])).astype(int)
    starts = np.flatnonzero(np.diff(slot, prepend=-1))
    counts = np.diff(starts, append=len(every)).astype(float)
    return DistanceList(np.add.reduceat(every, starts) / counts, counts, len(positions))


def pair_distances(positions: Float[np.ndarray, "atoms 3"]) -> Float[np.ndarray, " pairs"]:
    """All distances between two atoms, in no particular order (scipy's pdist takes longer to load than this to run)."""
    first, second = np.triu_indices(len(positions), 1)
    return np.sqrt(np.sum((positions[first] - positions[second]) ** 2, axis=1))


def mean_nearest_neighbour(positions: Float[np.ndarray, "atoms 3"]) -> float:
    """Mean over the atoms of the distance to their nearest neighbour, Å."""
    squares = np.sum((positions[:, None] - positions) ** 2, axis=2, dtype=float)
    np.fill_diagonal(squares, np.inf)
    return float(np.sqrt(squares.min(axis=1)).mean())
