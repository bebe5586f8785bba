"""One explicit training loop: progress, early stop, checkpoints, and a resume that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from deepstruc_lib.models.training.checkpoint import CHECKPOINT, at_snapshot, check_unused, restore, save, snapshot
from deepstruc_lib.models.training.state import OPTIMIZERS, EpochHook, TrainingConfig, TrainingState
from deepstruc_lib.progress import progress_bar

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# Entries validated at once; without gradients to keep, many fit.
_VALIDATION_BATCH = 200


@runtime_checkable
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
    devices: int = 1,
    resume: bool = False,
    hook: EpochHook | None = None,
    about: Mapping[str, Any] = MappingProxyType({}),
    checkpoint_seconds: float = 30.0,
    keep: Callable[[TrainingState], None] = lambda run: None,
    progress: bool = True,
) -> TrainingState:
    """Train a model whose forward(batch, generator) returns the terms of its loss.

    The folder holds checkpoint.pt, from which an interrupted training goes on as if nothing had happened (model,
    optimiser, schedule, random states, best weights), and history.csv, one row an epoch. On another device, or with
    another number of threads, sums are rounded in another way. An interruption (Ctrl-C) writes both on the way out,
    as they were after the last whole epoch.

    Args:
        build: Makes the model; called once the seed is set.
        training: Entries to learn from.
        validation: Entries that decide which weights are best, and when to stop.
        config: How to train.
        folder: Made if missing; without `resume` it must hold no checkpoint.
        device: auto, cpu, cuda or mps.
        devices: How many of these; each batch is shared among them.
        resume: Go on from the folder's checkpoint where there is one.
        hook: Called at the end of each epoch.
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
    fabric = Fabric(accelerator=device, devices=devices)
    fabric.launch()
    run = _begin(fabric, build, config)
    if (folder / CHECKPOINT).exists():
        restore(fabric, folder / CHECKPOINT, run, config, about, hook)
    training, validation = training.to(fabric.device), validation.to(fabric.device)

    def checkpoint() -> None:
        save(fabric, folder, last, config, about)
        if fabric.is_global_zero:
            keep(at_snapshot(run, last))

    last = snapshot(run, hook)
    saved, written = time.monotonic(), run.epoch
    shown = progress and fabric.is_global_zero
    with progress_bar("epochs", show=shown) as report:
        report(run.epoch, config.epochs)
        try:
            while not run.finished(config):
                _epoch(fabric, run, training, validation, config)
                if hook is not None:
                    hook.after_epoch(run)
                last = snapshot(run, hook)
                newest = run.history[-1]["validation_loss"]
                report(run.epoch, config.epochs, f"loss {newest:.4g}, best {run.best_loss:.4g}")
                if run.finished(config) or time.monotonic() - saved > checkpoint_seconds:
                    checkpoint()
                    saved, written = time.monotonic(), run.epoch
        except KeyboardInterrupt:
            # An epoch that is cut short has moved the weights half the way: only whole epochs are saved.
            if last["epoch"] > written:
                checkpoint()
            raise
    return run


def _begin(fabric: Fabric, build: Callable[[], nn.Module], config: TrainingConfig) -> TrainingState:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = build()
    kind = OPTIMIZERS[config.optimizer]
    optimizer = kind(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
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
        # Several devices share a batch, each taking every n-th entry; one with fewer entries than devices is left out.
        own = entries[fabric.global_rank :: fabric.world_size]
        if len(entries) < fabric.world_size:
            continue
        run.optimizer.zero_grad()
        terms = run.model(training.batch(own), run.noise)
        fabric.backward(terms["loss"])
        run.optimizer.step()
        taught.add(terms, len(own))
    row = taught.values() | {f"validation_{name}": value for name, value in _validate(run, validation, config).items()}
    if not (isfinite(row["loss"]) and isfinite(row["validation_loss"])):
        raise ValueError(f"epoch {run.epoch + 1}: a loss that is not finite: needs a lower learning rate")
    run.epoch += 1
    run.seconds += time.monotonic() - start
    if row["validation_loss"] < run.best_loss:
        run.best_loss, run.best_epoch = row["validation_loss"], run.epoch
        run.best_weights = {name: value.detach().cpu().clone() for name, value in run.model.state_dict().items()}
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
