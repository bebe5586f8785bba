"""The card of a model: what it is, what it learned from, what it reads, how it was trained, how well it did."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deepstruc_lib.files.textfiles import write_text
from deepstruc_lib.models.reading import Reads
from deepstruc_lib.models.records import Record, current_records

CARD = "card.json"
FORMAT = 2
_BY_SHAPE = "shape"


@dataclass(frozen=True)
class Card:
    """The record stored beside a model's weights.

    Args:
        kind: Which loader reads the weights, such as "mlg".
        corpus: What it learned from.
        corpus_hash: Of that corpus, and of the code that made it.
        split: Whose training part it learned from.
        held_out: Names of the shapes that were kept out of training and validation besides.
        reads: What it reads of a PDF.
        model: What the kind needs to build it.
        training: How the kind trained it.
        outcome: What came of the training, such as its best epoch.
        seed: Of the training.
        command: That trained it.
        device: Where.
        threads: With how many.
        minutes: How long.
        versions: Of the libraries that matter.
        evaluations: Recorded ones, from their own files.
        format: Of this record.
    """

    kind: str
    corpus: str
    corpus_hash: str
    split: str
    reads: Reads
    held_out: Sequence[str] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    command: str = ""
    device: str = "cpu"
    threads: int | None = None
    minutes: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    evaluations: tuple[Record, ...] = ()
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"a card of format {self.format!r}: needs format {FORMAT}")
        wrong = [name for name in ("kind", "corpus", "split") if not isinstance(getattr(self, name), str)]
        wrong += [name for name in ("model", "training", "outcome") if not isinstance(getattr(self, name), Mapping)]
        if wrong or not isinstance(self.reads, Reads):
            raise ValueError(f"a card with other {', '.join(wrong) or 'reads'}: needs text and named values")
        object.__setattr__(self, "held_out", tuple(self.held_out))

    @property
    def own_split(self) -> str:
        """The split on whose test part the model is evaluated: by shape where a shape was held out."""
        return _BY_SHAPE if self.held_out else self.split

    @property
    def metrics(self) -> Mapping[str, Any] | None:
        """Figures of this very training on its own split, if they are recorded."""
        return self.by_seed().get(self.seed)

    def by_seed(self) -> dict[int, Mapping[str, Any]]:
        """Figures on its own split of this training and of those that differ in the seed only, by seed."""
        own = [record for record in self.evaluations if record.split == self.own_split]
        return {record.seed: record.figures for record in sorted(own, key=lambda record: record.seed)}

    def walks_by_seed(self) -> dict[int, Mapping[str, Any]]:
        """What the walks between shapes gave, of the same trainings where it is recorded."""
        walked = [record for record in self.evaluations if record.walks is not None]
        return {record.seed: record.walks or {} for record in sorted(walked, key=lambda record: record.seed)}

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the evaluations have their own files."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "evaluations"}
        return values | {"reads": self.reads.as_dict(), "held_out": list(self.held_out)}


def write_card(folder: Path, card: Card) -> None:
    """Store the card, whole or not at all; the folder is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    first = {"format": card.format, "kind": card.kind}
    write_text(folder / CARD, json.dumps(first | card.as_dict(), indent=2, ensure_ascii=False) + "\n")


def read_card(folder: Path) -> Card:
    """The card in a model's folder, brought up to date, with its recorded evaluations.

    Raises:
        ValueError: It is damaged, or of a format that is not known.
    """
    path = folder / CARD
    try:
        stored = json.loads(path.read_text("utf-8"))
        if not isinstance(stored, dict):
            raise ValueError("no named values")
        values, figures = upgraded(stored)
        known = {one.name for one in fields(Card)} - {"evaluations"}
        if not values.keys() <= known:
            raise ValueError(f"unknown {', '.join(sorted(values.keys() - known))}")
        reads = Reads(**values.pop("reads"))
        older = [Record(model=folder.name, **one) for one in figures]
        records = current_records(folder, values.get("seed", 0))
        fresh = {(record.split, record.seed) for record in records}
        kept = [record for record in older if (record.split, record.seed) not in fresh]
        return Card(**values, reads=reads, evaluations=(*kept, *records))
    except UnknownFormatError as error:
        raise ValueError(f"{path}: {error}") from error
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: a damaged card ({error}): needs one that training wrote") from error


class UnknownFormatError(ValueError):
    """A card of a format from another version of the library."""


def upgraded(stored: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The values of a stored card in the present format, and figures that an old one held itself.

    Raises:
        UnknownFormatError: The format is not known.
    """
    values, figures = dict(stored), []
    while (number := values.setdefault("format", 1)) != FORMAT:
        if number not in _UPGRADES:
            known = ", ".join(map(str, [*_UPGRADES, FORMAT]))
            raise UnknownFormatError(f"a card of format {number!r}: needs one of {known}, or a newer deepstruc_lib")
        values, more = _UPGRADES[number](values)
        figures += more
    return values, figures


def _from_1(old: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Format 1 knew MLG networks only, and named a shape kept out by its number of atoms.

    What it held of other seeds and of walks is left out: no command had written it.
    """
    from deepstruc_lib.models.mlg.experiments import SHAPES, reads

    kept = ("corpus", "corpus_hash", "split", "model", "seed", "minutes", "versions")
    new = {name: old[name] for name in kept}
    new |= {name: old[name] for name in ("command", "device", "threads") if name in old}
    new["training"] = {**old["training"], "optimizer": "adam", "weight_decay": 0.0, "varied": old["varied"]}
    new["outcome"] = {name: old[name] for name in ("epochs", "best_epoch", "validation_loss")}
    new["held_out"] = [SHAPES[old["without"]]] if old["without"] else []
    new |= {"reads": reads(old["varied"]).as_dict(), "kind": "mlg", "format": 2}
    figures = []
    if old.get("metrics"):
        metrics = old["metrics"]
        figures = [{"split": metrics["split"], "seed": old["seed"], "figures": metrics, "command": old["command"]}]
    return new, figures


_UPGRADES: Mapping[int, Callable[[dict[str, Any]], tuple[dict[str, Any], list[dict[str, Any]]]]] = MappingProxyType(
    {1: _from_1}
)
