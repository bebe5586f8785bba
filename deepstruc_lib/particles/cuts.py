"""Any number of crystal particles that nobody listed: random centres, random cuts by planes and a sphere, twins."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.particles.stacking import CLOSE_PACKED_DENSITY, LAYER_VECTORS, OFFSETS, STACKINGS, UP

# Planes of a cut, at most; a sphere alone where there are none.
_MOST_PLANES = 12
# Distance of a plane from the centre, in radii of the sphere that holds as many atoms; the sphere keeps needles short.
_NEAREST_PLANE, _FARTHEST_PLANE, _SPHERE = 0.6, 1.3, 1.4
# The centre lies this far from an atom at most, along each axis: some cells of any stacking, and a twin plane inside.
_CENTRE = 1.5


def cut_particles(
    count: int, seed: int, atoms: tuple[int, int] = (20, 300)
) -> Iterator[tuple[str, Float[ndarray, "atoms 3"]]]:
    """Particles cut from fcc, hcp, twinned and faulted crystals, each with its name, at bond length 1.

    The number of atoms is drawn evenly, then the crystal, the centre, and the planes; the atoms are those that a body
    of this form reaches first as it grows. Two draws may give one shape.

    Args:
        count: How many.
        seed: Particle i is the same for every count.
        atoms: Fewest and most.

    Raises:
        ValueError: Fewer than two atoms are asked for, or the range is empty.
    """
    if not 2 <= atoms[0] <= atoms[1]:
        raise ValueError(f"particles of {atoms[0]} to {atoms[1]} atoms: needs 2 ≤ fewest ≤ most")
    names = tuple(STACKINGS)
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        size = int(generator.integers(atoms[0], atoms[1] + 1))
        lattice = names[generator.integers(len(names))]
        yield f"{lattice} cut {number}", _cut(_crystal(lattice, _radius(atoms[1])), size, generator)


def _cut(crystal: Float[ndarray, "many 3"], size: int, generator: np.random.Generator) -> Float[ndarray, "atoms 3"]:
    from_centre = crystal - generator.uniform(-_CENTRE, _CENTRE, 3)
    reached = np.linalg.norm(from_centre, axis=1) / _SPHERE
    planes = int(generator.integers(0, _MOST_PLANES + 1))
    if planes:
        normals = generator.normal(size=(planes, 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals /= generator.uniform(_NEAREST_PLANE, _FARTHEST_PLANE, (planes, 1))
        reached = np.maximum(reached, (from_centre @ normals.T).max(axis=1))
    return from_centre[np.argsort(reached, kind="stable")[:size]]


def _radius(atoms: int) -> float:
    """Of a sphere with so many atoms, in bond lengths."""
    return (3 * atoms / (4 * np.pi * CLOSE_PACKED_DENSITY)) ** (1 / 3)


@lru_cache(maxsize=8)
def _crystal(stacking: str, radius: float) -> Float[ndarray, "many 3"]:
    """All atoms that a cut of this radius about any centre may reach."""
    reach = _CENTRE * np.sqrt(3) + radius * _SPHERE / _NEAREST_PLANE
    layers = int(reach / UP[2]) + 1
    side = np.arange(-2 * layers, 2 * layers + 1)
    layer = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2) @ LAYER_VECTORS
    letters = list(OFFSETS.values())
    heights = range(-layers, layers + 1)
    atoms = np.concatenate([layer + letters[STACKINGS[stacking](k)] + k * UP for k in heights])
    return atoms[np.linalg.norm(atoms, axis=1) <= reach]
