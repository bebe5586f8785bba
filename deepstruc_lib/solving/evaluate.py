"""Tests of the methods, each on the same PDFs: proposers of every kind, and the library fit as their baseline."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora import Corpus, corpus
from deepstruc_lib.models.cards import CARD, Card, read_card
from deepstruc_lib.models.conditions import own_pdfs
from deepstruc_lib.models.contract import Answer, Proposer
from deepstruc_lib.models.released import load_model
from deepstruc_lib.particles import first_of_shape, unit_positions
from deepstruc_lib.solving.identify import identify
from deepstruc_lib.solving.library import Shape, shapes
from deepstruc_lib.solving.measures import Evaluation, Progress, compare, random_order

log = logging.getLogger(__name__)

SPLITS = ("random", "shape")
# Corpora of so few shapes that in the shape split each has its turn to be left out.
_LEAVE_ONE_OUT = ("mlg",)
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
    if name not in _LEAVE_ONE_OUT or split == "random":
        return whole.part(split, "test")
    first = np.unique(whole.structure_ids, return_index=True)[1]
    return whole.subset(first[np.lexsort((whole.bond_lengths[first], whole.n_atoms[first]))])


def evaluate_model(
    model: Proposer | str | Path,
    split: str | None = None,
    *,
    part: Corpus | None = None,
    entries: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The likeliest structures that a model makes of test PDFs alone, their number of atoms and size included.

    Args:
        model: One that is loaded, or its name or folder; of any kind. It is tested on its own corpus.
        split: "random" or "shape"; by default the one its card tells of. "shape" for a model that knows all shapes:
            each shape is asked of the model that differs in nothing but that it was trained without it, found by the
            cards beside this one's. A model without some shapes is tested on these.
        part: Other entries of the corpus than the test part of the split.
        entries: Only so many of them, the first in a fixed random order.
        progress: Called with the number of structures compared, and of all.

    Raises:
        ValueError: There is no such model or split, or no model trained without each shape.
    """
    model = load_model(model) if isinstance(model, str | Path) else model
    split = split or model.card.own_split
    whole = evaluation_part(model.card.corpus, split) if part is None else part
    if split == "shape" and model.card.held_out:
        whole = whole.subset(_of_shapes(whole, model.card.held_out))
    whole = _first(whole, entries)
    answers: list[Answer] = [Answer()] * len(whole)
    seconds = 0.0
    for asked, rows in _askable(model, split, whole):
        pdfs = own_pdfs(whole.subset(rows))
        start = time.perf_counter()
        found = asked.propose(pdfs)
        seconds += time.perf_counter() - start
        for row, answer in zip(rows, found, strict=True):
            answers[row] = answer
    made = [answer.proposals[0].positions if answer.proposals else None for answer in answers]
    return _with_estimates(compare(model.name, split, whole, made, seconds, progress), whole, answers)


def _first(part: Corpus, entries: int | None) -> Corpus:
    return part if entries is None else part.subset(np.sort(random_order(len(part))[:entries]))


def _with_estimates(evaluation: Evaluation, part: Corpus, answers: Sequence[Answer]) -> Evaluation:
    """Numbers of atoms where there is an estimate but no structure, and motifs where they are estimated."""
    n_atoms = evaluation.n_atoms.copy()
    for row, answer in enumerate(answers):
        if not answer.proposals and answer.estimates.n_atoms is not None:
            n_atoms[row] = round(answer.estimates.n_atoms.likeliest)
    motifs = [answer.estimates.motif for answer in answers]
    if not all(motifs):
        return replace(evaluation, n_atoms=n_atoms)
    likeliest = [max(known, key=lambda name: known[name]) for known in motifs if known]
    right = [part.recipe(entry).motif == motif for entry, motif in enumerate(likeliest)]
    return replace(evaluation, n_atoms=n_atoms, right_motif=np.array(right))


def _askable(model: Proposer, split: str, part: Corpus) -> list[tuple[Proposer, Int[ndarray, " rows"]]]:
    """Which model is asked about which entries."""
    card = model.card
    if card.split == "shape" and split != "shape":
        raise ValueError(f"model {model.name!r} and split {split}: it was trained on the split shape, and needs it")
    if split != "shape" or card.own_split == "shape":
        return [(model, np.arange(len(part)))]
    siblings = {folder: one for folder, one in _cards_beside(model.folder).items() if _same_but_data(card, one)}
    for folder, one in siblings.items():
        if one.split == "shape" and not one.held_out:
            return [(load_model(folder), np.arange(len(part)))]
    askable, open_rows = [], np.ones(len(part), dtype=bool)
    for folder, one in siblings.items():
        rows = _of_shapes(part, one.held_out)
        rows = rows[open_rows[rows]]
        if len(rows):
            askable.append((load_model(folder), rows))
            open_rows[rows] = False
    if open_rows.any():
        names = sorted({part.recipe(entry).name for entry in np.flatnonzero(open_rows)})
        raise ValueError(
            f"model {model.name!r}: none beside it that was trained without {', '.join(names)}: needs one "
            "trained without each shape for the split shape"
        )
    return askable


def _cards_beside(folder: Path) -> dict[Path, Card]:
    """Cards of the models in the same folder as this one, without those that cannot be read."""
    cards = {}
    for path in sorted(folder.resolve().parent.glob(f"*/{CARD}")):
        try:
            cards[path.parent] = read_card(path.parent)
        except ValueError as error:
            log.warning("%s", error)
    return cards


def _same_but_data(card: Card, other: Card) -> bool:
    """Whether another model is the same but for the shapes that it was kept from."""
    same = ("kind", "corpus", "model", "training", "reads", "seed")
    kept_from = other.split == "shape" or (bool(other.held_out) and other.split == card.split)
    return kept_from and all(getattr(card, name) == getattr(other, name) for name in same)


def _of_shapes(part: Corpus, names: Sequence[str]) -> Int[ndarray, " rows"]:
    """Entries that have the shape of one of these recipes."""
    shapes_named = {part.shape_of_recipe[index] for index, recipe in enumerate(part.recipes) if recipe.name in names}
    return np.flatnonzero(np.isin(part.shape_ids, list(shapes_named)))


def evaluate_library(
    name: str,
    split: str = "random",
    *,
    part: Corpus | None = None,
    entries: int | None = None,
    library: Sequence[Shape] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The baseline on the same PDFs: the best shape of the 197, at its fitted size.

    Args:
        name: Corpus.
        split: "random", or "shape", where the true shape of each entry is taken out of the library.
        part: Other entries of the corpus than the test part of the split.
        entries: Only so many of them, the first in a fixed random order.
        library: Other shapes than the 197.
        progress: Called with the number of PDFs fitted, and of all.

    Raises:
        ValueError: There is no such corpus or split.
    """
    part = _first(evaluation_part(name, split) if part is None else part, entries)
    library = shapes("deepstruc") if library is None else tuple(library)
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


def _own_shapes(part: Corpus, library: Sequence[Shape]) -> Int[ndarray, " entries"]:
    """Index into the library of each entry's very shape; -1 where it has none."""
    recipes = [shape.recipe for shape in library] + list(part.recipes)
    first = np.array(first_of_shape([unit_positions(recipe) for recipe in recipes]))[len(library) :]
    return np.where(first < len(library), first, -1)[part.recipe_ids]


def _names(library: Sequence[Shape], shape: int) -> set[str]:
    return set() if shape < 0 else {library[shape].recipe.family}
