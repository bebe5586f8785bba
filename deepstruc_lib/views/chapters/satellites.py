"""Chapter 05: a particle in the unit sphere with its satellites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.geometry import UnitSphere, satellites
from deepstruc_lib.views.theme import PALETTE, figure, slider
from deepstruc_lib.views.traces import frame

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Atoms and satellites in the colours of the paper (doi:10.26434/chemrxiv.12662222.v1, Figure 3).
ATOM, SATELLITE, CHOSEN = PALETTE[2], PALETTE[0], PALETTE[1]
# Opaque: half-transparent lines turn white on the transparent ground of a page.
GRID = "#a3abb3"
# Circles of latitude and of longitude, and points on each: enough to see a sphere, few enough to see through it.
_PARALLELS, _MERIDIANS, _POINTS = 5, 6, 73
_SATELLITES, _RAYS = 3, 4  # the traces the slider changes


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
    frames = [
        frame(str(count), {place: _xyz(points) for place, points in zip((_SATELLITES, _RAYS), stop, strict=True)})
        for count, stop in zip(counts, stops, strict=True)
    ]
    traces = [
        {**_lines(_graticule(), GRID, 1), "name": "unit sphere", "showlegend": False},
        _points(np.delete(positions, atom, axis=0), ATOM, 11, "atoms"),
        _points(positions[[atom]], CHOSEN, 13, "one of them"),
        _points(stops[0][0], SATELLITE, 8, "satellites"),
        {**_lines(stops[0][1], CHOSEN, 2.5), "name": "its distances to them"},
    ]
    bare = {f"{axis}axis": {"visible": False, "range": [-1.1, 1.1]} for axis in "xyz"}
    camera = {"eye": {"x": 1.12, "y": 0.67, "z": 0.5}, "center": {"x": 0, "y": 0, "z": 0}}
    still = {
        "scene": {**bare, "aspectmode": "cube", "camera": camera, "uirevision": "turned by hand"},
        "height": 640,
        "margin": {"l": 16, "r": 24, "t": 48, "b": 40},
        "sliders": slider(frames, "Satellites: "),
    }
    return figure(traces, frames=frames, alt=alt, **{**still, **layout})


def _xyz(points: Float[ndarray, "points 3"]) -> dict[str, Any]:
    x, y, z = np.asarray(points, dtype=np.float32).T
    return {"type": "scatter3d", "x": x, "y": y, "z": z}


def _points(points: ndarray, color: str, size: float, name: str) -> dict:
    marker = {"color": color, "size": size, "line": {"width": 0}}
    return {**_xyz(points), "mode": "markers", "name": name, "hoverinfo": "name", "marker": marker}


def _lines(points: ndarray, color: str, width: float) -> dict:
    return {**_xyz(points), "mode": "lines", "line": {"color": color, "width": width}, "hoverinfo": "skip"}


def _rays(start: Float[ndarray, " xyz"], ends: Float[ndarray, "ends 3"]) -> Float[ndarray, "_ 3"]:
    """Lines from one point to others; a row of NaN lifts the pen."""
    return np.stack([np.broadcast_to(start, ends.shape), ends, np.full(ends.shape, np.nan)], axis=1).reshape(-1, 3)


def _graticule() -> Float[ndarray, "_ 3"]:
    """Circles of latitude and longitude on the unit sphere; a row of NaN lifts the pen after each."""
    around = np.linspace(0, 2 * np.pi, _POINTS)
    x, y, level = np.cos(around), np.sin(around), np.ones(_POINTS)
    latitudes = np.pi * (np.arange(1, _PARALLELS + 1) / (_PARALLELS + 1) - 0.5)
    longitudes = np.pi * np.arange(_MERIDIANS) / _MERIDIANS
    circles = [
        *([np.cos(angle) * x, np.cos(angle) * y, np.sin(angle) * level] for angle in latitudes),
        *([x * np.cos(angle), x * np.sin(angle), y] for angle in longitudes),
    ]
    lifted = np.pad(np.array(circles), ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    return lifted.transpose(0, 2, 1).reshape(-1, 3)
