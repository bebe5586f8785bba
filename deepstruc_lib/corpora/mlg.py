"""The corpus of the MLG paper: 950 fcc structures of five shapes, listed 3137 times."""

import json
from importlib.resources import files

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora.build import Entries
from deepstruc_lib.corpora.elements import METALLIC_RADII, bond_length
from deepstruc_lib.corpora.splits import split_keys
from deepstruc_lib.particles import Recipe

PRESET = "mlg"
# Ten lattice constants within one percent of the metallic radius' (doi:10.26434/chemrxiv.12662222.v1).
STRAINS = (0.99, 1.01, 10)
SIZES = (2400, 600, 137)


def lattice_table() -> tuple[dict[str, list[str]], list[int]]:
    """Multiplicities by recipe name, a text of ten digits for each radius, and these radii (pm).

    The paper's loop kept a cluster when its coordinate array was new for the element, bit by bit. Equivalent layer
    indices and rounding made one structure appear one to three times, which is how there come to be 3137 entries.
    """
    table = json.loads(files("deepstruc_lib.corpora").joinpath("data/mlg_multiplicities.json").read_text("utf-8"))
    return {name: digits.split() for name, digits in table["multiplicities"].items()}, table["radii_pm"]


def entries() -> Entries:
    """The 3137 entries, element by element in alphabetical order."""
    multiplicities, radii = lattice_table()
    recipes = tuple(Recipe.from_name(name) for name in multiplicities)
    listed: list[tuple[int, float, str]] = []
    for symbol in sorted(METALLIC_RADII):
        radius = METALLIC_RADII[symbol]
        lengths = np.linspace(bond_length(radius) * STRAINS[0], bond_length(radius) * STRAINS[1], STRAINS[2])
        for index, recipe in enumerate(recipes):
            digits = multiplicities[recipe.name][radii.index(radius)]
            for length, times in zip(lengths.tolist(), digits, strict=True):
                listed.extend([(index, length, symbol)] * int(times))
    ids, bond_lengths, elements = zip(*listed, strict=True)
    return Entries(recipes, ("FCC",) * len(recipes), np.array(ids), np.array(bond_lengths), elements)


def random_parts(listed: Entries, shapes: Int[ndarray, " recipes"]) -> Int[ndarray, " entries"]:
    """A random split of the entries into the paper's 2400, 600 and 137; which they were is not known."""
    return split_keys([str(entry) for entry in range(len(listed.recipe_ids))], SIZES)
