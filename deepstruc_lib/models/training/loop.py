"""One explicit training loop: progress, early stop, checkpoints, and a resume that changes nothing."""

from __future__ import annotations

import csv
import io
import os
import pickle
import time
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from deepstruc_lib.files.textfiles import write_text
from deepstruc_lib.models.training.state import TrainingConfig, TrainingState

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINT, HISTORY = "checkpoint.pt", "history.csv"
# Entries validated at once; without gradients to keep, many fit.
_VALIDATION_BATCH = 200
# What is saved of a run besides its generators, the first two by Fabric's own ways.
_STATE = ("model", "optimizer", "epoch", "seconds", "best_loss", "best_epoch", "best_weights", "history")


class Table(Protocol):
    """Training data, held in memory on the device."""

    def __len__(self) -> int: ...
    def to(self, device: torch.device) -> Table:
        """Move to a device."""
        ...

    def batch(self, entries: Tensor) -> Any:
        """What the model's forward takes, for the entries at these indices."""
        ...


def train(
    build: Callable[[], nn.Module],
    training: Table,
    validation: Table,
    config: TrainingConfig,
    folder: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    about: Mapping[str, Any] = MappingProxyType({}),
    checkpoint_seconds: float = 30.0,
    keep: Callable[[TrainingState], None] = lambda run: None,
    progress: bool = True,
) -> TrainingState:
    """Train a model whose forward(batch, generator) returns the terms of its loss.

    The folder holds checkpoint.pt, from which an interrupted training goes on as if nothing had happened (model,
    optimiser, schedule, random states, best weights), and history.csv, one row an epoch. On another device, or with
    another number of threads, sums are rounded in another way.

    Args:
        build: Makes the model; called once the seed is set.
        training: Entries to learn from.
        validation: Entries that decide which weights are best, and when to stop.
        config: How to train.
        folder: Made if missing; without `resume` it must hold no checkpoint.
        device: auto, cpu, cuda or mps.
        resume: Go on from the folder's checkpoint where there is one.
        about: What else makes this training the one it is, such as model and data: kept in the checkpoint, from which
            no other training goes on.
        checkpoint_seconds: At least this long between checkpoints; they fall between epochs.
        keep: Called after each checkpoint, to store the best weights so far.
        progress: Show a bar on stderr.

    Returns:
        The finished run, with the weights of its best epoch.

    Raises:
        ValueError: The folder has a checkpoint and `resume` is not asked for, or it is of another training, or
            damaged; or the loss is not finite.
    """
    from lightning_fabric import Fabric  # takes over a second, and most who import the models do not train

    check_unused(folder, resume)
    folder.mkdir(parents=True, exist_ok=True)
    fabric = Fabric(accelerator=device, devices=1)
    run = _begin(fabric, build, config)
    if (folder / CHECKPOINT).exists():
        _load(fabric, folder / CHECKPOINT, run, config, about)
    training, validation = training.to(fabric.device), validation.to(fabric.device)
    saved = time.monotonic()
    with tqdm(total=config.epochs, initial=run.epoch, unit="epoch", desc=folder.name, disable=not progress) as bar:
        while not run.finished(config):
            _epoch(fabric, run, training, validation, config)
            bar.set_postfix(
                loss=f"{run.history[-1]['validation_loss']:.4g}", best=f"{run.best_loss:.4g}", refresh=False
            )
            bar.update()
            # An epoch that is cut short has moved the weights half the way: only whole epochs are saved.
            if run.finished(config) or time.monotonic() - saved > checkpoint_seconds:
                _save(fabric, folder, run, config, about)
                keep(run)
                saved = time.monotonic()
    return run


def check_unused(folder: Path, resume: bool) -> None:
    """Refuse a folder with a checkpoint, unless it is to be taken up.

    Raises:
        ValueError: There is one.
    """
    if (folder / CHECKPOINT).exists() and not resume:
        raise ValueError(f"{folder}: found the checkpoint of an earlier training; needs resume, or another folder")


def _begin(fabric: Fabric, build: Callable[[], nn.Module], config: TrainingConfig) -> TrainingState:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    model, optimizer = fabric.setup(model, optimizer)
    generators = torch.Generator().manual_seed(config.seed), torch.Generator(fabric.device).manual_seed(config.seed)
    return TrainingState(model, optimizer, *generators)


def _epoch(fabric: Fabric, run: TrainingState, training: Table, validation: Table, config: TrainingConfig) -> None:
    """Teach every entry once, then validate; the run is changed in place."""
    start = time.monotonic()
    for group in run.optimizer.param_groups:
        group["lr"] = config.learning_rate * config.rate(run.epoch)
    run.model.train()
    shuffled = torch.randperm(len(training), generator=run.order).to(fabric.device)
    taught = _Mean()
    for entries in shuffled.split(config.batch_size):
        run.optimizer.zero_grad()
        terms = run.model(training.batch(entries), run.noise)
        fabric.backward(terms["loss"])
        run.optimizer.step()
        taught.add(terms, len(entries))
    run.epoch += 1
    row = taught.values() | {f"validation_{name}": value for name, value in _validate(run, validation, config).items()}
    if not (isfinite(row["loss"]) and isfinite(row["validation_loss"])):
        raise ValueError(f"epoch {run.epoch}: found a loss that is not finite; needs a lower learning rate")
    if row["validation_loss"] < run.best_loss:
        run.best_loss, run.best_epoch = row["validation_loss"], run.epoch
        run.best_weights = {name: value.detach().cpu().clone() for name, value in run.model.state_dict().items()}
    run.seconds += time.monotonic() - start
    run.history.append({"epoch": run.epoch, "seconds": round(run.seconds, 2), **row})


@torch.no_grad()
def _validate(run: TrainingState, table: Table, config: TrainingConfig) -> dict[str, float]:
    """Mean terms of the loss, with the same noise in every epoch so that epochs can be compared."""
    run.model.eval()
    noise = torch.Generator(run.noise.device).manual_seed(config.seed)
    found = _Mean()
    for entries in torch.arange(len(table), device=run.noise.device).split(_VALIDATION_BATCH):
        found.add(run.model(table.batch(entries), noise), len(entries))
    return found.values()


class _Mean:
    """Mean over entries of a loss' terms, kept on the device until it is asked for."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, terms: dict[str, Tensor], entries: int) -> None:
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach() * entries
        self.count += entries

    def values(self) -> dict[str, float]:
        return {name: float(value) / self.count for name, value in self.sums.items()}


def _save(fabric: Fabric, folder: Path, run: TrainingState, config: TrainingConfig, about: Mapping[str, Any]) -> None:
    """Checkpoint and history, each written whole or not at all."""
    state = {name: getattr(run, name) for name in _STATE}
    state |= {"order": run.order.get_state(), "noise": run.noise.get_state()}
    state |= {"config": config.as_dict(), "about": dict(about)}
    temporary = folder / f"{CHECKPOINT}.tmp"
    fabric.save(temporary, state)
    os.replace(temporary, folder / CHECKPOINT)
    write_text(folder / HISTORY, history_text(run.history))


def history_text(history: list[dict[str, float]]) -> str:
    """The history as CSV, one row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _rounded(value) for name, value in row.items()} for row in history)
    return text.getvalue()


def _rounded(value: float) -> float | int:
    return value if isinstance(value, int) else float(f"{value:.6g}")


def _load(fabric: Fabric, path: Path, run: TrainingState, config: TrainingConfig, about: Mapping[str, Any]) -> None:
    """Take the run up where the checkpoint left it."""
    try:
        state = fabric.load(path, weights_only=True)
        _check_same({**state["about"], **state["config"]}, {**about, **config.as_dict()}, path)
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        what = str(error).partition("\n")[0]
        raise ValueError(f"{path}: found a checkpoint that is damaged or of another model ({what})") from error
    run.order.set_state(state["order"])
    run.noise.set_state(state["noise"])
    for name in _STATE[2:]:
        setattr(run, name, state[name])


def _check_same(found: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    # More epochs, patience or time may be asked for than before: they do not change what was done. A cosine, though,
    # hangs on its number of epochs.
    free = {"patience", "minutes"} if wanted["schedule"] == "cosine" else {"patience", "minutes", "epochs"}
    names = sorted(name for name in (wanted.keys() | found.keys()) - free if found.get(name) != wanted.get(name))
    if names:
        other, own = ({name: facts.get(name) for name in names} for facts in (found, wanted))
        raise ValueError(f"{path}: found another training, with {other}; needs {own}, or another folder")
