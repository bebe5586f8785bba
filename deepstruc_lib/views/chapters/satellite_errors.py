"""Chapter 05: how well positions come back from their distances, and levels to compare an error with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deepstruc_lib.views.theme import INK, PALETTE, figure
from deepstruc_lib.views.traces import line

if TYPE_CHECKING:
    import plotly.graph_objects as go

PROCEDURES = {
    "linear": "linear, each atom alone",
    "sequential": "(a) atom after atom",
    "batch": "(b) all at once",
    "alone": "(b) all at once",
}
NOISE_DASHES = ("solid", "dot", "dash", "dashdot")
LEVEL_DASHES = ("longdash", "longdashdot", "dot", "dash")
ROOM = 1.4  # factor by which the axes reach beyond the curves
LOGARITHMIC = {"type": "log", "dtick": "D2", "tickformat": ".1~g"}


def error_curves(records: Sequence[dict], *, marks: Mapping[str, float], alt: str, **layout: Any) -> go.Figure:
    """Error against number of satellites for one particle: in Å at the left, in units of its radius at the right.

    Args:
        records: Of `trilateration_errors`; a line for each procedure and noise. Those without error have no place on
            a logarithmic axis and are left out.
        marks: Levels (Å) drawn across, by name.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: No record has an error, they belong to particles of different radius, or there are more noises or
            levels than kinds of lines.
    """
    shown = [record for record in records if record["noise"] > 0]
    radii = [record["error_angstrom"] / record["error"] for record in shown]
    if not radii or not np.allclose(radii, radii[0]):
        raise ValueError(f"records of {len(set(np.round(radii, 9)))} radii: needs some of one particle")
    dashes = _dashes(sorted({record["noise"] for record in shown}), NOISE_DASHES)
    names = list(dict.fromkeys(record["procedure"] for record in shown))
    traces = [
        _curve([r for r in shown if (r["procedure"], r["noise"]) == (name, noise)], place, dash)
        for place, name in enumerate(names)
        for noise, dash in dashes.items()
    ]
    counts = sorted({record["satellites"] for record in shown})
    # plotly draws the second axis only if it has a trace; this one has no points.
    traces.append({"type": "scatter", "x": [counts[0]], "y": [None], "yaxis": "y2", "showlegend": False})
    levels = [record["error_angstrom"] for record in shown] + list(marks.values())
    span = np.log10([min(levels) / ROOM, max(levels) * ROOM])
    axes = {
        "xaxis": {"type": "log", "title": "satellites", "tickvals": counts},
        "yaxis": {**LOGARITHMIC, "title": "mean error (Å)", "range": span.tolist()},
        "yaxis2": {
            **LOGARITHMIC,
            "title": "in units of the radius",
            "range": (span - np.log10(radii[0])).tolist(),
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
        },
    }
    still = {"margin": {"l": 60, "r": 70, "t": 48, "b": 52}, "height": 520}
    return mark_levels(figure(traces, alt=alt, **{**axes, **still, **layout}), marks)


def mark_levels(made: go.Figure, marks: Mapping[str, float]) -> go.Figure:
    """Add a dashed line across, named in the legend, at each level of the y axis, in place.

    Args:
        made: A figure of curves, over numbers.
        marks: Levels by name.

    Raises:
        ValueError: There are more levels than kinds of lines.
    """
    # The traces themselves, not `to_dict()`: that turns an array into a dictionary with its bytes in base64.
    traces: Any = made.data
    places = np.concatenate([np.asarray(trace.x, dtype=float) for trace in traces])
    ends = [float(places.min()), float(places.max())]
    for name, dash in _dashes(marks, LEVEL_DASHES).items():
        style = {"color": INK, "width": 1.5, "dash": dash}
        made.add_trace(line(ends, [marks[name]] * 2, name=name, hoverinfo="name", line=style))
    return made


def _dashes(names: Collection, kinds: Sequence[str]) -> dict[Any, str]:
    """A kind of line for each name."""
    if len(names) > len(kinds):
        raise ValueError(
            f"{len(names)} lines, {', '.join(map(str, names))}: needs {len(kinds)} or fewer, to tell them apart"
        )
    return dict(zip(names, kinds, strict=False))


def _curve(records: Sequence[dict], place: int, dash: str) -> dict:
    """Error (Å) against number of satellites, of one procedure at one noise."""
    first = records[0]
    return line(
        [record["satellites"] for record in records],
        [record["error_angstrom"] for record in records],
        mode="lines+markers",
        name=f"{PROCEDURES[first['procedure']]}, {100 * first['noise']:g} %",
        line={"color": PALETTE[place], "dash": dash, "width": 2},
        marker={"symbol": ("circle", "diamond", "square")[place % 3], "size": 8},
        hovertemplate="%{x} satellites: %{y:.3f} Å<extra></extra>",
    )
