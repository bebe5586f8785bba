"""PDFs that a model was not made for: the groups that it should flag, and its own PDFs to compare with."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepstruc_lib.corpora import Corpus, corpus
from deepstruc_lib.corpora.build import Entries, entry_pdfs
from deepstruc_lib.files import PDF
from deepstruc_lib.models.cards import Card
from deepstruc_lib.particles import Recipe
from deepstruc_lib.particles.libraries import decahedra, layered_fcc, shape_library, truncated_octahedra
from deepstruc_lib.scattering import PDFSettings

COUNT = 100
# Different conditions among the PDFs of a group, where the model was trained on varied ones.
CONDITIONS = 20
BEYOND = 0.2
# Å⁻¹. A fifth of a usual Qmin, for a model that was trained at zero.
BEYOND_ZERO = 0.2
FAMILIES = {
    "mlg": ("Icosahedron", "Decahedron", "HCP", "BCC", "SC"),
    "deepstruc": ("TwinnedSphere", "FaultedSphere", "TruncatedDecahedron"),
}
# Times the largest number of atoms in the corpus.
LARGER = (1.5, 3.0)
SMALLEST = 13


def outside_groups(card: Card, count: int = COUNT, seed: int = 2026) -> dict[str, list[PDF]]:
    """Simulated PDFs by what is other about them: Qmin, Qmax, the family or the size.

    Args:
        card: Of the model: its corpus gives the bond lengths, what it reads gives the conditions.
        count: PDFs in each group.
        seed: Of particles and conditions.
    """
    generator = np.random.default_rng(seed)
    whole = corpus(card.corpus)
    own = [recipe for recipe in whole.recipes if recipe.name not in card.held_out]
    qmin = card.reads.conditions["qmin"][1] * (1 + BEYOND) or BEYOND_ZERO
    qmax_low, qmax_high = card.reads.conditions["qmax"]
    groups = {
        "qmin": _drawn(card, whole, own, count, generator, qmin=qmin),
        "qmax above": _drawn(card, whole, own, count, generator, qmax=qmax_high * (1 + BEYOND)),
        "qmax below": _drawn(card, whole, own, count, generator, qmax=qmax_low * (1 - BEYOND)),
        "larger": _drawn(card, whole, larger(whole), count, generator),
    }
    sizes = range(SMALLEST, int(whole.n_atoms.max()) + 1)
    for family in FAMILIES[card.corpus]:
        others = [recipe for recipe in shape_library("extended") if recipe.family == family and recipe.n_atoms in sizes]
        groups[family] = _drawn(card, whole, others, count, generator)
    return groups


def larger(whole: Corpus) -> list[Recipe]:
    """Particles of the corpus' families with 1.5 to 3 times its largest number of atoms."""
    low, high = (round(factor * whole.n_atoms.max()) for factor in LARGER)
    families = set(whole.family_of_recipe)
    edges = range(2, 10)
    blocks = [(h, k, l) for h in edges for k in edges for l in edges if h <= k <= l]  # noqa: E741
    grown = [*layered_fcc(high), *truncated_octahedra(high), *decahedra(high, largest=5, deepest=5)]
    grown += [Recipe("Icosahedron", (shells,)) for shells in range(2, 7)]
    grown += [Recipe(family, block) for family in ("SC", "BCC", "HCP") for block in blocks if np.prod(block) <= high]
    return [recipe for recipe in grown if recipe.family in families and low <= recipe.n_atoms <= high]


def _drawn(
    card: Card, whole: Corpus, recipes: Sequence[Recipe], count: int, generator: np.random.Generator, **fixed: float
) -> list[PDF]:
    """PDFs of particles drawn among these, each family as often, under the model's conditions but for what is fixed."""
    families = np.array([recipe.family for recipe in recipes])
    wanted = generator.choice(np.unique(families), count)
    particles = [recipes[generator.choice(np.flatnonzero(families == family))] for family in wanted]
    lengths = generator.uniform(whole.bond_lengths.min(), whole.bond_lengths.max(), count)
    varied = any(low < high for low, high in card.reads.conditions.values())
    pdfs: list[PDF] = []
    for rows in np.array_split(np.arange(count), CONDITIONS if varied else 1):
        drawn = {name: float(generator.uniform(*limits)) for name, limits in card.reads.conditions.items()}
        pdfs += simulated([particles[row] for row in rows], lengths[rows], replace(whole.settings, **drawn | fixed))
    return pdfs


def simulated(particles: Sequence[Recipe], bond_lengths: np.ndarray, settings: PDFSettings) -> list[PDF]:
    """The PDFs of particles as a measurement would come."""
    recipes = tuple(dict.fromkeys(particles))
    ids = np.array([recipes.index(particle) for particle in particles])
    entries = Entries(recipes, tuple(recipe.family for recipe in recipes), ids, bond_lengths, ["X"] * len(ids))
    known = {"qmin": settings.qmin, "qmax": settings.qmax, "qdamp": settings.qdamp}
    return [PDF(r=settings.r, g=g, **known) for g in entry_pdfs(entries, settings)]
