"""Trained models as small files: weights, a card that says how they came about, and the training curve."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from deepstruc_lib import __version__
from deepstruc_lib.corpora import corpus_hash
from deepstruc_lib.files.textfiles import write_bytes, write_text
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig
from deepstruc_lib.models.mlg.plans import CORPUS, PLANS, SETTINGS, Plan
from deepstruc_lib.models.training.loop import HISTORY, check_unused, history_text, train
from deepstruc_lib.models.training.state import TrainingConfig, TrainingState

WEIGHTS, CARD = "weights.safetensors", "card.json"
RELEASED = Path(str(files("deepstruc_lib.models").joinpath("weights")))
# A matrix with more elements than this is stored in half precision; the rest is small anyway.
_LARGE = 100_000


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network with its weights, ready to be asked.

    Args:
        name: Of the released model, or of the folder it was trained in.
        plan: How it was built and trained, and on what.
        network: In evaluation mode, on the CPU.
        card: The record stored beside the weights. Of some released models it has "repeats": the metrics of trainings
            with other seeds (`deepstruc train --seed`), whose weights are not kept, and as "valid_between" the share of
            valid structures on chapter 06's walks between different shapes.
        folder: Where they are.
    """

    name: str
    plan: Plan
    network: ConditionalAutoencoder
    card: Mapping[str, Any]
    folder: Path


def released_models() -> tuple[str, ...]:
    """Names of the models whose weights come with the library."""
    return tuple(name for name in PLANS if (RELEASED / name / CARD).exists())


def load_model(name: str | Path) -> TrainedModel:
    """A released model by its name, or one from the folder it was trained in.

    Raises:
        ValueError: There is no such model, or its files are damaged.
    """
    folder = RELEASED / name if str(name) in PLANS else Path(name)
    if not (folder / CARD).is_file():
        known = ", ".join([*released_models(), "a folder of `deepstruc train`"])
        raise ValueError(f"model {str(name)!r}: found no {CARD}; needs one of {known}")
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        plan = Plan(CVAEConfig(**card["model"]), TrainingConfig(**card["training"]), card["without"], card["varied"])
        network = ConditionalAutoencoder(plan.model)
        weights = load((folder / WEIGHTS).read_bytes())
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(f"{folder}: found damaged files ({error}); needs {CARD} and {WEIGHTS} of one model") from error
    return TrainedModel(folder.name, plan, network.eval(), card, folder)


def train_plan(
    plan: Plan, folder: Path, *, device: str = "auto", resume: bool = False, progress: bool = True, **facts: Any
) -> TrainingState:
    """Train a model as planned, into a folder that `load_model` reads from the first checkpoint on.

    Args:
        plan: One of PLANS, or your own.
        folder: For checkpoint, weights, card and curve.
        device: auto, cpu, cuda or mps.
        resume: Go on from the folder's checkpoint where there is one.
        progress: Show a bar on stderr.
        facts: More for the card.

    Raises:
        ValueError: As `train`.
    """
    check_unused(folder, resume)  # before the PDFs of the tables are simulated

    def keep(run: TrainingState) -> None:
        store_model(folder, plan, run, device=str(run.noise.device), **facts)

    options = {"device": device, "resume": resume, "about": _about(plan), "keep": keep, "progress": progress}
    run = train(plan.build, plan.table("train"), plan.table("validation"), plan.training, folder, **options)
    keep(run)  # a finished training that is taken up again passes no checkpoint
    return run


def _about(plan: Plan) -> dict[str, Any]:
    """What is trained, and on what."""
    facts = {"without": plan.without, "varied": plan.varied, "corpus": CORPUS, "split": "random"}
    return {"model": plan.model.as_dict(), **facts}


def store_model(folder: Path, plan: Plan, run: TrainingState, **facts: Any) -> None:
    """Write the best weights of a run, its card and its curve; each file whole or not at all.

    Args:
        folder: Made if missing.
        plan: How the model was built and trained.
        run: The training, finished or not.
        facts: More for the card, such as the device or the metrics.
    """
    model, weights = plan.model, run.best_weights
    if plan.stored_rank:
        model, weights = thinned(plan, weights)
    card = {
        **_about(plan),
        "model": model.as_dict(),
        "training": plan.training.as_dict(),
        "corpus_hash": corpus_hash(CORPUS, SETTINGS),
        "seed": plan.training.seed,
        "epochs": run.epoch,
        "best_epoch": run.best_epoch,
        "validation_loss": run.best_loss,
        "minutes": round(run.seconds / 60, 1),
        "versions": {"deepstruc_lib": __version__, "torch": torch.__version__.partition("+")[0]},
        **facts,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, save({key: _stored(value) for key, value in weights.items()}))
    write_text(folder / HISTORY, history_text(run.history))
    write_text(folder / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def _stored(value: Tensor) -> Tensor:
    return (value.half() if value.numel() > _LARGE else value).contiguous()


@torch.no_grad()
def thinned(plan: Plan, weights: dict[str, Tensor]) -> tuple[CVAEConfig, dict[str, Tensor]]:
    """The same model with its decoder's last layer as a product of two thin matrices, of the plan's stored rank.

    The latent vectors of the training set reach only a small subspace of the last hidden layer; what the large matrix
    does outside of it is left from its random start. The subspace is that of the largest singular values.
    """
    network = plan.build()
    network.load_state_dict(weights)
    table = plan.table("train")
    prior = network.prior(table.pdf)
    sample = network.latent(prior, torch.Generator().manual_seed(plan.training.seed))
    *layers, last = network.decode_rows
    assert isinstance(last, nn.Linear)
    hidden = nn.Sequential(*layers)(torch.cat([prior.mean, sample]))
    basis = torch.linalg.svd(hidden, full_matrices=False).Vh[: plan.stored_rank].contiguous()
    prefix = f"decode_rows.{len(layers)}"
    kept = {key: value for key, value in weights.items() if not key.startswith(prefix)}
    thin = {f"{prefix}.0.weight": basis, f"{prefix}.1.weight": last.weight @ basis.mT, f"{prefix}.1.bias": last.bias}
    return replace(plan.model, rank=plan.stored_rank), kept | thin
