"""Trained models by name or folder: the released ones, and those that `train` wrote."""

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from deepstruc_lib.models.cards import CARD, read_card
from deepstruc_lib.models.contract import Proposer

RELEASED = Path(str(files("deepstruc_lib.models").joinpath("weights")))
# Modules with a function load(folder, card) for each kind; imported when the first model of that kind is asked for.
LOADERS = MappingProxyType(
    {
        "linear": "deepstruc_lib.models.linear.proposer",
        "mlg": "deepstruc_lib.models.mlg.proposer",
    }
)


def released_models() -> tuple[str, ...]:
    """Names of the models whose weights come with the library."""
    return tuple(sorted(folder.parent.name for folder in RELEASED.glob(f"*/{CARD}")))


def model_folder(name: str | Path) -> Path:
    """Where a released model of this name lies, or the folder of a trained one.

    Raises:
        ValueError: There is no such model.
    """
    # A name may stand for a released model only where it is no path.
    folder = RELEASED / name if Path(name).name == str(name) and (RELEASED / name / CARD).is_file() else Path(name)
    if not (folder / CARD).is_file():
        known = ", ".join([*released_models(), "a folder of `deepstruc train`"])
        raise ValueError(f"model {str(name)!r}: no {CARD}: needs one of {known}")
    return folder


def load_model(name: str | Path) -> Proposer:
    """A released model by its name, or one from the folder it was trained in; its card says of which kind it is.

    Raises:
        ValueError: There is no such model, its kind is not known, or its files are damaged.
    """
    folder = model_folder(name)
    card = read_card(folder)
    if card.kind not in LOADERS:
        raise ValueError(f"{folder / CARD}: a model of kind {card.kind!r}: needs one of {', '.join(LOADERS)}")
    return import_module(LOADERS[card.kind]).load(folder, card)
