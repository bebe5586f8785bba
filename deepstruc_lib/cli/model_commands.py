"""What each command on models does: list, train, evaluate."""

import json
import shlex
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from deepstruc_lib.cli import options
from deepstruc_lib.cli.messages import INTERRUPTED, progress_bar, say

# Where models are trained, a folder for each, unless another is asked for.
_TRAINING = Path("_training")
# Walks that a record has unless other ones are asked for: as many as `models.walks.WALKS`, which loads scipy.
_WALKS = 150


def models(as_json: options.Json = False) -> None:
    """The released models with the figures of their cards: `deepstruc models --json` prints the whole cards."""
    from deepstruc_lib.models import released_models
    from deepstruc_lib.models.cards import read_card
    from deepstruc_lib.models.released import RELEASED
    from deepstruc_lib.solving.tables import models_table

    cards: dict[str, dict[str, Any]] = {}
    for name in released_models():
        card = read_card(RELEASED / name)
        records = [record.as_dict() for record in card.evaluations]
        cards[name] = {**card.as_dict(), "metrics": card.metrics, "evaluations": records}
    if as_json:
        print(json.dumps(cards))
        return
    from deepstruc_lib.models import EXPERIMENTS

    print(models_table(cards, [name for name in EXPERIMENTS if name not in cards]))


def train(
    model: options.ModelName,
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many of these; they share each batch.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the folder's checkpoint, if it has one.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and noise; the released models have 0.")] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Fewer or more, to try it out.")] = None,
    entries: Annotated[int | None, typer.Option(min=1, help="Only so many of each part, to try it out.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder [_training/MODEL, with -seedN].")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Trains a model as it was released, then tests it: `deepstruc train mlg-cvae -o mine/ --resume`.

    The folder gets weights, card and a recorded evaluation; of a network also checkpoint.pt and history.csv. Ctrl-C
    leaves a checkpoint of the last whole epoch, and the best weights so far.
    """
    import torch

    from deepstruc_lib.models import EXPERIMENTS, load_model
    from deepstruc_lib.models.training.checkpoint import CHECKPOINT
    from deepstruc_lib.solving.results import output_folder
    from deepstruc_lib.solving.tables import evaluation_table

    _check_trainable(model, device)
    own = f"{model}-seed{seed}" if seed else model
    folder = output_folder(output or _TRAINING / own)
    asked = {"seed": seed, "epochs": epochs, "entries": entries}
    given = {"device": device} | {name: value for name, value in asked.items() if value}
    command = " ".join(["deepstruc train", model, *(f"--{name} {value}" for name, value in given.items())])
    try:
        experiment = EXPERIMENTS[model].changed(seed=seed, epochs=epochs, entries=entries)
        facts = {"command": command, "threads": torch.get_num_threads()}
        experiment.train(folder, device=device, devices=devices, resume=resume, **facts)
    except KeyboardInterrupt:
        kept = (folder / CHECKPOINT).exists()
        say(f"deepstruc: interrupted; {f'--resume goes on from {folder}' if kept else 'no epoch was done'}")
        return INTERRUPTED
    summary = _evaluated(load_model(folder), None, None, command, folder)
    print(json.dumps(summary) if as_json else evaluation_table(summary))
    return 0


def _check_trainable(model: str, device: str) -> None:
    import torch

    from deepstruc_lib.models import EXPERIMENTS

    if model not in EXPERIMENTS:
        raise ValueError(f"model {model!r}: needs one of {', '.join(EXPERIMENTS)}")
    if not {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}.get(device, True):
        raise ValueError(f"device {device}: none on this machine: needs cpu, or auto for the best there is")


def evaluate(
    model: Annotated[str, typer.Argument(help="A released model, the folder of a trained one, or library.")],
    split: Annotated[
        Literal["random", "shape"] | None,
        typer.Option(help="Test part: random, or shapes never seen in training [as the model's card says]."),
    ] = None,
    corpus: Annotated[
        Literal["deepstruc", "mlg", "stacking"] | None, typer.Option(help="Whose PDFs, for the library.")
    ] = None,
    entries: Annotated[int | None, typer.Option(min=1, help="Only so many, drawn at random, always the same.")] = None,
    record: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Keep the figures in this model's folder, with the command.")
    ] = None,
    walks: Annotated[
        int, typer.Option(min=0, help="Walks between shapes through a latent model, for the record.")
    ] = _WALKS,
    as_json: options.Json = False,
) -> None:
    """Structures from simulated PDFs against the true ones: `deepstruc evaluate library --corpus mlg`."""
    from deepstruc_lib.models import load_model
    from deepstruc_lib.models.released import model_folder
    from deepstruc_lib.solving import evaluate_library
    from deepstruc_lib.solving.tables import evaluation_table

    if model == "library":
        if corpus is None or record:
            raise ValueError("the library: needs --corpus, whose PDFs it is to be tested on, and no --record")
        with progress_bar("structures") as progress:
            summary = evaluate_library(corpus, split or "random", entries=entries, progress=progress).summary()
    else:
        loaded = load_model(model)
        if corpus not in (None, loaded.card.corpus):
            known = f"corpus {loaded.card.corpus}, which it was trained on"
            raise ValueError(f"model {model!r} and corpus {corpus}: needs {known}")
        if record and entries:
            raise ValueError(f"entries {entries} and record {record}: a record needs all entries")
        shown = ["deepstruc", "evaluate", loaded.name, *(["--split", split] if split else [])]
        into = None if record is None else model_folder(record)
        if into is not None:
            shown += ["--record", into.resolve().name, *([] if walks == _WALKS else ["--walks", str(walks)])]
        summary = _evaluated(loaded, split, entries, shlex.join(shown), into, walks)
    print(json.dumps(summary) if as_json else evaluation_table(summary))


def _evaluated(
    model: Any, split: str | None, entries: int | None, command: str, into: Path | None, walks: int = 0
) -> dict[str, Any]:
    """Figures of an evaluation, recorded in a folder where one is given."""
    from deepstruc_lib.models.records import write_record
    from deepstruc_lib.solving import evaluate_model
    from deepstruc_lib.solving.recording import record_of

    start = time.perf_counter()
    with progress_bar("structures") as progress:
        evaluation = evaluate_model(model, split, entries=entries, progress=progress)
    if into is not None:
        record = record_of(model, evaluation, command, time.perf_counter() - start, walks=walks)
        say(f"{write_record(into, record)}: recorded")
    return evaluation.summary()
