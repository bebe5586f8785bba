"""A training's state between two epochs: taken, written, and taken up again."""

from __future__ import annotations

import csv
import io
import pickle
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from deepstruc_lib.files.atomic import replacing
from deepstruc_lib.files.textfiles import write_text
from deepstruc_lib.models.training.state import EpochHook, TrainingConfig, TrainingState

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINT, HISTORY = "checkpoint.pt", "history.csv"
# What is saved of a run as it is.
_PLAIN = ("epoch", "seconds", "best_loss", "best_epoch", "best_weights", "history")


def check_unused(folder: Path, resume: bool) -> None:
    """Refuse a folder with a checkpoint, unless it is to be taken up.

    Raises:
        ValueError: There is one.
    """
    if (folder / CHECKPOINT).exists() and not resume:
        raise ValueError(f"{folder}: the checkpoint of an earlier training: needs resume, or another folder")


def snapshot(run: TrainingState, hook: EpochHook | None) -> dict[str, Any]:
    """A copy of all that a resume needs; the training may go on without changing it."""
    state = {name: getattr(run, name) for name in _PLAIN} | {"history": list(run.history)}
    state |= {name: deepcopy(getattr(run, name).state_dict()) for name in ("model", "optimizer")}
    state |= {"order": run.order.get_state(), "noise": run.noise.get_state()}
    return state | ({} if hook is None else {"hook": deepcopy(hook.state_dict())})


def at_snapshot(run: TrainingState, state: Mapping[str, Any]) -> TrainingState:
    """The run with the progress of a snapshot; model and optimiser may be further on."""
    return replace(run, **{name: state[name] for name in _PLAIN})


def save(
    fabric: Fabric, folder: Path, state: Mapping[str, Any], config: TrainingConfig, about: Mapping[str, Any]
) -> None:
    """Checkpoint and history, each written whole or not at all."""
    if fabric.is_global_zero:
        # A snapshot holds plain tensors, the same on every device: one of them writes.
        with replacing(folder / CHECKPOINT) as new:
            torch.save({**state, "config": config.as_dict(), "about": dict(about)}, new)
        write_text(folder / HISTORY, history_text(state["history"]))
    fabric.barrier()


def history_text(history: list[dict[str, float]]) -> str:
    """The history as CSV, one row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _rounded(value) for name, value in row.items()} for row in history)
    return text.getvalue()


def _rounded(value: float) -> float | int:
    return value if isinstance(value, int) else float(f"{value:.6g}")


def restore(
    fabric: Fabric,
    path: Path,
    run: TrainingState,
    config: TrainingConfig,
    about: Mapping[str, Any],
    hook: EpochHook | None,
) -> None:
    """Take the run up where the checkpoint left it.

    Raises:
        ValueError: The checkpoint is damaged, or of another training.
    """
    damaged = f"{path}: a checkpoint that is damaged or of another model: needs one that training wrote"
    try:
        state = fabric.load(path, weights_only=True)
        made = TrainingConfig(**state["config"]).as_dict()
        _check_same({**state["about"], **made}, {**about, **config.as_dict()}, path)
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.order.set_state(state["order"])
        run.noise.set_state(state["noise"].cpu())
        for name in _PLAIN:
            setattr(run, name, state[name])
        if hook is not None:
            hook.load_state_dict(state["hook"], run)
    # What torch says of a file that it does not trust is advice to trust it.
    except (RuntimeError, EOFError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise ValueError(damaged) from error


def _check_same(found: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    # More epochs, patience or time may be asked for than before: they do not change what was done. A cosine, though,
    # depends on its number of epochs.
    free = {"patience", "minutes"} if wanted["schedule"] == "cosine" else {"patience", "minutes", "epochs"}
    names = sorted(name for name in (wanted.keys() | found.keys()) - free if found.get(name) != wanted.get(name))
    if names:
        other, own = ({name: facts.get(name) for name in names} for facts in (found, wanted))
        raise ValueError(f"{path}: another training, with {other}: needs {own}, or another folder")
