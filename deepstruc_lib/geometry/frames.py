"""Frames: the directions in which the bonds of a known packing point, and how a frame lies best on given bonds."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.particles.reference import GOLDEN_RATIO

# How far a bond leans from its ideal direction. Errors of 0.1 Å in the coordinates of a bond of 2.8 Å make 2.9°, the
# strain of a decahedron 1.5°.
SPREAD = np.deg2rad(4.0)
# The share of bonds that follow their frame, as the likelihood below supposes; the others may point anywhere.
FOLLOWING = 0.9
# Each kind of direction in a frame must hold this share of the bonds.
SEEN = 0.1

# Bonds that judge the rotations tried, and pairs of bonds these rotations are laid through.
_JUDGES, _PAIRS = 300, 32
# Two directions closer than this fix no rotation; a pair of bonds may differ by so much from a pair of the frame.
_NARROWEST, _PAIR_TOLERANCE = np.deg2rad(25.0), np.deg2rad(9.0)
# The best rotations are improved in a few steps. A step weighs bonds over twice the spread, since it begins askew.
_IMPROVED, _STEPS, _WIDER = 8, 4, 2.0
# The order of trying pairs is arbitrary but must not change between runs.
_SEED = 0


@dataclass(frozen=True, eq=False)
class Frame:
    """Lines through the origin along which a packing's bonds point.

    Args:
        name: Of the packing.
        lines: Unit vectors, one for each line.
        kinds: Number of each line's kind; lines of one kind are equivalent by symmetry, or may be missing.
    """

    name: str
    lines: Float[ndarray, "lines 3"]
    kinds: tuple[int, ...]

    @property
    def most(self) -> float:
        """The evidence of bonds that point exactly along the lines."""
        return float(self.evidence(np.ones(1)))

    @cached_property
    def pairs(self) -> tuple[Float[ndarray, "pairs 3"], Float[ndarray, "pairs 3"]]:
        """Two directions at an acute angle, one example of all that are equivalent by the frame's own symmetry."""
        found: dict[tuple, tuple[ndarray, ndarray]] = {}
        numbers = range(len(self.lines))
        for i, j, sign, other in product(numbers, numbers, (1, -1), (1, -1)):
            first, second = sign * self.lines[i], other * self.lines[j]
            if i != j and first @ second > -1e-9:
                seen = self.lines @ np.stack([first, second, np.cross(first, second)], axis=1)
                # Products of two do not depend on which way a line is written.
                products = np.stack([seen[:, a] * seen[:, b] for a, b in ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2))], 1)
                found.setdefault(tuple(sorted(map(tuple, (products + 1e-9).round(3) + 0.0))), (first, second))
        firsts, seconds = zip(*found.values(), strict=True)
        return np.array(firsts), np.array(seconds)

    def evidence(self, square_cosines: Float[ndarray, "*any bonds"]) -> Float[ndarray, "*any"]:
        """Mean over bonds of ln(p/p₀): how much likelier they are in this frame than pointing anywhere.

        p/p₀ = w exp(−sin²θ / 2s²) / (L s²) + 1 − w, for L lines, the angle θ to the nearest of them, the spread s
        and the share w of bonds that follow the frame. So a frame of few lines wins where both fit.

        Args:
            square_cosines: cos²θ of each bond.
        """
        followed = np.exp((square_cosines - 1) / (2 * SPREAD**2)) / (len(self.lines) * SPREAD**2)
        return np.log(FOLLOWING * followed + 1 - FOLLOWING).mean(axis=-1)


@dataclass(frozen=True, eq=False)
class FittedFrame:
    """A frame laid on bonds.

    Args:
        frame: The frame.
        rotation: Turns the frame's lines onto the bonds, as `lines @ rotation.T`.
        evidence: For the frame, from `Frame.evidence`; −∞ where it cannot lie on them.
    """

    frame: Frame
    rotation: Float[ndarray, "3 3"]
    evidence: float


@lru_cache(maxsize=1)
def frames() -> tuple[Frame, ...]:
    """Simple cubic, body-centred, layered close-packed, decahedral and icosahedral, by the number of lines."""
    edges = np.eye(3)
    diagonals = np.array([(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)]) / np.sqrt(3)
    rise = np.sqrt(2 / 3)
    layered = [_cone((0, 60, 120), 0), _cone((30, 150, 270), rise), _cone((90, 210, 330), rise)]
    fifth = 72 * np.arange(5)
    decahedral = [np.array([[0.0, 0.0, 1.0]]), _cone(fifth, 0.5), _cone(fifth, -0.5), _cone(fifth + 126, 0)]
    fivefold = np.array([np.roll((0, sign, GOLDEN_RATIO), turn) for sign, turn in product((1, -1), range(3))])
    fivefold /= np.sqrt(1 + GOLDEN_RATIO**2)
    return (
        Frame("sc", edges, (0,) * 3),
        # Without second neighbours along the cube's edges it could as well be a zigzag or diamond.
        Frame("bcc", np.concatenate([diagonals, edges]), (0,) * 4 + (1,) * 3),
        Frame("layered", np.concatenate(layered), (0,) * 9),
        Frame("decahedral", np.concatenate(decahedral), (0,) * 16),
        Frame("icosahedral", np.concatenate([fivefold, _edges_between(fivefold)]), (0,) * 21),
    )


def _cone(azimuths, height: float) -> Float[ndarray, "lines 3"]:
    """Unit vectors of one height z at azimuths in degrees."""
    angles = np.deg2rad(np.asarray(azimuths, dtype=float))
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(angles), across * np.sin(angles), np.full(len(angles), height)], axis=1)


def _edges_between(axes: Float[ndarray, "axes 3"]) -> Float[ndarray, "lines 3"]:
    """Directions of the edges of the icosahedron whose vertices lie on these axes, each once."""
    pairs = [(i, j) for i in range(len(axes)) for j in range(i)]
    # Two vertices share an edge when their angle is acute; all axes of an icosahedron meet at 63.4°.
    edges = np.array([axes[i] - np.sign(axes[i] @ axes[j]) * axes[j] for i, j in pairs])
    return edges / np.linalg.norm(edges, axis=1, keepdims=True)


def fit_frame(frame: Frame, directions: Float[ndarray, "bonds 3"]) -> FittedFrame:
    """The rotation that lays a frame best on the directions of bonds; the same bonds give the same rotation."""
    rng = np.random.default_rng(_SEED)
    judges = directions if len(directions) <= _JUDGES else rng.choice(directions, _JUDGES, replace=False)
    rotations = _starts(frame, judges, rng)
    if len(rotations) == 0:
        return FittedFrame(frame, np.eye(3), -np.inf)
    cosines = rotations @ frame.lines.T
    scores = frame.evidence(_square_cosines(cosines, judges))
    rotations = rotations[np.argsort(-scores, kind="stable")[:_IMPROVED]]
    for _ in range(_STEPS):
        rotations = _improved(frame, rotations, judges)
    scores = frame.evidence(_square_cosines(rotations @ frame.lines.T, judges))
    best = rotations[np.argmax(scores)]
    along = (directions @ (best @ frame.lines.T)) ** 2
    seen = np.bincount(np.array(frame.kinds)[along.argmax(axis=1)], minlength=max(frame.kinds) + 1)
    possible = seen.min() >= SEEN * len(directions)
    return FittedFrame(frame, best, float(frame.evidence(along.max(axis=1))) if possible else -np.inf)


def _square_cosines(lines: Float[ndarray, "any 3 lines"], directions: Float[ndarray, "bonds 3"]) -> ndarray:
    """cos² of each direction's angle to the nearest line, for each rotation."""
    return ((directions @ lines) ** 2).max(axis=-1)


def _starts(frame: Frame, directions: Float[ndarray, "bonds 3"], rng: np.random.Generator) -> ndarray:
    """Rotations that lay a pair of the frame's lines on a pair of bonds at about the same angle."""
    chosen = rng.integers(len(directions), size=(4 * _PAIRS, 2))
    first, second = directions[chosen[:, 0]], directions[chosen[:, 1]]
    cosine = (first * second).sum(axis=1)
    second = second * np.where(cosine < 0, -1, 1)[:, None]
    apart = np.flatnonzero(np.abs(cosine) < np.cos(_NARROWEST))[:_PAIRS]
    angles = np.arccos(np.abs(cosine[apart]))
    lines, others = frame.pairs
    wanted = np.arccos(np.clip((lines * others).sum(axis=1), -1, 1))
    bond, pair = np.nonzero(np.abs(angles[:, None] - wanted) < _PAIR_TOLERANCE)
    bond = apart[bond]
    return _axes(first[bond], second[bond]) @ _axes(lines[pair], others[pair]).mT


def _axes(first: Float[ndarray, "any 3"], second: Float[ndarray, "any 3"]) -> Float[ndarray, "any 3 3"]:
    """Right-handed axes, as columns, of pairs of directions: between the two, across, and normal to both."""
    normal = np.cross(first, second)
    between = first + second
    normal, between = (axis / np.linalg.norm(axis, axis=1, keepdims=True) for axis in (normal, between))
    return np.stack([between, np.cross(normal, between), normal], axis=-1)


def _improved(frame: Frame, rotations: Float[ndarray, "any 3 3"], directions: ndarray) -> Float[ndarray, "any 3 3"]:
    """Each rotation turned so that the bonds lie best on the lines they are nearest to (Kabsch)."""
    cosines = directions @ (rotations @ frame.lines.T)
    nearest = np.abs(cosines).argmax(axis=-1)
    cosine = np.take_along_axis(cosines, nearest[..., None], axis=-1)[..., 0]
    weight = np.sign(cosine) * np.exp((cosine**2 - 1) / (2 * (_WIDER * SPREAD) ** 2))
    left, _, right = np.linalg.svd(np.einsum("km,mi,kmj->kij", weight, directions, frame.lines[nearest]))
    left[..., 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    return left @ right
