"""Chapter 06: the PDF, the number of atoms and the share of valid particles along walks through a latent space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.views.colors import with_opacity
from deepstruc_lib.views.theme import INK, PALETTE, SLIDER_MARGIN, figure, slider
from deepstruc_lib.views.traces import SILENT, frame, line, markers, range_with_room

if TYPE_CHECKING:
    import plotly.graph_objects as go

BAND = 0.18  # opacity of an interval
RULE = 0.4  # upper end of the panel under a PDF, in heights of the figure
FAINT = 0.01  # of the highest peak: the r axis ends where all curves stay below this
PLATE = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "top", "showarrow": False}
PLAYER = {"player": True}  # book.js moves a figure with this in its meta together with the 3-D player above it


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
    here = {"color": PALETTE[0], "size": 11}
    traces = [
        line(r, pdfs[0], name="at t", line={"color": PALETTE[0], "width": 2.2}),
        markers([t[0]] * 2, [miss[0] for miss in misses], name="at t", marker=here, showlegend=False, **low),
    ]
    for name, end, miss, color in zip("AB", ends, misses, PALETTE[1:3], strict=True):
        traces.append(line(r, end, name=f"PDF-{name}", line={"color": color, "width": 1.3, "dash": "dot"}))
        traces.append(line(t, miss, name=f"R<sub>p</sub> to {name}", line={"color": color, "width": 2}, **low))
    frames = [
        frame(
            f"{t[k]:.1f}",
            {0: {"y": pdfs[k]}, 1: {"x": [t[k]] * 2, "y": [miss[k] for miss in misses]}},
            annotations=[{**PLATE, "text": f"{n_atoms[k]} atoms"}],
        )
        for k in range(len(t))
    ]
    still = {
        "sliders": slider(frames, "t = "),
        "height": 620,
        "margin": SLIDER_MARGIN,
        "meta": PLAYER,
        **frames[0]["layout"],
    }
    return figure(traces, frames=frames, alt=alt, **{**_walk_axes(r, np.stack([*pdfs, *ends])), **still, **layout})


def _walk_axes(r: Float[ndarray, " r"], curves: Float[ndarray, "curves r"]) -> dict[str, dict]:
    """Axes of the PDFs above, which end where no curve has a peak any more, and of the misfits below."""
    seen = np.abs(curves).max(axis=0) > FAINT * curves.max()
    return {
        "xaxis": {"title": "r (Å)", "anchor": "y", "range": [float(r[0]), float(r[seen].max(initial=r[0]))]},
        "xaxis2": {"title": "t, from A to B", "anchor": "y2"},
        "yaxis": {"title": "G (Å⁻²)", "domain": [RULE + 0.14, 1], "range": range_with_room(curves)},
        "yaxis2": {"title": "R<sub>p</sub> (Å⁻⁴)", "domain": [0, RULE - 0.06], "rangemode": "tozero"},
    }


def atoms_along(
    walks: Mapping[str, Int[ndarray, " steps"]], known: Sequence[int], *, alt: str, **layout: Any
) -> go.Figure:
    """Number of atoms along one walk by several models, with the numbers of the known shapes as lines.

    Args:
        walks: Number of atoms at each step, by model.
        known: Numbers of atoms of the known shapes.
        alt: What the figure shows.
        layout: For `figure`.
    """
    traces = [
        line(
            np.linspace(0, 1, len(atoms)),
            atoms,
            mode="lines+markers",
            name=name,
            line={"color": PALETTE[place], "width": 2},
        )
        for place, (name, atoms) in enumerate(walks.items())
    ]
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    rules = [{**across, "y0": n, "y1": n, "line": {"color": INK, "width": 1, "dash": "dot"}} for n in known]
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
        color, dash = PALETTE[place], ("solid", "dash", "dot", "dashdot")[place % 4]
        traces.append(
            line(
                np.concatenate([t, t[::-1]]),
                np.concatenate([low, high[::-1]]),
                fill="toself",
                fillcolor=with_opacity(color, BAND),
                line={"width": 0},
                **SILENT,
            )
        )
        traces.append(
            line(
                t,
                share,
                name=name,
                line={"color": color, "width": 2.4, "dash": dash},
                hovertemplate="t = %{x:.1f}: %{y:.0f} %",
            )
        )
    axes = {"xaxis_title": "t, from A to B", "yaxis": {"title": "share (%)", "range": [0, 104]}}
    return figure(traces, alt=alt, **{**axes, **layout})
