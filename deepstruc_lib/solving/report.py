"""Solutions as a table, and as files: structures, curves, numbers."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepstruc_lib.files import PDF, write_structure
from deepstruc_lib.files.textfiles import write_text
from deepstruc_lib.solving.solve import Solution

_COLUMNS = (
    ("rank", "{}"),
    ("family", "{}"),
    ("motif", "{}"),
    ("n_atoms", "{}"),
    ("rw", "{:.4f}"),
    ("bond_length", "{:.4f}"),
    ("stretch", "{:.4f}"),
    ("scale", "{:.4g}"),
    ("biso", "{:.3f}"),
    ("delta2", "{:.2f}"),
    ("source", "{}"),
)


def solutions_table(solutions: Sequence[Solution]) -> str:
    """One line a solution; bond_length in Å, biso and delta2 in Å²."""
    rows = [[name for name, _ in _COLUMNS]]
    for solution in solutions:
        values = solution.as_dict()
        rows.append([form.format(values[name]) for name, form in _COLUMNS])
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    low, high = solutions[0].fit.rw_range
    return "\n".join([*lines, f"Rw over {low:g}–{high:g} Å; bond_length in Å, biso and delta2 in Å²"])


def write_solutions(folder: Path, solutions: Sequence[Solution], pdf: PDF) -> list[Solution]:
    """Writes each structure (.xyz) and its fit (.fit: r, G, G_fit, difference), and solutions.csv.

    Returns:
        The solutions with the names of their files.

    Raises:
        OSError: The folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for solution in solutions:
        name = f"{solution.rank}_{solution.family}_{solution.n_atoms}"
        values = {key: value for key, value in solution.as_dict().items() if value is not None}
        fields = values | {"pdf": pdf.source or "unnamed", "rw_from": solution.fit.rw_range[0]}
        write_structure(folder / f"{name}.xyz", solution.atoms, fields | {"rw_to": solution.fit.rw_range[1]})
        write_text(folder / f"{name}.fit", _curves(solution))
        written.append(replace(solution, file=str(folder / f"{name}.xyz")))
    write_text(folder / "solutions.csv", _csv(written))
    return written


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
