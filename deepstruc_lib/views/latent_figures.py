"""Figures of a latent space: where PDFs lie in it, what the decoder makes of its plane, and what lies on a walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from deepstruc_lib.views.pdf_figures import HEADROOM, SLIDER_MARGIN
from deepstruc_lib.views.theme import INK, PALETTE, figure, slider

if TYPE_CHECKING:
    import plotly.graph_objects as go

GUTTER = 0.1  # between two panels, in widths of the figure; holds the right one's ticks
FADED = "rgba(128,136,144,0.28)"  # where the plane holds no valid particle
BAND = 0.18  # opacity of an interval
RULE = 0.4  # upper end of the panel under a PDF, in heights of the figure
FAINT = 0.01  # of the highest peak; beyond the last place where some PDF has so much, none is drawn
DOT = {"size": 6, "opacity": 0.75}
PLATE = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "top", "showarrow": False}
PLAYER = {"player": True}  # book.js moves a figure with this in its meta together with the 3-D player above it


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
            traces.append({
                "type": "scatter", "mode": "markers", "x": points[own, 0], "y": points[own, 1], "marker": marker,
                "name": label.format(kind), "legendgroup": str(kind), "text": np.asarray(hover)[own],
                "showlegend": place == 0 and kind is not None, "hovertemplate": "%{text}<extra></extra>",
                "xaxis": f"x{place + 1}", "yaxis": f"y{place + 1}",
            })  # fmt: skip
    return figure(traces, alt=alt, **{**_panels(list(maps), axes), "height": 460, **layout})


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
    atoms = {"z": n_atoms, "colorscale": "Viridis", "hovertemplate": "%{z} atoms<extra></extra>",
             "colorbar": {"title": {"text": "atoms", "side": "right"}, "x": 1.01, "thickness": 14}}  # fmt: skip
    judged = {"z": valid.astype(int), "colorscale": [[0, FADED], [1, PALETTE[2]]], "zmin": 0, "zmax": 1,
              "text": np.where(valid, "valid", "not valid"), "hovertemplate": "%{text}<extra></extra>",
              "showscale": False}  # fmt: skip
    traces: list[dict] = []
    for place, heat in enumerate((atoms, judged), start=1):
        where = {"xaxis": f"x{place}", "yaxis": f"y{place}"}
        dots = {"size": 3.5, "color": "#ffffff", "line": {"width": 1, "color": "#222832"}}
        traces.append({"type": "heatmap", "x": z1, "y": z2, **heat, **where})
        traces.append({"type": "scatter", "mode": "markers", "x": points[:, 0], "y": points[:, 1], "marker": dots,
                       "name": "PDFs", "hoverinfo": "skip", "showlegend": False, **where})  # fmt: skip
    headings = _panels(["number of atoms", "valid (green) or not"], ("z₁", "z₂"))
    return figure(traces, alt=alt, **{**headings, "height": 460, **layout})


def walk_figure(
    r: Float[ndarray, " r"],
    pdfs: Float[ndarray, "steps r"],
    ends: tuple[Float[ndarray, " r"], Float[ndarray, " r"]],
    n_atoms: Sequence[int],
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """The PDF at one step of a walk, with those of A and B, and below it how far it is from both; one slider.

    In the book it moves with the player of the 3-D view above it, whose frames are the steps.

    Args:
        r: In Å.
        pdfs: G(r) of the structure at each step, Å⁻².
        ends: The PDFs that the walk leads from and to.
        n_atoms: Of the structure at each step.
        alt: What the figure shows.
        layout: For `figure`.
    """
    t = np.linspace(0, 1, len(pdfs))
    misses = [((pdfs - end) ** 2).mean(axis=1) for end in ends]
    low = {"xaxis": "x2", "yaxis": "y2"}
    traces = [
        _curve(r, pdfs[0], "at t", color=PALETTE[0], width=2.2),
        {**_curve([t[0]] * 2, [misses[0][0], misses[1][0]], "at t", color=PALETTE[0]), "mode": "markers",
         "marker": {"size": 11, "color": PALETTE[0]}, "showlegend": False, **low},
    ]  # fmt: skip
    for name, end, miss, color in zip("AB", ends, misses, PALETTE[1:3], strict=True):
        traces.append(_curve(r, end, f"PDF-{name}", color=color, width=1.3, dash="dot"))
        traces.append({**_curve(t, miss, f"R<sub>p</sub> to {name}", color=color, width=2), **low})
    frames = [
        {"name": f"{t[k]:.1f}", "traces": [0, 1], "layout": {"annotations": [{**PLATE, "text": f"{n_atoms[k]} atoms"}]},
         "data": [{"y": pdfs[k], "type": "scatter"}, {"x": [t[k]] * 2, "y": [m[k] for m in misses], "type": "scatter"}]}
        for k in range(len(t))
    ]  # fmt: skip
    everything = np.stack([*pdfs, *ends])
    room = HEADROOM * np.ptp(everything)
    seen = np.abs(everything).max(axis=0) > FAINT * everything.max()
    axes = {
        "xaxis": {"title": "r (Å)", "anchor": "y", "range": [float(r[0]), float(r[seen].max(initial=r[0]))]},
        "xaxis2": {"title": "t, from A to B", "anchor": "y2"},
        "yaxis": {"title": "G (Å⁻²)", "domain": [RULE + 0.14, 1],
                  "range": [float(everything.min() - room), float(everything.max() + room)]},
        "yaxis2": {"title": "R<sub>p</sub> (Å⁻⁴)", "domain": [0, RULE - 0.06], "rangemode": "tozero"},
    }  # fmt: skip
    still = {
        "sliders": slider(frames, "t = "),
        "height": 620,
        "margin": SLIDER_MARGIN,
        "meta": PLAYER,
        **frames[0]["layout"],
    }
    return figure(traces, frames=frames, alt=alt, **{**axes, **still, **layout})


def atoms_along(walks: Mapping[str, Int[ndarray, " steps"]], known: Sequence[int], *, alt: str, **layout: Any):
    """Number of atoms along one walk by several models, with the numbers of the known shapes as lines.

    Args:
        walks: Number of atoms at each step, by model.
        known: Numbers of atoms of the known shapes.
        alt: What the figure shows.
        layout: For `figure`.
    """
    traces = [
        {**_curve(np.linspace(0, 1, len(atoms)), atoms, name, color=PALETTE[place], width=2), "mode": "lines+markers"}
        for place, (name, atoms) in enumerate(walks.items())
    ]
    rules = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": n, "y1": n, "layer": "below",
              "line": {"color": INK, "width": 1, "dash": "dot"}} for n in known]  # fmt: skip
    ticks = {"title": "atoms", "tickvals": list(known)}
    return figure(traces, alt=alt, **{"xaxis_title": "t, from A to B", "yaxis": ticks, "shapes": rules, **layout})


def shares_along(shares: Mapping[str, Float[ndarray, "steps 3"]], *, alt: str, **layout: Any) -> go.Figure:
    """Shares along walks in per cent, with the intervals they are uncertain by.

    Args:
        shares: Share, low and high end at each step, between 0 and 1, by name.
        alt: What the figure shows.
        layout: For `figure`.
    """
    traces = []
    for place, (name, values) in enumerate(shares.items()):
        t, (share, low, high) = np.linspace(0, 1, len(values)), 100 * np.asarray(values).T
        red, green, blue = (int(PALETTE[place][k : k + 2], 16) for k in (1, 3, 5))
        traces.append({"type": "scatter", "x": np.concatenate([t, t[::-1]]), "y": np.concatenate([low, high[::-1]]),
                       "fill": "toself", "fillcolor": f"rgba({red},{green},{blue},{BAND})", "line": {"width": 0},
                       "mode": "lines", "hoverinfo": "skip", "showlegend": False})  # fmt: skip
        dash = ("solid", "dash", "dot", "dashdot")[place % 4]
        line = _curve(t, share, name, color=PALETTE[place], width=2.4, dash=dash)
        traces.append({**line, "hovertemplate": "t = %{x:.1f}: %{y:.0f} %"})
    axes = {"xaxis_title": "t, from A to B", "yaxis": {"title": "share (%)", "range": [0, 104]}}
    return figure(traces, alt=alt, **{**axes, **layout})


def _curve(x: Any, y: Any, name: str, **line: Any) -> dict:
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": line}
