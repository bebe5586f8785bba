"""Pair distances of many structures on one grid: everything that a search needs to know of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.solving.bins import POINTS, spread
from deepstruc_lib.solving.pairs import DistanceList

# Width of a bin, in shortest distances of the structure: for platinum up to Q = 25 Å⁻¹ a wave turns by 0.7 in it.
WIDTH = 0.01
# Distances begin at 1; the interpolation reaches two bins down.
_FIRST = 0.97
# Distances are first rounded to a grid so fine that linear weights do: sin(Qd) is reproduced to 6e-6 at Q = 25 Å⁻¹.
_FINE = 1e-4


def distances_of(bins: int) -> Float[ndarray, " bins"]:
    """Centres of the first bins, in shortest distances."""
    return _FIRST + WIDTH * np.arange(bins)


def bins_up_to(longest: float) -> int:
    """How many bins hold the distances up to longest."""
    return max(POINTS, int((longest - _FIRST) / WIDTH) + POINTS)


def histogram(
    distances: Float[ndarray, " pairs"], counts: Float[ndarray, " pairs"] | None, atoms: int
) -> Float[ndarray, " bins"]:
    """Σ h[k]·f(d[k]) = 2/N Σ f(d) over the pairs, for every f that is smooth on the scale of a bin.

    Args:
        distances: In units of the shortest.
        counts: Number of pairs at each distance; one where None.
        atoms: Number of atoms N.
    """
    places, weights = _merged((distances - _FIRST) / _FINE, counts)
    return spread(places * (_FINE / WIDTH), weights * (2 / atoms), bins_up_to(float(distances.max()))).astype(
        np.float32
    )


def _merged(places: ndarray, counts: ndarray | None) -> tuple[ndarray, ndarray]:
    """Points of the fine grid that are occupied, and their weights."""
    whole = places.astype(np.intp)
    above = places - whole
    if counts is None:
        below = np.bincount(whole, minlength=whole.max() + 2)
        upper = np.bincount(whole, above, minlength=len(below))
    else:
        below = np.bincount(whole, counts, minlength=whole.max() + 2)
        upper = np.bincount(whole, counts * above, minlength=len(below))
    fine = below - upper
    fine[1:] += upper[:-1]
    occupied = np.flatnonzero(fine)
    return occupied.astype(float), fine[occupied]


@dataclass(frozen=True, eq=False)
class Histograms:
    """Histograms of many structures, one behind the other.

    Args:
        values: Of all bins.
        first: Where each structure begins, and the end.
    """

    values: Float[ndarray, " all"]
    first: Int[ndarray, " ends"]

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def longest(self) -> float:
        """Longest distance of any structure, to a few bins, in its shortest ones."""
        return float(distances_of(int(np.diff(self.first).max()))[-1])

    def block(self, rows: Sequence[int] | Int[ndarray, " rows"], bins: int) -> Float[ndarray, "rows bins"]:
        """The first bins of some structures."""
        dense = np.zeros((len(rows), bins), dtype=np.float32)
        for line, row in zip(dense, rows, strict=True):
            part = self.values[self.first[row] : min(self.first[row + 1], self.first[row] + bins)]
            line[: len(part)] = part
        return dense

    @classmethod
    def join(cls, histograms: Sequence[Float[ndarray, " _"]]) -> "Histograms":
        """Of single ones."""
        return cls(np.concatenate(histograms), np.cumsum([0, *map(len, histograms)]))

    @classmethod
    def of_lists(cls, lists: Sequence[DistanceList]) -> "Histograms":
        """Of lists of distances, each in units of its shortest one."""
        return cls.join([histogram(one.distances / one.nearest, one.counts, one.atoms) for one in lists])
