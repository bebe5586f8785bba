"""Names any structure: its family where its shape is a known one, its motif from how its atoms are packed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.geometry.packing import find_bonds, layer_word, packing
from deepstruc_lib.particles import Recipe, distance_list, shape_library, unit_positions

# Two particles are of one shape up to this difference, times the cube root of their number of atoms. Errors of 0.1 Å
# at a bond of 2.8 Å make up to 0.093 in particles of 13 to 450 atoms; a strain of 3 % along one axis makes less.
SAME_SHAPE = 0.1
# The nearest shape may be one of another packing, since sorted distances tell little of that: it must be so many
# times as near.
OTHER_MOTIF = 10.0
# Ligands and staples hold the surface in another packing than the core. Where the whole has none, the parts of the
# atoms that lie innermost are asked, the larger first.
CORES = (1.0, 1 / 2, 1 / 3)
# Fewer atoms of a larger particle are ordered by chance too often.
SMALLEST_CORE = 40
# Bonds whose directions spread less about their plane (or line), as a part of one, are flat.
_FLAT = 0.02


@dataclass(frozen=True)
class Name:
    """What a structure is called.

    Args:
        family: Of the known shape; None where its shape is not a known one.
        motif: fcc, hcp, bcc, sc, icosahedral, decahedral, twinned or faulted; None where its atoms are in no order.
        recipe: The known shape.
    """

    family: str | None
    motif: str | None
    recipe: Recipe | None


def name_structure(positions: Float[ndarray, "atoms 3"], library: Sequence[Recipe] | None = None) -> Name:
    """Family and motif of a structure, from its coordinates in any unit.

    Args:
        positions: Of its atoms, all of them taken as alike.
        library: The shapes that are known; the extended library where it is None.

    Raises:
        ValueError: Fewer than two atoms, or positions that are not finite or on top of each other.
    """
    motif = packing_motif(positions)
    known = known_shape(positions, recipes_of_size(len(positions)) if library is None else library, motif)
    return Name(None, motif, None) if known is None else Name(known.family, known.motif, known)


def packing_motif(positions: Float[ndarray, "atoms 3"]) -> str | None:
    """The motif that the bonds show, of the whole or else of the core; no shape is compared with."""
    positions = np.asarray(positions, dtype=float)
    outward = np.argsort(np.linalg.norm(positions - positions.mean(axis=0), axis=1), kind="stable")
    for part in CORES:
        count = round(part * len(positions))
        if part < 1 and count < SMALLEST_CORE:
            return None
        motif = _motif(positions[np.sort(outward[:count])])
        if motif is not None:
            return motif
    return None


def _motif(positions: Float[ndarray, "atoms 3"]) -> str | None:
    bonds = find_bonds(positions)
    found = packing(bonds, len(positions))
    if found is None:
        return None
    layered = found.frame.name == "layered"
    motif = word_motif(layer_word(positions, bonds, found.rotation)) if layered else found.frame.name
    # A row, a square net and a triangular net are in several crystals; a layer between two alike only in hcp.
    spread = np.linalg.eigvalsh(bonds.directions.T @ bonds.directions / len(bonds.pairs))
    return motif if spread[0] > _FLAT or motif == "hcp" else None


def word_motif(word: str) -> str | None:
    """fcc, hcp, twinned or faulted by the inner layers that lie between two alike: none, all, one, or several."""
    mirrors = [below == above for below, above in zip(word, word[2:], strict=False)]
    if not mirrors:
        return None
    if all(mirrors):
        return "hcp"
    return {0: "fcc", 1: "twinned"}.get(sum(mirrors), "faulted")


def known_shape(
    positions: Float[ndarray, "atoms 3"], recipes: Sequence[Recipe], motif: str | None = None
) -> Recipe | None:
    """The recipe whose shape a structure has, at any scale; None where it is like none of them.

    Args:
        positions: In any unit.
        recipes: Shapes of any size.
        motif: Of the structure, where it is known: shapes of another one must then be much nearer.
    """
    alike = [recipe for recipe in recipes if recipe.n_atoms == len(positions)]
    differences = [
        shape_difference(positions, unit_positions(recipe))
        * (OTHER_MOTIF if motif is not None and recipe.motif != motif else 1)
        for recipe in alike
    ]
    if not alike or min(differences) > SAME_SHAPE / len(positions) ** (1 / 3):
        return None
    return alike[int(np.argmin(differences))]


def shape_difference(one: Float[ndarray, "_ 3"], other: Float[ndarray, "_ 3"]) -> float:
    """Root mean square difference of two particles' sorted distances, relative to the distances' own.

    Infinite for different numbers of atoms.
    """
    if len(one) != len(other):
        return np.inf
    first, second = (distances / np.sqrt(np.mean(distances**2)) for distances in map(distance_list, (one, other)))
    return float(np.sqrt(np.mean((first - second) ** 2)))


def recipes_of_size(atoms: int) -> tuple[Recipe, ...]:
    """The shapes of the extended library with so many atoms."""
    return _by_size().get(atoms, ())


@lru_cache(maxsize=1)
def _by_size() -> dict[int, tuple[Recipe, ...]]:
    sizes: dict[int, list[Recipe]] = defaultdict(list)
    for recipe in shape_library("extended"):
        sizes[recipe.n_atoms].append(recipe)
    return {atoms: tuple(recipes) for atoms, recipes in sizes.items()}
