"""Builds particles of stacked close-packed layers: patches, and spheres of perfect or faulted stackings."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from jaxtyping import Float
from numpy import ndarray

LAYER_VECTORS = np.array([[1.0, 0.0, 0.0], [0.5, np.sqrt(0.75), 0.0]])
LAYER_SPACING = np.sqrt(2 / 3)
HOLLOW_B = LAYER_VECTORS.sum(axis=0) / 3
OFFSETS = {"A": np.zeros(3), "B": HOLLOW_B, "C": -HOLLOW_B}
UP = np.array([0.0, 0.0, LAYER_SPACING])

# Atoms in a volume of one cubic bond length of any close packing.
CLOSE_PACKED_DENSITY = np.sqrt(2)
# Distances of two atoms of one shell to its centre agree to rounding; different shells are at least 1e-3 apart.
SHELL_TOLERANCE = 1e-6

# The letter (0, 1, 2 for A, B, C) of layer k. A twin plane is layer 0. The intrinsic fault is a layer missing
# between -1 and 0: the one step B → A in a chain of steps A → B → C → A.
STACKINGS: dict[str, Callable[[int], int]] = {
    "fcc": lambda k: k % 3,
    "hcp": lambda k: k % 2,
    "twin": lambda k: abs(k) % 3,
    "fault": lambda k: (k if k >= 0 else k - 1) % 3,
}
# Where a sphere's centre may sit, seen from an atom of layer 0 with a B above it.
CENTRES = {
    "atom": np.zeros(3),
    "bond": LAYER_VECTORS[0] / 2,
    "octahedral": -HOLLOW_B + UP / 2,
    "tetrahedral": HOLLOW_B + UP / 4,
    # The octahedral hole between the two layers that an intrinsic fault brings together.
    "octahedral_below": -HOLLOW_B - UP / 2,
}


def _relabelled(word: str) -> str:
    """The word with its letters renamed in order of appearance, so that it begins AB."""
    names = dict(zip(dict.fromkeys(word), "ABC", strict=False))
    return "".join(names[letter] for letter in word)


def check_word(word: str) -> str:
    """Return the word if it is a close packing: letters A, B, C, no two equal neighbours.

    Raises:
        ValueError: When it is not.
    """
    if not word or set(word) - set("ABC") or any(a == b for a, b in pairwise(word)):
        raise ValueError(f"stacking {word!r}: needs letters A, B, C without equal neighbours, such as 'ABCAB'")
    return word


def stacking_classes(layers: int) -> tuple[str, ...]:
    """Close-packed words up to reversal and relabelling, each by its lexicographically first word (it begins AB)."""
    if layers < 2:
        raise ValueError(f"stacking_classes({layers}): needs at least 2 layers")
    words = ("AB" + "".join(rest) for rest in product("ABC", repeat=layers - 2))
    closed = (word for word in words if all(a != b for a, b in pairwise(word)))
    return tuple(sorted({min(_relabelled(word), _relabelled(word[::-1])) for word in closed}))


def stacking_motif(word: str) -> str:
    """Say fcc when every inner layer lies between unlike layers, hcp when between like ones, else faulted."""
    between_like = {below == above for below, above in zip(word, word[2:], strict=False)}
    if len(between_like) != 1:
        return "faulted"
    return "hcp" if between_like.pop() else "fcc"


def stacked_patch(word: str, rows: int, columns: int) -> Float[ndarray, "atoms 3"]:
    """Parallelogram patches of rows × columns atoms (edges at 60°) stacked by the word."""
    if rows < 1 or columns < 1:
        raise ValueError(f"stacked_patch: {rows} x {columns} atoms: needs at least one row and one column")
    indices = np.stack(np.meshgrid(range(rows), range(columns), indexing="ij"), axis=-1).reshape(-1, 2)
    layer = indices @ LAYER_VECTORS
    return np.concatenate([layer + OFFSETS[letter] + k * UP for k, letter in enumerate(check_word(word))])


@lru_cache(maxsize=64)
def _by_distance(stacking: str, centre: str, reach: int) -> tuple[ndarray, ndarray]:
    """Atoms within `reach` bond lengths of the centre, nearest first, and their distances."""
    if stacking not in STACKINGS or centre not in CENTRES:
        raise ValueError(
            f"sphere of {stacking!r} about {centre!r}: needs one of {list(STACKINGS)} about one of {list(CENTRES)}"
        )
    # A lattice row is √¾ apart from the next; the slant of the layer's cell needs half as much again.
    side = np.arange(-2 * reach, 2 * reach + 1)
    layer = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2) @ LAYER_VECTORS
    heights = range(-2 * reach, 2 * reach + 1)
    letters = list(OFFSETS.values())
    crystal = np.concatenate([layer + letters[STACKINGS[stacking](k)] + k * UP for k in heights])
    from_centre = crystal - CENTRES[centre]
    # Rounding makes ties of one shell exact, so that the order within it is reproducible.
    distances = np.linalg.norm(from_centre, axis=1).round(9)
    inside = distances < reach
    order = np.lexsort((*from_centre[inside].round(9).T, distances[inside]))
    return from_centre[inside][order], distances[inside][order]


def _reach_of(atoms: int) -> int:
    return int(np.ceil((3 * atoms / (4 * np.pi * CLOSE_PACKED_DENSITY)) ** (1 / 3))) + 1


def sphere_sizes(stacking: str, centre: str, max_atoms: int) -> tuple[int, ...]:
    """Atom counts of all spheres about the centre: a size where the next atom lies farther out."""
    distances = _by_distance(stacking, centre, _reach_of(max_atoms))[1]
    sizes = np.flatnonzero(np.diff(distances) > SHELL_TOLERANCE) + 1
    return tuple(int(n) for n in sizes[sizes <= max_atoms])


def sphere(stacking: str, centre: str, atoms: int) -> Float[ndarray, "atoms 3"]:
    """Sphere cut from a stacking (fcc, hcp, twin, fault) about a centre, given by its number of atoms.

    Raises:
        ValueError: When no sphere about this centre holds so many atoms.
    """
    positions, distances = _by_distance(stacking, centre, _reach_of(atoms))
    if atoms < 1 or distances[atoms] - distances[atoms - 1] < SHELL_TOLERANCE:
        near = [n for n in sphere_sizes(stacking, centre, atoms + 100) if abs(n - atoms) < 60]
        raise ValueError(
            f"sphere of {stacking} about {centre}: {atoms} atoms cut a shell: needs a number such as {near}"
        )
    return positions[:atoms]
