"""Sorted distance lists of particles: neighbours at each distance, and which particles have the same shape."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.distance import pdist

# Of the root-mean-square distance. Rounding differs by 1e-12, the closest two shapes of the libraries by far more.
TOLERANCE = 1e-5
# If no distance moves by more than the tolerance t, ⟨d⁴⟩/⟨d²⟩² moves by less than 8 t for any compact particle.
MOMENT_TOLERANCE = 8 * TOLERANCE
# Distances nearer to each other than this (Å) count as one: far below what a PDF can tell apart.
SAME_DISTANCE = 1e-3


def distance_list(positions: Float[ndarray, "atoms 3"]) -> Float[ndarray, " pairs"]:
    """All distances between two atoms, sorted, in the unit of the positions."""
    return np.sort(pdist(positions))


def neighbour_counts(
    positions: Float[ndarray, "atoms 3"],
) -> tuple[Float[ndarray, " distances"], Float[ndarray, " distances"]]:
    """The different distances (Å), and how many neighbours an atom has at each on average."""
    distances = distance_list(positions)
    first = np.flatnonzero(np.diff(distances, prepend=-np.inf) > SAME_DISTANCE)
    pairs = np.diff(first, append=len(distances))
    return distances[first], 2 * pairs / len(positions)


def moments(positions: Float[ndarray, "atoms 3"]) -> tuple[float, float]:
    """Root-mean-square distance of the pairs, and ⟨d⁴⟩/⟨d²⟩², without computing one distance.

    With r from the mean position: Σᵢⱼ d² = 2N Σr², Σᵢⱼ d⁴ = 2N Σr⁴ + 2(Σr²)² + 4‖Σ r rᵀ‖²; both over ordered pairs.
    """
    n_atoms = len(positions)
    centred = positions - positions.mean(axis=0)
    square = (centred**2).sum(axis=1)
    second = 2 * n_atoms * square.sum()
    fourth = 2 * n_atoms * (square**2).sum() + 2 * square.sum() ** 2 + 4 * ((centred.T @ centred) ** 2).sum()
    pairs = n_atoms * (n_atoms - 1)
    return float(np.sqrt(second / pairs)), float(fourth / second**2 * pairs)


def _shape(positions: Float[ndarray, "atoms 3"]) -> Float[ndarray, " pairs"]:
    return distance_list(positions) / moments(positions)[0]


def same_shape(first: ndarray, second: ndarray, tolerance: float = TOLERANCE) -> bool:
    """Whether two particles have one sorted distance list up to scale; homometric ones count as the same."""
    if len(first) != len(second):
        return False
    return bool(np.abs(_shape(first) - _shape(second)).max() <= tolerance)


def _candidates(particles: Sequence[ndarray]) -> list[list[int]]:
    """Groups of particles that agree in atom number and fourth moment, the only ones worth comparing in full."""
    sizes = np.array([len(positions) for positions in particles])
    fourth = np.array([moments(positions)[1] for positions in particles])
    order = np.lexsort((fourth, sizes))
    apart = (np.diff(sizes[order]) != 0) | (np.diff(fourth[order]) > MOMENT_TOLERANCE)
    return [sorted(group.tolist()) for group in np.split(order, np.flatnonzero(apart) + 1)]


def first_of_shape(particles: Sequence[Float[ndarray, "_ 3"]]) -> list[int]:
    """For each particle the index of the first one that has the same shape (its own index if it is the first).

    Args:
        particles: Positions in any unit, at least two atoms each.
    """
    first = list(range(len(particles)))
    for group in _candidates(particles):
        if len(group) == 1:
            continue
        known: list[tuple[int, ndarray]] = []
        for index in group:
            shape = _shape(particles[index])
            match = next((i for i, other in known if np.abs(shape - other).max() <= TOLERANCE), None)
            if match is None:
                known.append((index, shape))
            else:
                first[index] = match
    return first
