"""A corpus of stacking faults between fcc and hcp: 36 stackings, nine patches, five bond lengths."""

from itertools import product

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora.build import Entries
from deepstruc_lib.corpora.splits import apportion, split_keys
from deepstruc_lib.particles import Recipe, stacking_classes

PRESET = "deepstruc_published"
# The paper (doi:10.1039/D2DD00086E) gives 1620 structures and no recipe. This reading gives as many.
LAYERS = (5, 6, 7)
PATCHES = ((3, 3), (3, 4), (3, 5), (3, 6), (4, 4), (4, 5), (4, 6), (4, 7), (5, 5))
BOND_LENGTHS = (2.40, 2.55, 2.70, 2.85, 3.00)


def entries() -> Entries:
    """Every stacking class on every patch at every bond length; no element is meant."""
    words = [word for layers in LAYERS for word in stacking_classes(layers)]
    recipes = tuple(Recipe("StackedPatch", (word, *patch)) for word, patch in product(words, PATCHES))
    n_entries = len(recipes) * len(BOND_LENGTHS)
    return Entries(
        recipes=recipes,
        family_of_recipe=tuple(recipe.motif for recipe in recipes),
        recipe_ids=np.repeat(np.arange(len(recipes)), len(BOND_LENGTHS)),
        bond_lengths=np.tile(BOND_LENGTHS, len(recipes)),
        elements=["X"] * n_entries,
    )


def random_parts(listed: Entries, shapes: Int[ndarray, " recipes"]) -> Int[ndarray, " entries"]:
    """A random split of the distinct structures, so that homometric twins, which share a PDF, stay together."""
    first = np.unique(shapes, return_index=True)[1]
    names = [
        f"{listed.recipes[int(first[shapes[recipe]])].name} at {length:.2f}"
        for recipe, length in zip(listed.recipe_ids, listed.bond_lengths, strict=True)
    ]
    structures = list(dict.fromkeys(names))
    part_of = dict(zip(structures, split_keys(structures, apportion(len(structures))), strict=True))
    return np.array([part_of[name] for name in names], dtype=np.int8)
