"""Lays one particle on another: the best rotation, reflection and order of its atoms."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

# Rotations tried for every particle; half of them reflect. Their spacing of about 40° is enough for an irregular
# particle; for a lattice only the starts from its own atoms come near enough.
_ORIENTATIONS = 256
# Pairs of atoms of the reference, and for each the pairs of the particle like it, that are laid on each other.
_ANCHORS, _LIKE_PAIRS = 4, 32
# Starts that go through the rough fit, its steps, and the different outcomes that are finished with an assignment.
_ROUGH, _ROUGH_STEPS, _FINISHED = 64, 5, 12
# Outcomes whose cost differs by less, relative to the reference's own sum of squares, are the same.
_SAME = 1e-4
# The assignment settles in a few rounds.
_MOST_ROUNDS = 30
# The stored order is right when it fits this well, relative to the size of the reference.
_EXACT = 1e-6
# Squared distances at once, so that many starts fit in the cache.
_BLOCK = 1 << 18


@dataclass(frozen=True, eq=False)
class Alignment:
    """A particle laid on a reference.

    Args:
        positions: Of the particle, moved onto the reference and in its order, Å.
        order: Which atom of the particle each row is.
        mae: Mean over atoms of the mean absolute difference of the coordinates, Å.
        rmsd: Root mean square distance of the matched atoms, Å.
    """

    positions: Float[ndarray, "atoms 3"]
    order: Int[ndarray, " atoms"]
    mae: float
    rmsd: float


def align(positions: Float[ndarray, "atoms 3"], reference: Float[ndarray, "atoms 3"]) -> Alignment:
    """Move, turn, reflect and reorder a particle so that it lies on the reference as well as can be found.

    From many starts (the stored order, pairs of atoms laid on similar pairs, evenly spread rotations) a few steps to
    the nearest atoms; the best of them are finished by turns of optimal assignment and optimal rotation (Kabsch,
    doi:10.1107/S0567739476001873; determinant ±1). Of all outcomes the one with the least MAE is returned; it is never
    worse than the particle as it came. The same input gives the same result.

    Raises:
        ValueError: The numbers of atoms differ, there are none, or a position is not finite.

    Example:
        >>> from deepstruc_lib.particles import Recipe
        >>> reference = Recipe("Icosahedron", (2,)).positions(2.8)
        >>> turned = -reference[::-1] + 5  # reflected, moved, in another order
        >>> round(align(turned, reference).mae, 9)
        0.0
    """
    positions, reference = (np.asarray(given, dtype=float) for given in (positions, reference))
    _check(positions, reference)
    stored = np.arange(len(positions))
    best = _alignment(positions, reference, stored)
    centred, target = positions - positions.mean(axis=0), reference - reference.mean(axis=0)
    size = np.sqrt((target**2).sum(axis=1).mean()) + np.finfo(float).tiny
    in_order = centred @ _rotations(centred.T @ target)
    best = min(best, _alignment(in_order + reference.mean(axis=0), reference, stored), key=_by_mae)
    if len(positions) < 2 or best.rmsd < _EXACT * size:
        return best
    for rotation in (*_rough_fits(centred, target), _rotations(centred.T @ target), np.eye(3)):
        turned, order = _finish(centred, target, rotation)
        best = min(best, _alignment(turned + reference.mean(axis=0), reference, order), key=_by_mae)
    return best


def _by_mae(alignment: Alignment) -> float:
    return alignment.mae


def _alignment(moved: ndarray, reference: ndarray, order: ndarray) -> Alignment:
    difference = moved[order] - reference
    rmsd = float(np.sqrt((difference**2).sum(axis=1).mean()))
    return Alignment(moved[order], order, float(np.abs(difference).mean()), rmsd)


def _rotations(correlations: Float[ndarray, "*starts 3 3"]) -> Float[ndarray, "*starts 3 3"]:
    """Orthogonal matrices, reflections among them, that lay rows on rows best: X @ R ≈ Y for the correlation Xᵀ Y."""
    left, _, right = np.linalg.svd(correlations)
    return left @ right


def _finish(centred: ndarray, target: ndarray, rotation: ndarray) -> tuple[ndarray, ndarray]:
    """Assign, rotate, and again, until the order stays; the sum of squares falls with every round."""
    order = np.zeros(len(target), dtype=int)
    for _ in range(_MOST_ROUNDS):
        before, order = order, linear_sum_assignment(cdist(target, centred @ rotation, "sqeuclidean"))[1]
        if (order == before).all():
            break
        rotation = _rotations(centred[order].T @ target)
    return centred @ rotation, order


def _rough_fits(centred: ndarray, target: ndarray) -> Float[ndarray, "outcomes 3 3"]:
    """The best different rotations after some steps of matching every atom to the nearest."""
    starts = np.concatenate([_from_pairs(centred, target), _even_orientations()])
    costs, _ = _nearest(centred, target, starts)
    rotations = starts[np.argsort(costs, kind="stable")[:_ROUGH]]
    for _ in range(_ROUGH_STEPS):
        costs, nearest = _nearest(centred, target, rotations)
        rotations = _rotations(centred.T @ target[nearest])
    costs, _ = _nearest(centred, target, rotations)
    # Equal costs are one outcome, turned by a symmetry of the particle.
    _, different = np.unique((costs / _SAME / (target**2).sum()).round(), return_index=True)
    return rotations[different[:_FINISHED]]


def _nearest(centred: ndarray, target: ndarray, rotations: ndarray) -> tuple[ndarray, ndarray]:
    """Which atom of the target is nearest to each rotated one, and a cost of that.

    The cost is half the sum of the squared distances, less what no rotation changes.
    """
    count = len(target)
    costs, nearest = np.empty(len(rotations)), np.empty((len(rotations), count), dtype=int)
    size = max(1, _BLOCK // count**2)
    half = ((target**2).sum(axis=1) / 2).astype(np.float32)
    turned = (centred @ rotations).astype(np.float32)
    for start in range(0, len(rotations), size):
        some = slice(start, start + size)
        closeness = turned[some] @ target.T.astype(np.float32) - half
        nearest[some] = closeness.argmax(axis=2)
        costs[some] = -closeness.max(axis=2).sum(axis=1)
    return costs, nearest


def _from_pairs(centred: ndarray, target: ndarray) -> Float[ndarray, "starts 3 3"]:
    """Rotations that lay the particle's pairs of atoms on similar pairs of the target, and their mirror images.

    Pairs are similar when both atoms see all others at similar distances and are as far from each other.
    """
    mine, theirs = cdist(centred, centred), cdist(target, target)
    unlike = cdist(np.sort(mine), np.sort(theirs), "sqeuclidean") / len(mine)
    starts = []
    for first, second in _anchors(target):
        cost = unlike[:, None, first] + unlike[None, :, second] + (mine - theirs[first, second]) ** 2
        chosen = np.argsort(cost, axis=None, kind="stable")[: _LIKE_PAIRS + len(mine)]
        one, other = np.unravel_index(chosen, cost.shape)
        one, other = (index[one != other][:_LIKE_PAIRS] for index in (one, other))
        frames, frame = _frames(centred[one], centred[other]), _frames(target[[first]], target[[second]])
        starts += [np.swapaxes(frames, 1, 2) @ frame, np.swapaxes(frames * [[1], [1], [-1]], 1, 2) @ frame]
    return np.concatenate(starts)


def _anchors(target: ndarray) -> list[tuple[int, int]]:
    """Pairs of outer atoms that are seen at an angle as near a right one as can be."""
    radii = np.linalg.norm(target, axis=1)
    outer = np.argsort(-radii, kind="stable")[:_ANCHORS]
    areas = np.linalg.norm(np.cross(target[outer][:, None], target[None]), axis=2)
    return list(zip(outer.tolist(), areas.argmax(axis=1).tolist(), strict=True))


def _frames(one: ndarray, other: ndarray) -> Float[ndarray, "pairs 3 3"]:
    """Orthonormal rows: towards one, towards other, and across both."""
    tiny = np.finfo(float).tiny
    first = one / (np.linalg.norm(one, axis=1, keepdims=True) + tiny)
    across = np.cross(first, other)
    across = across / (np.linalg.norm(across, axis=1, keepdims=True) + tiny)
    return np.stack([first, np.cross(across, first), across], axis=1)


@lru_cache(maxsize=1)
def _even_orientations() -> Float[ndarray, "starts 3 3"]:
    """Evenly spread rotations by quaternions on a super-Fibonacci spiral, half of them reflected.

    Source, with the two constants: doi:10.1109/CVPR52688.2022.00811.
    """
    phi, psi = np.sqrt(2), 1.533751168755204288
    step = np.arange(_ORIENTATIONS) + 0.5
    radius, other = np.sqrt(step / _ORIENTATIONS), np.sqrt(1 - step / _ORIENTATIONS)
    a, b = 2 * np.pi * step / phi, 2 * np.pi * step / psi
    x, y, z, w = radius * np.sin(a), radius * np.cos(a), other * np.sin(b), other * np.cos(b)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    rotations = np.moveaxis(np.array(rows), 2, 0)
    return np.concatenate([rotations[0::2], -rotations[1::2]])


def _check(positions: ndarray, reference: ndarray) -> None:
    for name, given in (("positions", positions), ("reference", reference)):
        if given.ndim != 2 or given.shape[1] != 3 or len(given) == 0:
            raise ValueError(f"{name} of shape {given.shape}: needs (atoms, 3)")
        if not np.isfinite(given).all():
            raise ValueError(f"{name} hold a value that is not finite: needs coordinates in Å")
    if len(positions) != len(reference):
        raise ValueError(f"{len(positions)} atoms and {len(reference)} in the reference: needs as many")
