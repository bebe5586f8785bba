"""Chapter 06: where PDFs lie in a latent plane, and what the decoder makes of the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from deepstruc_lib.views.theme import PALETTE, figure
from deepstruc_lib.views.traces import SILENT, markers

if TYPE_CHECKING:
    import plotly.graph_objects as go

GUTTER = 0.1  # between two panels, in widths of the figure; holds the right one's ticks
FADED = "rgba(128,136,144,0.28)"  # where the plane holds no valid particle
DOT = {"size": 6, "opacity": 0.75}


def latent_maps(
    maps: Mapping[str, Float[ndarray, "points 2"]],
    values: ndarray,
    label: str,
    hover: Sequence[str],
    *,
    alt: str,
    axes: tuple[str, str] = ("z₁", "z₂"),
    **layout: Any,
) -> go.Figure:
    """The same PDFs in one or more latent planes, side by side.

    Args:
        maps: A point for each PDF, by heading.
        values: What colours them: whole numbers, one colour a kind, or reals on a scale.
        label: Name and unit of the values; "{}" stands for one of a kind.
        hover: What each point says.
        alt: What the figure shows.
        axes: Names of the two coordinates.
        layout: For `figure`.
    """
    kinds = np.unique(values) if values.dtype.kind in "iu" else [None]
    traces = []
    for place, points in enumerate(maps.values()):
        for number, kind in enumerate(kinds):
            own = slice(None) if kind is None else values == kind
            scale = {"color": values, "colorscale": "Viridis", "showscale": place == 0, "colorbar": {"title": label}}
            marker = {**DOT, **(scale if kind is None else {"color": PALETTE[number % len(PALETTE)]})}
            traces.append(
                markers(
                    points[own, 0],
                    points[own, 1],
                    marker=marker,
                    name=label.format(kind),
                    legendgroup=str(kind),
                    text=np.asarray(hover)[own],
                    showlegend=place == 0 and kind is not None,
                    hovertemplate="%{text}<extra></extra>",
                    **_on_panel(place),
                )
            )
    return figure(traces, alt=alt, **{**_panels(list(maps), axes), "height": 460, **layout})


def plane_map(
    z1: Float[ndarray, " columns"],
    z2: Float[ndarray, " rows"],
    n_atoms: Int[ndarray, "rows columns"],
    valid: Bool[ndarray, "rows columns"],
    points: Float[ndarray, "points 2"],
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """Two panels over a latent plane: atoms of the decoded particle, and where it is valid; PDFs as dots on both.

    Args:
        z1: First coordinate of the grid.
        z2: Second coordinate.
        n_atoms: Number of atoms at each place.
        valid: Whether the particle there is valid.
        points: Latent vectors of PDFs.
        alt: What the figure shows.
        layout: For `figure`.
    """
    atoms = {
        "z": n_atoms,
        "colorscale": "Viridis",
        "hovertemplate": "%{z} atoms<extra></extra>",
        "colorbar": {"title": {"text": "atoms", "side": "right"}, "x": 1.01, "thickness": 14},
    }
    judged = {
        "z": valid.astype(int),
        "colorscale": [[0, FADED], [1, PALETTE[2]]],
        "zmin": 0,
        "zmax": 1,
        "text": np.where(valid, "valid", "not valid"),
        "hovertemplate": "%{text}<extra></extra>",
        "showscale": False,
    }
    dot = {"size": 3.5, "color": "#ffffff", "line": {"width": 1, "color": "#222832"}}
    dots = markers(points[:, 0], points[:, 1], marker=dot, name="PDFs", **SILENT)
    traces: list[dict] = []
    for place, tiles in enumerate((atoms, judged)):
        traces.append({"type": "heatmap", "x": z1, "y": z2, **tiles, **_on_panel(place)})
        traces.append({**dots, **_on_panel(place)})
    headings = _panels(["number of atoms", "valid (green) or not"], ("z₁", "z₂"))
    return figure(traces, alt=alt, **{**headings, "height": 460, **layout})


def _panels(headings: Sequence[str], axes: tuple[str, str]) -> dict[str, Any]:
    """Axes of panels side by side, each named by its heading below; only the first names its y axis."""
    width = (1 + GUTTER) / len(headings)
    arranged: dict[str, Any] = {}
    for place, heading in enumerate(headings):
        under = f"{axes[0]}<br>{heading}" if heading else axes[0]
        start = place * width
        domain = [round(start, 4), round(start + width - GUTTER, 4)]
        arranged[f"xaxis{place + 1}"] = {"domain": domain, "title": under, "anchor": f"y{place + 1}"}
        arranged[f"yaxis{place + 1}"] = {"title": axes[1] if place == 0 else "", "anchor": f"x{place + 1}"}
    return arranged


def _on_panel(place: int) -> dict[str, str]:
    """The axes of a trace on one of the panels, the first being 0."""
    return {"xaxis": f"x{place + 1}", "yaxis": f"y{place + 1}"}
