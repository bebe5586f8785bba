"""Figures of PDFs that several chapters draw: with their difference, stacked, or one at each stop of a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.views.theme import INK, PALETTE, SLIDER_MARGIN, figure, slider
from deepstruc_lib.views.traces import HEADROOM, SILENT, frame, line, markers, range_with_room

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXES = {"xaxis_title": "r (Å)", "yaxis_title": "G (Å⁻²)"}
GAP = 1.15  # between one stacked curve and the next, in heights of the higher one


def with_difference(
    r: Float[ndarray, " r"],
    first: Float[ndarray, " r"],
    second: Float[ndarray, " r"],
    names: tuple[str, str] = ("measured", "fitted"),
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """Two curves on one another and, below them, first − second on the same scale.

    Args:
        r: In Å.
        first: The one with dots, in Å⁻².
        second: The one with a line, in Å⁻².
        names: Of the two.
        alt: What the figure shows.
        layout: For `figure`.
    """
    difference = first - second
    lowest = min(first.min(), second.min())
    below = lowest - difference.max() - HEADROOM * np.ptp(first)
    traces = [
        markers(r, first, name=names[0], marker={"size": 3.5, "color": INK}),
        line(r, second, name=names[1], line={"width": 1.8, "color": PALETTE[1]}),
        line(r, difference + below, name="difference", line={"width": 1.2, "color": PALETTE[2]}),
        line(r[[0, -1]], [below, below], **SILENT, line={"width": 0.8, "color": INK, "dash": "dot"}),
    ]
    return figure(traces, alt=alt, **{**AXES, **layout})


def stacked(
    curves: Mapping[str, tuple[Float[ndarray, " r"], Float[ndarray, " r"]]], *, alt: str, **layout: Any
) -> go.Figure:
    """Curves above one another, the first on top; each is named at its right end and on its own zero line.

    Args:
        curves: r (Å) and G, by name.
        alt: What the figure shows.
        layout: For `figure`.
    """
    traces, notes, level = [], [], 0.0
    for place, (name, (r, g)) in enumerate(reversed(list(curves.items()))):
        color = PALETTE[(len(curves) - 1 - place) % len(PALETTE)]
        level += 0.0 if place == 0 else GAP * -g.min() + HEADROOM
        traces.append(line(r, g + level, name=name, line={"width": 1.6, "color": color}))
        notes.append(
            {
                "x": 1,
                "xref": "paper",
                "xanchor": "right",
                "y": level,
                "yanchor": "bottom",
                "text": name,
                "font": {"color": color},
                "showarrow": False,
            }
        )
        level += GAP * g.max()
    ticks = {"yaxis_showticklabels": False, "showlegend": False, "annotations": notes}
    return figure(traces, alt=alt, **{**AXES, **ticks, **layout})


def recorded(
    r: Float[ndarray, " r"],
    curves: Mapping[str, Sequence[float] | ndarray],
    label: str,
    *,
    alt: str,
    reference: tuple[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A curve a slider moves, recorded stop by stop so that it works where no kernel runs.

    Args:
        r: In Å.
        curves: G at each stop, by what the slider shows there.
        label: What the slider changes, with its unit: "Qmax (Å⁻¹): ", say.
        alt: What the figure shows.
        reference: Name and values of a curve that stays; with it the axis holds both.
        layout: For `figure`.

    Raises:
        ValueError: Where there is no curve.
    """
    if not curves:
        raise ValueError("no curve: needs one or more, the stops of the slider")
    stops = {name: np.asarray(g, dtype=np.float32) for name, g in curves.items()}
    r = np.asarray(r, dtype=np.float32)
    frames = [frame(name, {0: {"y": g}}) for name, g in stops.items()]
    traces = [line(r, next(iter(stops.values())), name="at the slider", line={"width": 2, "color": PALETTE[0]})]
    everything = np.concatenate(list(stops.values()))
    if reference is not None:
        name, values = reference
        fixed = np.asarray(values, dtype=np.float32)
        traces.append(line(r, fixed, name=name, line={"width": 1.4, "color": PALETTE[1], "dash": "dot"}))
        everything = np.concatenate([everything, fixed])
    still = {
        "yaxis_range": range_with_room(everything),
        "height": 460,
        "margin": SLIDER_MARGIN,
        "sliders": slider(frames, label),
    }
    return figure(traces, frames=frames, alt=alt, **{**AXES, **still, **layout})
