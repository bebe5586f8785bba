"""Evaluations as records beside a model's weights: what the figures of a card come from."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepstruc_lib import __version__
from deepstruc_lib.corpora import corpus
from deepstruc_lib.models.contract import LatentProposer, Proposer
from deepstruc_lib.models.records import Record, weights_digest
from deepstruc_lib.models.walks import STEPS, share_with_interval, valid_between
from deepstruc_lib.solving.measures import Evaluation

# So many entries, the first in a fixed random order, stand for the whole where that takes too long.
SUBSETS = (20, 100)


def record_of(model: Proposer, evaluation: Evaluation, command: str, seconds: float, *, walks: int = 0) -> Record:
    """What is stored of an evaluation; walks through latent models are made here, on the split of known shapes.

    Args:
        model: That was evaluated.
        evaluation: Of all entries.
        command: That the user gave.
        seconds: That the evaluation took.
        walks: How many, of a latent model; none where 0.
    """
    return Record(
        model=model.name,
        split=evaluation.split,
        seed=model.card.seed,
        figures=evaluation.summary(),
        subsets={str(count): _figures(evaluation, count) for count in SUBSETS if count < len(evaluation)},
        walks=_walked(model, evaluation.split, walks),
        command=command,
        trained_by=model.card.command,
        weights=weights_digest(model.folder),
        commit=_commit(),
        versions={"deepstruc_lib": __version__, "numpy": np.__version__, "torch": torch.__version__.partition("+")[0]},
        threads=torch.get_num_threads(),
        seconds=round(seconds, 1),
    )


def _figures(evaluation: Evaluation, count: int) -> dict[str, Any]:
    return evaluation.first(count).summary()


def _walked(model: Proposer, split: str, walks: int) -> Mapping[str, Any] | None:
    """Share of valid structures between the ends of walks between test PDFs of different shapes."""
    if walks == 0 or split != "random" or not isinstance(model, LatentProposer):
        return None
    valid = valid_between(model, corpus(model.card.corpus).part(split, "test"), walks)
    share, low, high = share_with_interval(valid)
    return {"valid_between": share, "interval": [low, high], "walks": len(valid), "steps": STEPS}


def _commit() -> str | None:
    """Of the checkout that this code runs from; None where it is none."""
    library = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", library, *arguments], capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "*.py")
        return git("rev-parse", "--short=12", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
