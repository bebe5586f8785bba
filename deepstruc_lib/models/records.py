"""Records of evaluations beside a model's weights: figures, with the command that made them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from deepstruc_lib.files.textfiles import write_text

EVALUATIONS = "evaluations"
WEIGHTS = "weights.safetensors"
_FORMAT = 1


@dataclass(frozen=True)
class Record:
    """One evaluation of one training.

    Args:
        model: Name of the released model, or of the folder it was trained in.
        split: Whose test part.
        seed: Of the training.
        figures: Of all entries, as `Evaluation.summary` gives them.
        subsets: The same of the first entries in a fixed random order, by their number.
        walks: Of a latent model: what the walks between shapes gave.
        command: That made the record.
        trained_by: The command that made the weights.
        weights: Start of the SHA-256 of the weights' file.
        commit: Of the code, where it came from a git checkout; "+" where that had changes.
        versions: Of the libraries that matter.
        threads: Of the run.
        seconds: That the evaluation took.
        format: Of this record.
    """

    model: str
    split: str
    seed: int
    figures: Mapping[str, Any]
    subsets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    walks: Mapping[str, Any] | None = None
    command: str = ""
    trained_by: str = ""
    weights: str | None = None
    commit: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    seconds: float | None = None
    format: int = _FORMAT

    def __post_init__(self) -> None:
        if self.format != _FORMAT:
            raise ValueError(f"an evaluation of format {self.format!r}: needs {_FORMAT}")
        if not self.command:
            raise ValueError("figures without the command that made them: needs a record of an evaluation")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def weights_digest(folder: Path) -> str:
    """What tells these weights from all others."""
    return sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16]


def write_record(folder: Path, record: Record) -> Path:
    """Store a record in a model's folder, in place of an earlier one of the same split and seed."""
    path = folder / EVALUATIONS / f"{record.split}-seed{record.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record.as_dict(), indent=1, ensure_ascii=False) + "\n")
    return path


def current_records(folder: Path, seed: int) -> tuple[Record, ...]:
    """The records in a model's folder, but none of earlier weights: one may train into a folder again.

    Args:
        folder: Of the model.
        seed: Of its training. Those of other seeds are of weights that are not here.

    Raises:
        ValueError: A file is no record.
    """
    records = read_records(folder)
    if not any(record.seed == seed and record.weights for record in records) or not (folder / WEIGHTS).is_file():
        return records
    known = (None, weights_digest(folder))
    return tuple(record for record in records if record.seed != seed or record.weights in known)


def read_records(folder: Path) -> tuple[Record, ...]:
    """The records in a model's folder, in the order of their names.

    Raises:
        ValueError: A file is none.
    """
    records = []
    for path in sorted((folder / EVALUATIONS).glob("*.json")):
        try:
            records.append(Record(**json.loads(path.read_text("utf-8"))))
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: a damaged evaluation ({error}): needs one that a command wrote") from error
    return tuple(records)
