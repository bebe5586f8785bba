"""The corpus of the DeepStruc paper: 197 shapes at 19 bond lengths, with its authors' split."""

import json
from importlib.resources import files

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora.build import Entries
from deepstruc_lib.corpora.elements import DISTINCT_RADII, bond_length, elements_of
from deepstruc_lib.particles import shape_library

PRESET = "deepstruc_published"
_LETTERS = "tve"


def entries() -> Entries:
    """Every shape at every radius, 3743 structures (doi:10.1039/D2DD00086E).

    Of the elements that share a radius the alphabetically last one is named, as in the authors' files.
    """
    recipes = shape_library("deepstruc")
    radii = np.tile(DISTINCT_RADII, len(recipes))
    return Entries(
        recipes=recipes,
        family_of_recipe=tuple(recipe.family for recipe in recipes),
        recipe_ids=np.repeat(np.arange(len(recipes)), len(DISTINCT_RADII)),
        bond_lengths=np.array([bond_length(radius) for radius in radii]),
        elements=[elements_of(radius)[-1] for radius in radii],
    )


def random_parts(listed: Entries, shapes: Int[ndarray, " recipes"]) -> Int[ndarray, " entries"]:
    """The authors' own split into 2245, 749 and 749, from a table of one letter for each shape and radius.

    They shuffled file names with a fixed seed. Which of several equivalent index triples a file was named after
    depended on the rounding of one version of ASE, so the split cannot be recomputed and is kept as data.
    """
    table = json.loads(files("deepstruc_lib.corpora").joinpath("data/deepstruc_split.json").read_text("utf-8"))
    letters = "".join(table["parts"][recipe.name] for recipe in listed.recipes)
    return np.array([_LETTERS.index(letter) for letter in letters], dtype=np.int8)
