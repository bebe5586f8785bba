"""Fills a corpus from the list of its entries: positions, PDFs, shapes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.corpora.record import Corpus
from deepstruc_lib.particles import Recipe, first_of_shape, unit_positions
from deepstruc_lib.progress import progress_bar
from deepstruc_lib.scattering import PDFSettings, simulate

# Structures of one recipe in one call of the simulator.
BATCH = 64


@dataclass(frozen=True)
class Entries:
    """What a corpus lists before anything is computed: entries by recipe, bond length (Å) and element."""

    recipes: tuple[Recipe, ...]
    family_of_recipe: tuple[str, ...]
    recipe_ids: Int[ndarray, " entries"]
    bond_lengths: Float[ndarray, " entries"]
    elements: Sequence[str]


def shape_numbers(recipes: Sequence[Recipe]) -> Int[ndarray, " recipes"]:
    """Number the recipes' shapes from zero in order of appearance; homometric recipes share a number."""
    first = first_of_shape([unit_positions(recipe) for recipe in recipes])
    return np.unique(first, return_inverse=True)[1].reshape(-1)


def padded_positions(entries: Entries) -> tuple[Float[ndarray, "entries atoms 3"], Int[ndarray, " entries"]]:
    """Positions in Å as float32, zero beyond the last atom, and the atom counts."""
    sizes = np.array([recipe.n_atoms for recipe in entries.recipes])
    n_atoms = sizes[entries.recipe_ids]
    positions = np.zeros((len(n_atoms), n_atoms.max(), 3), dtype=np.float32)
    for index, recipe in enumerate(entries.recipes):
        mine = np.flatnonzero(entries.recipe_ids == index)
        scaled = entries.bond_lengths[mine, None, None] * unit_positions(recipe)
        positions[mine, : sizes[index]] = scaled
    return positions, n_atoms


def entry_pdfs(entries: Entries, settings: PDFSettings, progress: bool = False) -> Float[ndarray, "entries r"]:
    """G(r) of every entry as diffpy.srreal computes it, float32; equal structures are computed once.

    A recipe's particles go together: they have the same number of atoms, so nothing is padded.
    """
    pdfs = np.empty((len(entries.recipe_ids), len(settings.r)), dtype=np.float32)
    with progress_bar("shapes simulated", show=progress) as report:
        for index, recipe in enumerate(entries.recipes):
            report(index, len(entries.recipes))
            mine = np.flatnonzero(entries.recipe_ids == index)
            lengths, copies = np.unique(entries.bond_lengths[mine], return_inverse=True)
            unit = torch.from_numpy(unit_positions(recipe).copy())
            curves = [
                simulate((chunk[:, None, None] * unit).float(), settings, transform="diffpy")
                for chunk in torch.from_numpy(lengths).split(BATCH)
            ]
            pdfs[mine] = torch.cat(curves).numpy()[copies.reshape(-1)]
    return pdfs


def build_corpus(
    name: str,
    entries: Entries,
    settings: PDFSettings,
    shape_of_recipe: Int[ndarray, " recipes"],
    splits: dict[str, Int[ndarray, " entries"]],
    progress: bool = False,
) -> Corpus:
    """The corpus of these entries, with PDFs at the settings and the splits as given."""
    positions, n_atoms = padded_positions(entries)
    return Corpus(
        name=name,
        settings=settings,
        recipes=entries.recipes,
        shape_of_recipe=shape_of_recipe,
        family_of_recipe=entries.family_of_recipe,
        recipe_ids=entries.recipe_ids,
        bond_lengths=entries.bond_lengths,
        elements=np.array(entries.elements),
        positions=positions,
        n_atoms=n_atoms,
        pdfs=entry_pdfs(entries, settings, progress),
        splits=splits,
    )
