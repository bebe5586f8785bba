"""Fits, solutions, evaluations and models as tables to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from deepstruc_lib.solving.fit import PARAMETERS, Fit
from deepstruc_lib.solving.solution import Solution

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
# Unit and form of the figures of an evaluation.
_FIGURES = {
    **dict.fromkeys(("exact_n", "solved", "family", "motif"), ("", "{:.1%}")),
    **dict.fromkeys(("mae_median", "mae_mean"), ("Å", "{:.4g}")),
    "rw_median": ("", "{:.4f}"),
    **dict.fromkeys(("r_p", "r_p_std"), ("Å⁻⁴", "{:.4g}")),
    **dict.fromkeys(("pearson", "pearson_std"), ("", "{:.4f}")),
    "seconds_per_pdf": ("s", "{:.4f}"),
}


def fit_table(fit: Fit, fixed: Mapping[str, float]) -> str:
    """A line for each parameter with its uncertainty, and Rw."""
    lines = []
    for name, unit in zip(PARAMETERS, ("", "", "Å²", "Å²"), strict=True):
        error = fit.errors[name]
        known = "fixed" if name in fixed else "at its bound" if error is None else f"± {error:.2g}"
        lines.append(f"{name:8s} {getattr(fit, name):10.5g} {known:14s}{unit}".rstrip())
    return "\n".join([*lines, f"Rw       {fit.rw:10.4f} over {fit.rw_range[0]:g}–{fit.rw_range[1]:g} Å"])


def solutions_table(solutions: Sequence[Solution]) -> str:
    """One line a solution; bond_length in Å, biso and delta2 in Å²."""
    rows = [[name for name, _ in _COLUMNS]]
    for solution in solutions:
        values = solution.as_dict()
        rows.append(["–" if values[name] is None else form.format(values[name]) for name, form in _COLUMNS])
    low, high = solutions[0].fit.rw_range
    return "\n".join([*_aligned(rows), f"Rw over {low:g}–{high:g} Å; bond_length in Å, biso and delta2 in Å²"])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def evaluation_table(summary: Mapping[str, Any]) -> str:
    """A line for each figure of an evaluation; a dash where one does not apply."""
    lines = [f"{summary['model']} on {summary['n']} PDFs of {summary['corpus']}, split {summary['split']}"]
    for name, (unit, form) in _FIGURES.items():
        value = summary.get(name)
        lines.append(f"  {name:16s} {'–' if value is None else form.format(value)} {unit}".rstrip())
    return "\n".join(lines)


def models_table(cards: Mapping[str, Mapping[str, Any]], others: Sequence[str]) -> str:
    """One line a released model with what its card says of the test set; then what else can be trained."""
    columns = ("exact_n", "mae_median", "r_p", "pearson")
    rows = [["model", "split", *columns, "minutes"]]
    for name, card in cards.items():
        metrics = card.get("metrics") or {}
        values = ["–" if metrics.get(key) is None else _FIGURES[key][1].format(metrics[key]) for key in columns]
        rows.append([name, str(metrics.get("split", "–")), *values, str(card.get("minutes", "–"))])
    lines = [*_aligned(rows), "mae_median in Å, r_p in Å⁻⁴, both and the rest on the test part of the split"]
    return "\n".join(lines + [f"{name}: no weights here; `deepstruc train {name}` makes them" for name in others])
