"""The experiments with networks of the MLG paper: how each is built, on what it is trained, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch

from deepstruc_lib import __version__
from deepstruc_lib.corpora import PARTS, Corpus, corpus, corpus_hash
from deepstruc_lib.corpora.splits import shuffled
from deepstruc_lib.files.textfiles import write_text
from deepstruc_lib.models.cards import Card, write_card
from deepstruc_lib.models.conditions import RANGES
from deepstruc_lib.models.mlg.dataset import ParticleDataset
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig
from deepstruc_lib.models.mlg.storage import store_weights, thinned
from deepstruc_lib.models.novelty import store_novelty
from deepstruc_lib.models.novelty_fitting import fit_to_parts
from deepstruc_lib.models.reading import Reads
from deepstruc_lib.models.training.checkpoint import HISTORY, check_unused, history_text
from deepstruc_lib.models.training.loop import train
from deepstruc_lib.models.training.state import TrainingConfig, TrainingState
from deepstruc_lib.scattering import PRESETS

KIND, CORPUS = "mlg", "mlg"
SETTINGS = PRESETS["mlg"]
# The corpus' five shapes by their number of atoms.
SHAPES = MappingProxyType({19: "FCC(2,2,2)", 43: "FCC(2,3,3)", 63: "FCC(2,4,4)", 87: "FCC(3,4,4)", 93: "FCC(4,4,4)"})


def reads(varied: int) -> Reads:
    """What a network reads: the corpus' grid; it learned from the corpus' conditions, or from varied ones too."""
    own = {name: (getattr(SETTINGS, name),) * 2 for name in RANGES}
    return Reads(SETTINGS.rmin, SETTINGS.rmax, SETTINGS.rstep, RANGES if varied else own)


@dataclass(frozen=True)
class Experiment:
    """One network to train.

    Args:
        model: The network and its loss.
        training: Steps, rates and limits.
        held_out: Names of the shapes that are kept out of training and validation.
        varied: How often each entry of training and validation comes again with a PDF under other conditions.
        stored_rank: The decoder's last layer is stored with this rank, where it is not 0.
        split: Whose training and validation parts are used.
        entries: At most so many of each part, to try something out; all where None.
    """

    model: CVAEConfig
    training: TrainingConfig
    held_out: tuple[str, ...] = ()
    varied: int = 0
    stored_rank: int = 0
    split: str = "random"
    entries: int | None = None
    kind: ClassVar[str] = KIND

    @property
    def corpus(self) -> str:
        """What it learns from: the networks read no other."""
        return CORPUS

    def changed(self, *, seed: int = 0, epochs: int | None = None, entries: int | None = None) -> Experiment:
        """The same with another seed, or smaller."""
        limit = {} if epochs is None else {"epochs": epochs}
        return replace(self, training=replace(self.training, seed=seed, **limit), entries=entries)

    def build(self) -> ConditionalAutoencoder:
        """The untrained network."""
        return ConditionalAutoencoder(self.model)

    def part(self, name: str) -> Corpus:
        """Entries of one part of the split, train, validation or test, less the shapes that are held out."""
        whole = corpus(CORPUS)
        out = [index for index, recipe in enumerate(whole.recipes) if recipe.name in self.held_out]
        chosen = np.flatnonzero(whole.where(self.split, name) & ~np.isin(whole.recipe_ids, out))
        if self.entries is not None:
            chosen = chosen[shuffled([str(entry) for entry in chosen])[: self.entries]]
        return whole.subset(chosen)

    def table(self, name: str) -> ParticleDataset:
        """The same part as a network reads it."""
        varied, seed = (0, 0) if name == "test" else (self.varied, PARTS.index(name))
        return ParticleDataset(self.part(name), self.model.n_satellites, self.model.n_atoms, varied, seed)

    def train(
        self,
        folder: Path,
        *,
        device: str = "auto",
        devices: int = 1,
        resume: bool = False,
        progress: bool = True,
        **facts: Any,
    ) -> TrainingState:
        """Train into a folder that `load_model` reads from the first checkpoint on.

        Args:
            folder: For checkpoint, weights, card and curve.
            device: auto, cpu, cuda or mps.
            devices: How many of these.
            resume: Go on from the folder's checkpoint where there is one.
            progress: Show a bar on stderr.
            facts: For the card: command, threads.

        Raises:
            ValueError: As `training.loop.train`.
        """
        check_unused(folder, resume)  # before the PDFs of the tables are simulated
        learned, checked = self.table("train"), self.table("validation")

        def keep(run: TrainingState) -> None:
            self.store(folder, run, learned, device=str(run.noise.device), **facts)

        options = {"device": device, "devices": devices, "resume": resume, "progress": progress}
        run = train(self.build, learned, checked, self.training, folder, about=self._about(), keep=keep, **options)
        keep(run)  # resuming a finished run saves no checkpoint, so store here
        if self.entries is None:  # a handful of PDFs does not tell what is unlike them
            store_novelty(folder, fit_to_parts(self.part("train"), self.part("validation"), self.varied))
        return run

    def store(self, folder: Path, run: TrainingState, learned: ParticleDataset | None = None, **facts: Any) -> None:
        """Write the best weights of a run, its card and its curve; each file whole or not at all.

        Args:
            folder: Made if missing.
            run: The training, finished or not.
            learned: What it learned from, for experiments that are stored with a lower rank.
            facts: For the card.
        """
        config, weights = self.model, run.best_weights
        if self.stored_rank and learned is not None:
            config, weights = thinned(config, weights, learned, self.stored_rank, self.training.seed)
        store_weights(folder, weights)
        write_text(folder / HISTORY, history_text(run.history))
        write_card(folder, self._card(config, run, facts))

    def _card(self, config: CVAEConfig, run: TrainingState, facts: Mapping[str, Any]) -> Card:
        shown = {"deepstruc_lib": __version__, "torch": torch.__version__.partition("+")[0]}
        limited = {} if self.entries is None else {"entries": self.entries}
        return Card(
            kind=KIND,
            corpus=CORPUS,
            corpus_hash=corpus_hash(CORPUS, SETTINGS),
            split=self.split,
            reads=reads(self.varied),
            held_out=self.held_out,
            model=config.as_dict(),
            training=self.training.as_dict() | {"varied": self.varied} | limited,
            outcome={"epochs": run.epoch, "best_epoch": run.best_epoch, "validation_loss": run.best_loss},
            seed=self.training.seed,
            minutes=round(run.seconds / 60, 1),
            versions=shown,
            **facts,
        )

    def _about(self) -> dict[str, Any]:
        """What is trained, and on what: kept in the checkpoint."""
        data = {"held_out": list(self.held_out), "varied": self.varied, "split": self.split, "entries": self.entries}
        return {"model": self.model.as_dict(), "corpus": CORPUS, **data}


# Architecture, loss, optimiser, batch and patience of doi:10.26434/chemrxiv.12662222.v1. There patience alone ended a
# training; here it also ends after as many epochs as take half an hour on one core.
_PUBLISHED = Experiment(
    CVAEConfig(), TrainingConfig(batch_size=20, learning_rate=5e-5, epochs=300, patience=50), stored_rank=64
)
# The same corpus and idea. A small β makes a bad structure cost more than an informative latent space, half of the
# structures are asked for by the PDF alone, large steps are cooled down at the end; narrow layers keep it small, and
# PDFs under other conditions let it read more than its corpus.
_BEST = Experiment(
    CVAEConfig(encoder=(64, 64), prior=(256, 128), decoder=(128, 256, 384, 64), beta=1e-2, hybrid=0.5),
    TrainingConfig(batch_size=100, learning_rate=1e-3, epochs=100, patience=100, schedule="cosine", warmup=1),
    varied=3,
)


def _variant(experiment: Experiment, **changes: Any) -> Experiment:
    return replace(experiment, model=replace(experiment.model, **changes))


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "mlg-cvae": _BEST,
        "mlg-dae": _variant(_BEST, kind="dae"),
        "mlg-cvae-pdf": _variant(_BEST, pdf_weight=10.0),
        **{f"mlg-cvae-without-{n_atoms}": replace(_BEST, held_out=(name,)) for n_atoms, name in SHAPES.items()},
        "mlg-cvae-published": _PUBLISHED,
        "mlg-dae-published": _variant(_PUBLISHED, kind="dae"),
        "mlg-cvae-published-h8": _variant(_PUBLISHED, latent=8),
    }
)
