"""How a model is trained, and a training under way: two records."""

from dataclasses import asdict, dataclass, field
from math import cos, inf, pi
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained.

    Args:
        batch_size: Entries in a step.
        learning_rate: Highest of the schedule.
        epochs: At most this many.
        patience: Stop after this many epochs in which the validation loss has not improved.
        minutes: Stop after the epoch in which this much time is spent, those before a resume included; None: no limit.
        schedule: "constant", or "cosine": the learning rate falls to zero over the epochs.
        warmup: Epochs before the one that first has the full learning rate; it rises in equal steps.
        seed: Of the initial weights, the order of the entries and the noise.
        optimizer: "adam", or "adamw", whose weight decay does not pass through the gradient.
        weight_decay: Of the optimiser.
    """

    batch_size: int = 20
    learning_rate: float = 5e-5
    epochs: int = 10_000
    patience: int = 50
    minutes: float | None = None
    schedule: str = "constant"
    warmup: int = 0
    seed: int = 0
    optimizer: str = "adam"
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule {self.schedule!r}: needs constant or cosine")
        if self.optimizer not in OPTIMIZERS or self.weight_decay < 0:
            given = f"optimizer {self.optimizer!r}, weight_decay {self.weight_decay}"
            raise ValueError(f"{given}: needs one of {', '.join(OPTIMIZERS)}, and 0 or more")
        if min(self.batch_size, self.epochs, self.patience) < 1 or self.learning_rate <= 0:
            raise ValueError("batch_size, epochs, patience, learning_rate: need to be positive")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def rate(self, epoch: int) -> float:
        """Learning rate relative to its highest, in an epoch counted from 0."""
        rising = min(1.0, (epoch + 1) / (self.warmup + 1))
        return rising * (1.0 if self.schedule == "constant" else 0.5 * (1 + cos(pi * epoch / self.epochs)))


@dataclass
class TrainingState:
    """A training under way: all that a resume needs.

    Args:
        model: As Fabric set it up.
        optimizer: Likewise.
        order: Shuffles the entries.
        noise: Of the model.
        epoch: How many are done.
        seconds: Spent so far, before a resume included.
        best_loss: Lowest validation loss.
        best_epoch: Where it was.
        best_weights: The model's state there.
        history: A row of losses for each epoch.
    """

    model: Any
    optimizer: Any
    order: torch.Generator
    noise: torch.Generator
    epoch: int = 0
    seconds: float = 0.0
    best_loss: float = inf
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def finished(self, config: TrainingConfig) -> bool:
        """Whether epochs, patience or time are used up."""
        late = config.minutes is not None and self.seconds >= 60 * config.minutes
        return late or self.epoch >= config.epochs or self.epoch - self.best_epoch >= config.patience


@runtime_checkable
class EpochHook(Protocol):
    """What happens at the end of each epoch besides, such as a schedule of β; its state is in the checkpoint."""

    def after_epoch(self, run: TrainingState) -> None:
        """Called once the epoch is in the history; may change the model."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs, as plain values and tensors."""
        ...

    def load_state_dict(self, state: dict[str, Any], run: TrainingState) -> None:
        """Take up the state of a checkpoint, and bring the model to it."""
        ...
