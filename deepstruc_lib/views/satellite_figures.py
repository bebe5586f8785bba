"""Figures of a particle with satellites, and of how well its positions come back from their distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.geometry import UnitSphere, satellites
from deepstruc_lib.views.theme import INK, PALETTE, figure, slider

if TYPE_CHECKING:
    import plotly.graph_objects as go

# What the paper draws green and blue (doi:10.26434/chemrxiv.12662222.v1, Figure 3); the chosen atom stands out.
ATOM, SATELLITE, CHOSEN = PALETTE[2], PALETTE[0], PALETTE[1]
# Opaque: on the transparent ground of a page half-transparent lines come out white.
GRID = "#a3abb3"
# Circles of latitude and of longitude, and points on each: enough to see a sphere, few enough to see through it.
_PARALLELS, _MERIDIANS, _POINTS = 5, 6, 73
_SATELLITES, _RAYS = 3, 4  # the traces the slider changes
PROCEDURES = {
    "linear": "linear, each atom alone",
    "sequential": "(a) atom after atom",
    "batch": "(b) all at once",
    "alone": "(b) all at once",
}
_DASHES = ("solid", "dot", "dash", "dashdot")
_ROOM = 1.4  # the axes reach so many times beyond the curves


def sphere_with_satellites(
    particle: UnitSphere, counts: Sequence[int], *, atom: int = -1, alt: str, **layout: Any
) -> go.Figure:
    """A particle in the unit sphere with its satellites, to turn; a slider changes their number.

    Args:
        particle: In the unit sphere.
        counts: Numbers of satellites, one for each stop.
        atom: The one whose distances to the satellites are drawn.
        alt: What the figure shows.
        layout: For `figure`.
    """
    positions = particle.positions
    stops = [(satellites(count), _rays(positions[atom], satellites(count))) for count in counts]
    frames = [{"name": str(count), "traces": [_SATELLITES, _RAYS],
               "data": [{"type": "scatter3d", **_xyz(points)} for points in stop]}
              for count, stop in zip(counts, stops, strict=True)]  # fmt: skip
    traces = [
        {**_lines(_graticule(), GRID, 1), "name": "unit sphere", "showlegend": False},
        _points(np.delete(positions, atom, axis=0), ATOM, 11, "atoms"),
        _points(positions[[atom]], CHOSEN, 13, "one of them"),
        _points(stops[0][0], SATELLITE, 8, "satellites"),
        {**_lines(stops[0][1], CHOSEN, 2.5), "name": "its distances to them"},
    ]
    bare = {f"{axis}axis": {"visible": False, "range": [-1.1, 1.1]} for axis in "xyz"}
    camera = {"eye": {"x": 1.12, "y": 0.67, "z": 0.5}, "center": {"x": 0, "y": 0, "z": 0}}
    scene = {**bare, "aspectmode": "cube", "camera": camera, "uirevision": "turned by hand"}
    return figure(traces, frames=frames, alt=alt, **{
        "scene": scene, "height": 640, "margin": {"l": 16, "r": 24, "t": 48, "b": 40},
        "sliders": slider(frames, "Satellites: "), **layout,
    })  # fmt: skip


def error_curves(records: Sequence[dict], *, marks: Mapping[str, float], alt: str, **layout: Any) -> go.Figure:
    """Error against number of satellites for one particle: in Å at the left, in units of its radius at the right.

    Args:
        records: Of `trilateration_errors`; a line for each procedure and noise. Those without error have no place on
            a logarithmic axis and are left out.
        marks: Levels (Å) drawn across, by what is written on them.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: No record has an error, or they belong to particles of different radius.
    """
    shown = [record for record in records if record["noise"] > 0]
    radii = [record["error_angstrom"] / record["error"] for record in shown]
    if not radii or not np.allclose(radii, radii[0]):
        raise ValueError(f"records of {len(set(np.round(radii, 9)))} radii came; some of one particle are needed")
    names = list(dict.fromkeys(record["procedure"] for record in shown))
    noises = sorted({record["noise"] for record in shown})
    traces = [_curve([r for r in shown if (r["procedure"], r["noise"]) == (name, noise)], place, dash)
              for place, name in enumerate(names) for noise, dash in zip(noises, _DASHES, strict=False)]  # fmt: skip
    counts = sorted({record["satellites"] for record in shown})
    # A trace of its own, without points, brings the second axis.
    traces.append({"type": "scatter", "x": [counts[0]], "y": [None], "yaxis": "y2", "showlegend": False})
    levels = [record["error_angstrom"] for record in shown] + list(marks.values())
    span = np.log10([min(levels) / _ROOM, max(levels) * _ROOM])
    made = figure(traces, alt=alt, **{
        "xaxis": {"type": "log", "title": "satellites", "tickvals": counts},
        "yaxis": {**_LOG, "title": "mean error (Å)", "range": span.tolist()},
        "yaxis2": {**_LOG, "title": "in units of the radius", "range": (span - np.log10(radii[0])).tolist(),
                   "overlaying": "y", "side": "right", "showgrid": False},
        "margin": {"l": 60, "r": 70, "t": 48, "b": 52}, "height": 520, **layout,
    })  # fmt: skip
    return mark_levels(made, marks)


def mark_levels(made: go.Figure, marks: Mapping[str, float]) -> go.Figure:
    """Add a dashed line across, named in the legend, at each level of the y axis, in place."""
    places = [x for trace in made.to_dict()["data"] for x in trace["x"]]
    for (name, level), dash in zip(marks.items(), ("longdash", "longdashdot"), strict=False):
        made.add_scatter(x=[min(places), max(places)], y=[level] * 2, mode="lines", name=name, hoverinfo="name",
                         line={"color": INK, "width": 1.5, "dash": dash})  # fmt: skip
    return made


_LOG = {"type": "log", "dtick": "D2", "tickformat": ".1~g"}


def _curve(records: Sequence[dict], place: int, dash: str) -> dict:
    first = records[0]
    return {
        "type": "scatter", "mode": "lines+markers", "x": [record["satellites"] for record in records],
        "y": [record["error_angstrom"] for record in records],
        "name": f"{PROCEDURES[first['procedure']]}, {100 * first['noise']:g} %",
        "line": {"color": PALETTE[place], "dash": dash, "width": 2},
        "marker": {"symbol": ("circle", "diamond", "square")[place % 3], "size": 8},
        "hovertemplate": "%{x} satellites: %{y:.3f} Å<extra></extra>",
    }  # fmt: skip


def _xyz(points: ndarray) -> dict[str, ndarray]:
    return dict(zip("xyz", np.asarray(points, dtype=np.float32).T, strict=True))


def _points(points: ndarray, color: str, size: float, name: str) -> dict:
    return {"type": "scatter3d", "mode": "markers", **_xyz(points), "name": name, "hoverinfo": "name",
            "marker": {"color": color, "size": size, "line": {"width": 0}}}  # fmt: skip


def _lines(points: ndarray, color: str, width: float) -> dict:
    return {"type": "scatter3d", "mode": "lines", **_xyz(points), "line": {"color": color, "width": width},
            "hoverinfo": "skip"}  # fmt: skip


def _rays(start: Float[ndarray, " xyz"], ends: Float[ndarray, "ends 3"]) -> Float[ndarray, "_ 3"]:
    """Lines from one point to others; a row of NaN lifts the pen."""
    return np.stack([np.broadcast_to(start, ends.shape), ends, np.full(ends.shape, np.nan)], axis=1).reshape(-1, 3)


def _graticule() -> Float[ndarray, "_ 3"]:
    """Circles of latitude and longitude on the unit sphere."""
    around = np.linspace(0, 2 * np.pi, _POINTS)
    circles = []
    for latitude in np.pi * (np.arange(1, _PARALLELS + 1) / (_PARALLELS + 1) - 0.5):
        ring = [
            np.cos(latitude) * np.cos(around),
            np.cos(latitude) * np.sin(around),
            np.full(_POINTS, np.sin(latitude)),
        ]
        circles.append(np.stack(ring, axis=1))
    for longitude in np.pi * np.arange(_MERIDIANS) / _MERIDIANS:
        ring = [np.cos(around) * np.cos(longitude), np.cos(around) * np.sin(longitude), np.sin(around)]
        circles.append(np.stack(ring, axis=1))
    return np.concatenate([np.vstack([circle, np.full((1, 3), np.nan)]) for circle in circles])
