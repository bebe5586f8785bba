"""Solutions as files in a folder: structures, curves, and a table of numbers."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepstruc_lib.files import PDF
from deepstruc_lib.files.textfiles import write_text
from deepstruc_lib.solving.solution import Solution

_TABLE = "solutions.csv"


def output_folder(folder: Path) -> Path:
    """Makes the folder, so that a long run does not end in a place that cannot be written.

    Raises:
        OSError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder}: cannot be made or written ({error.strerror}): needs a folder for the results"
        ) from error
    if not os.access(folder, os.W_OK):
        raise OSError(f"{folder}: may not be written to: needs a folder for the results")
    return folder


def write_solutions(folder: Path, solutions: Sequence[Solution], pdf: PDF) -> list[Solution]:
    """Writes each structure (.xyz) and its fit (.fit: r, G, G_fit, difference), and solutions.csv.

    Returns:
        The solutions with the names of their files.

    Raises:
        OSError: The folder cannot be made or written.
    """
    from deepstruc_lib.files import write_structure  # loads ase.io, for the better part of a second

    output_folder(folder)
    _remove_earlier(folder)
    written = []
    for solution in solutions:
        name = f"{solution.rank}_{solution.family or solution.motif or 'unnamed'}_{solution.n_atoms}"
        values = {key: value for key, value in solution.as_dict().items() if value is not None}
        fields = values | {"pdf": pdf.source or "unnamed", "rw_from": solution.fit.rw_range[0]}
        write_structure(folder / f"{name}.xyz", solution.atoms, fields | {"rw_to": solution.fit.rw_range[1]})
        write_text(folder / f"{name}.fit", _curves(solution))
        written.append(replace(solution, file=str(folder / f"{name}.xyz")))
    write_text(folder / _TABLE, _csv(written))
    return written


def _remove_earlier(folder: Path) -> None:
    """The files that an earlier table in this folder lists: they are not of these solutions."""
    table = folder / _TABLE
    for row in csv.DictReader(table.read_text("utf-8", "replace").splitlines() if table.exists() else []):
        name = Path(row.get("file") or "").name
        if name.endswith(".xyz"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).with_suffix(".fit").unlink(missing_ok=True)


def _curves(solution: Solution) -> str:
    fit = solution.fit
    stream = io.StringIO()
    header = f"{solution.source} rw={fit.rw:.6f}\nr(A) G(A-2) G_fit(A-2) difference(A-2)"
    np.savetxt(stream, np.stack([fit.r, fit.g, fit.g_fit, fit.g - fit.g_fit], axis=1), fmt="%.8g", header=header)
    return stream.getvalue()


def _csv(solutions: Sequence[Solution]) -> str:
    stream = io.StringIO()
    rows = [{**solution.as_dict(), "file": Path(solution.file or "").name} for solution in solutions]
    writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
