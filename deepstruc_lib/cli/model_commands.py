"""What each command on models does: list, train, evaluate."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from deepstruc_lib.cli import options
from deepstruc_lib.cli.messages import INTERRUPTED, progress_bar, say

# Where models are trained, a folder for each, unless another is asked for.
_TRAINING = Path("_training")


def models(as_json: options.Json = False) -> None:
    """The released models with the figures of their cards: `deepstruc models --json` prints the whole cards."""
    from deepstruc_lib.models import PLANS, load_model, released_models
    from deepstruc_lib.solving.tables import models_table

    cards = {name: dict(load_model(name).card) for name in released_models()}
    print(json.dumps(cards) if as_json else models_table(cards, [name for name in PLANS if name not in cards]))


def train(
    model: options.ModelName,
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute.")] = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the folder's checkpoint, if it has one.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and noise; the released models have 0.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder [_training/MODEL, with -seedN].")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Trains a model as it was released, then tests it: `deepstruc train mlg-cvae -o mine/ --resume`.

    The folder gets checkpoint.pt, history.csv, weights.safetensors and card.json. Ctrl-C leaves the last checkpoint
    and the best weights so far.
    """
    import torch

    from deepstruc_lib.models import PLANS, load_model, store_model, train_plan
    from deepstruc_lib.solving import evaluate_model
    from deepstruc_lib.solving.results import output_folder
    from deepstruc_lib.solving.tables import evaluation_table

    _check_trainable(model, device)
    own = f"{model}-seed{seed}" if seed else model
    plan, folder = PLANS[model], output_folder(output or _TRAINING / own)
    plan = replace(plan, training=replace(plan.training, seed=seed))
    command = f"deepstruc train {model} --device {device}" + (f" --seed {seed}" if seed else "")
    facts = {"command": command, "threads": torch.get_num_threads()}
    try:
        run = train_plan(plan, folder, device=device, resume=resume, **facts)
    except KeyboardInterrupt:
        say(f"deepstruc: interrupted; --resume goes on from the last checkpoint in {folder}, if there is one")
        return INTERRUPTED
    with progress_bar("structures") as progress:
        evaluation = evaluate_model(load_model(folder), "shape" if plan.without else "random", progress=progress)
    summary = evaluation.summary()
    store_model(folder, plan, run, device=str(run.noise.device), **facts, metrics=summary)
    print(json.dumps(summary) if as_json else evaluation_table(summary))
    return 0


def _check_trainable(model: str, device: str) -> None:
    import torch

    from deepstruc_lib.models import PLANS

    if model not in PLANS:
        raise ValueError(f"model {model!r}: needs one of {', '.join(PLANS)}")
    if not {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}.get(device, True):
        raise ValueError(f"device {device}: found none on this machine; needs cpu, or auto for the best there is")


def evaluate(
    model: Annotated[str, typer.Argument(help="A released model, the folder of a trained one, or library.")],
    split: Annotated[
        Literal["random", "shape"], typer.Option(help="Test part: random, or shapes never seen in training.")
    ] = "random",
    corpus: Annotated[
        Literal["deepstruc", "mlg", "stacking"] | None, typer.Option(help="Whose PDFs, for the library.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Structures from simulated PDFs against the true ones: `deepstruc evaluate library --corpus mlg`."""
    from deepstruc_lib.models.mlg.plans import CORPUS
    from deepstruc_lib.solving import evaluate_library, evaluate_model
    from deepstruc_lib.solving.tables import evaluation_table

    if model == "library" and corpus is None:
        raise ValueError("the library: needs --corpus, whose PDFs it is to be tested on")
    if model != "library" and corpus not in (None, CORPUS):
        raise ValueError(f"model {model!r} and corpus {corpus}: needs corpus {CORPUS}, which it was trained on")
    with progress_bar("structures") as progress:
        if model == "library":
            summary = evaluate_library(str(corpus), split, progress=progress).summary()
        else:
            summary = evaluate_model(model, split, progress=progress).summary()
    print(json.dumps(summary) if as_json else evaluation_table(summary))
