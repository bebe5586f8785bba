"""Tests of the methods, each on the same PDFs: networks, and the library fit as their baseline."""

import time
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora import Corpus, corpus
from deepstruc_lib.models import TrainedModel, generate, load_model
from deepstruc_lib.models.mlg.plans import CORPUS
from deepstruc_lib.models.released import CARD
from deepstruc_lib.particles import first_of_shape, unit_positions
from deepstruc_lib.solving.identify import identify
from deepstruc_lib.solving.library import Shape, shapes
from deepstruc_lib.solving.measures import Evaluation, Progress, compare

SPLITS = ("random", "shape")
# Shapes that are refined for each PDF; with eight the coarse match hardly ever loses the true one to correlated
# motion. One more makes up for the true shape where it is taken out.
_CANDIDATES = 8


def evaluation_part(name: str, split: str) -> Corpus:
    """The entries that are evaluated: the test part of a corpus' split.

    The shape split of mlg is leave-one-shape-out: with five shapes each of them has its turn, so that all 950 distinct
    structures are tested once, in the order of their number of atoms and bond length.

    Raises:
        ValueError: For an unknown corpus or split.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r}: needs one of {', '.join(SPLITS)}")
    whole = corpus(name)
    if name != CORPUS or split == "random":
        return whole.part(split, "test")
    first = np.unique(whole.structure_ids, return_index=True)[1]
    return whole.subset(first[np.lexsort((whole.bond_lengths[first], whole.n_atoms[first]))])


def evaluate_model(
    model: TrainedModel | str,
    split: str = "random",
    *,
    sample: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Structures that a network makes of the test PDFs alone, their number of atoms and their size included.

    Args:
        model: One that is loaded, or its name or folder.
        split: "random", or "shape": each shape by the model that was trained without it, which lies beside this one
            under its name with -without-N; such a model itself is tested on the shape it never saw.
        sample: Take samples of the prior instead of its mean.
        progress: Called with the number of structures compared, and of all.

    Raises:
        ValueError: There is no such model or split, or no model trained without each shape.
    """
    model = model if isinstance(model, TrainedModel) else load_model(model)
    part = evaluation_part(CORPUS, split)
    if split == "shape" and model.plan.without:
        part = part.subset(part.n_atoms == model.plan.without)
    found: list[ndarray] = []
    seconds = 0.0
    for asked, entries in _askable(model, split, part):
        pdfs = torch.from_numpy(entries.pdfs)
        start = time.perf_counter()
        made = generate(asked.network, pdfs, sample)
        seconds += time.perf_counter() - start
        found += [made[index].numpy() for index in range(len(made))]
    return compare(model.name, split, part, found, seconds, progress)


def _askable(model: TrainedModel, split: str, part: Corpus) -> list[tuple[TrainedModel, Corpus]]:
    """Which network is asked about which entries, in their order."""
    if split != "shape" or model.plan.without:
        return [(model, part)]
    sizes = np.unique(part.n_atoms).tolist()
    folders = {n_atoms: model.folder.with_name(f"{model.folder.name}-without-{n_atoms}") for n_atoms in sizes}
    missing = [folder.name for folder in folders.values() if not (folder / CARD).is_file()]
    if missing:
        raise ValueError(
            f"model {model.name!r}: found no {', '.join(missing)} beside it; needs one trained without each shape for "
            "the split shape"
        )
    return [(load_model(folder), part.subset(part.n_atoms == n_atoms)) for n_atoms, folder in folders.items()]


def evaluate_library(name: str, split: str = "random", *, progress: Progress | None = None) -> Evaluation:
    """The baseline on the same PDFs: the best shape of the 197, at its fitted size.

    Args:
        name: Corpus.
        split: "random", or "shape", where the true shape of each entry is taken out of the library.
        progress: Called with the number of PDFs fitted, and of all.

    Raises:
        ValueError: There is no such corpus or split.
    """
    part, library = evaluation_part(name, split), shapes("deepstruc")
    own = _own_shapes(part, library)
    start = time.perf_counter()
    found = identify(part.pdfs.astype(float), part.settings, library, candidates=_CANDIDATES + 1, progress=progress)
    seconds = time.perf_counter() - start
    allowed = (found.shapes != own[:, None]) | (split == "random")
    # Candidates are in the order of Rw: the first that is allowed is the best.
    rows, best = np.arange(len(part)), allowed.argmax(axis=1)
    chosen, nearest = found.shapes[rows, best], found.nearest[rows, best]
    made = [library[shape].positions(distance) for shape, distance in zip(chosen, nearest, strict=True)]
    evaluation = compare("library", split, part, made, seconds)
    recipes = [library[shape].recipe for shape in chosen]
    # A particle may have two names: the 19-atom fcc one is an octahedron too.
    families = [{str(family)} | _names(library, shape) for family, shape in zip(part.families, own, strict=True)]
    right = [not names.isdisjoint((r.family, r.motif)) for names, r in zip(families, recipes, strict=True)]
    motifs = [part.recipe(entry).motif == recipe.motif for entry, recipe in enumerate(recipes)]
    return replace(evaluation, right_family=np.array(right), right_motif=np.array(motifs))


def _own_shapes(part: Corpus, library: tuple[Shape, ...]) -> Int[ndarray, " entries"]:
    """Index into the library of each entry's very shape; -1 where it has none."""
    recipes = [shape.recipe for shape in library] + list(part.recipes)
    first = np.array(first_of_shape([unit_positions(recipe) for recipe in recipes]))[len(library) :]
    return np.where(first < len(library), first, -1)[part.recipe_ids]


def _names(library: tuple[Shape, ...], shape: int) -> set[str]:
    return set() if shape < 0 else {library[shape].recipe.family}
