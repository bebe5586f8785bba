"""The linear models that are trained: on which corpus and split, and without which shapes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from deepstruc_lib import __version__
from deepstruc_lib.corpora import PARTS, Corpus, corpus, corpus_hash
from deepstruc_lib.corpora.splits import shuffled
from deepstruc_lib.models.cards import Card, write_card
from deepstruc_lib.models.conditions import RANGES
from deepstruc_lib.models.linear.fitting import LOGISTIC, RIDGE, Table, fit_linear
from deepstruc_lib.models.linear.weights import store_weights
from deepstruc_lib.models.novelty import NOVELTY, store_novelty
from deepstruc_lib.models.novelty_fitting import fit_to_parts
from deepstruc_lib.models.reading import Reads
from deepstruc_lib.models.rescaled import GRID
from deepstruc_lib.scattering import PRESETS

KIND = "linear"
_SETTINGS = MappingProxyType({"mlg": PRESETS["mlg"], "deepstruc": PRESETS["deepstruc_published"]})
# The first peak of the smallest metal, Å: below that share of it nothing is read.
_FIRST_PEAK = 2.0


@dataclass(frozen=True)
class Experiment:
    """One linear model to train.

    Args:
        corpus: What it learns from.
        split: Whose training and validation parts are used.
        held_out: Names of the shapes that are kept out of training and validation.
        seed: Kept in the card; the fits draw nothing at random.
        entries: At most so many of each part, to try something out; all where None.
    """

    corpus: str
    split: str = "random"
    held_out: tuple[str, ...] = ()
    seed: int = 0
    entries: int | None = None
    kind: ClassVar[str] = KIND

    @property
    def varied(self) -> int:
        """How often each entry comes again under other conditions: never."""
        return 0

    def changed(self, *, seed: int = 0, epochs: int | None = None, entries: int | None = None) -> Experiment:
        """The same with another seed, or smaller.

        Raises:
            ValueError: Epochs are given.
        """
        if epochs is not None:
            raise ValueError(f"epochs {epochs}: a linear model is fitted at once: needs none")
        return replace(self, seed=seed, entries=entries)

    def part(self, name: str) -> Corpus:
        """Entries of one part of the split, train, validation or test, less the shapes that are held out.

        Training and validation are without each structure that is also in a later part: a corpus may list one twice.
        """
        whole = corpus(self.corpus)
        out = [index for index, recipe in enumerate(whole.recipes) if recipe.name in self.held_out]
        later = np.isin(whole.splits[self.split], np.arange(PARTS.index(name) + 1, len(PARTS)))
        seen_later = np.isin(whole.structure_ids, whole.structure_ids[later])
        kept = whole.where(self.split, name) & ~seen_later & ~np.isin(whole.recipe_ids, out)
        chosen = np.flatnonzero(kept)
        if self.entries is not None:
            chosen = chosen[shuffled([str(entry) for entry in chosen])[: self.entries]]
        return whole.subset(chosen)

    def train(
        self,
        folder: Path,
        *,
        device: str = "auto",
        devices: int = 1,
        resume: bool = False,
        progress: bool = True,
        **facts: Any,
    ) -> None:
        """Train into a folder that `load_model` then reads; takes seconds, and replaces what is there.

        Args:
            folder: For weights, card and, where all entries are used, what tells unlike PDFs.
            device: auto or cpu.
            devices: One.
            resume: Nothing is half done: starts anew.
            progress: Nothing is shown.
            facts: For the card: command, threads.

        Raises:
            ValueError: Another device is asked for, or more than one.
        """
        if device not in ("auto", "cpu") or devices != 1:
            raise ValueError(f"device {device}, {devices} of them: a linear model needs one cpu")
        start = time.perf_counter()
        training, validation = (self.part(name) for name in PARTS[:2])
        weights, outcome = fit_linear(Table.of(training), Table.of(validation))
        store_weights(folder, weights)
        if self.entries is None:  # a handful of PDFs does not tell what is unlike them
            store_novelty(folder, fit_to_parts(training, validation, self.varied))
        else:
            (folder / NOVELTY).unlink(missing_ok=True)  # of an earlier training
        minutes = round((time.perf_counter() - start) / 60, 2)
        write_card(folder, self._card(outcome, minutes, {"device": "cpu", **facts}))

    def _card(self, outcome: Mapping[str, Any], minutes: float, facts: Mapping[str, Any]) -> Card:
        settings = _SETTINGS[self.corpus]
        limited = {} if self.entries is None else {"entries": self.entries}
        conditions = {name: (getattr(settings, name),) * 2 for name in RANGES}
        return Card(
            kind=KIND,
            corpus=self.corpus,
            corpus_hash=corpus_hash(self.corpus, settings),
            split=self.split,
            reads=Reads(GRID[0] * _FIRST_PEAK, settings.rmax, settings.rstep, conditions),
            held_out=self.held_out,
            model={"points": len(GRID)},
            training={"logistic_inverse_strengths": list(LOGISTIC), "ridge_strengths": list(RIDGE), **limited},
            outcome=outcome,
            seed=self.seed,
            minutes=minutes,
            versions={"deepstruc_lib": __version__, "scikit-learn": version("scikit-learn")},
            **facts,
        )


# The corpus' five shapes by their number of atoms.
_MLG_SHAPES = {19: "FCC(2,2,2)", 43: "FCC(2,3,3)", 63: "FCC(2,4,4)", 87: "FCC(3,4,4)", 93: "FCC(4,4,4)"}

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "mlg-linear": Experiment("mlg"),
        **{f"mlg-linear-without-{n}": Experiment("mlg", held_out=(name,)) for n, name in _MLG_SHAPES.items()},
        "deepstruc-linear": Experiment("deepstruc"),
        "deepstruc-linear-by-shape": Experiment("deepstruc", split="shape"),
    }
)
