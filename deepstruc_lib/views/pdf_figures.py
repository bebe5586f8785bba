"""Figures of PDFs that several chapters draw: with their difference, stacked, with distances marked, one a stop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.views.theme import INK, PALETTE, figure, slider

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXES = {"xaxis_title": "r (Å)", "yaxis_title": "G (Å⁻²)"}
HEADROOM = 0.08  # of the span of all curves, free above and below them
STAGGER = 0.08  # of the height of a mark, by which every second one is longer
SLIDER_MARGIN = {"l": 60, "r": 36, "t": 48, "b": 52}  # its last label is centred at the plot's right end
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
        _line(r, first, names[0], mode="markers", marker={"size": 3.5, "color": INK}),
        _line(r, second, names[1], line={"width": 1.8, "color": PALETTE[1]}),
        _line(r, difference + below, "difference", line={"width": 1.2, "color": PALETTE[2]}),
        _line(r[[0, -1]], [below, below], None, line={"width": 0.8, "color": INK, "dash": "dot"}),
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
        traces.append(_line(r, g + level, name, line={"width": 1.6, "color": color}))
        notes.append({"x": 1, "xref": "paper", "xanchor": "right", "y": level, "yanchor": "bottom", "text": name,
                      "font": {"color": color}, "showarrow": False})  # fmt: skip
        level += GAP * g.max()
    ticks = {"yaxis_showticklabels": False, "showlegend": False, "annotations": notes}
    return figure(traces, alt=alt, **{**AXES, **ticks, **layout})


def mark_distances(
    made: go.Figure, distances: Iterable[float], labels: Iterable[str], colors: Iterable[str], height: float
) -> go.Figure:
    """Add a labelled upright line at each distance, in place.

    Args:
        made: A figure over r.
        distances: In Å.
        labels: Written above the lines.
        colors: Of lines and labels.
        height: Of every other line, in the unit of the y axis; the lines between are a little longer.
    """
    for place, (distance, label, color) in enumerate(zip(distances, labels, colors, strict=True)):
        top = height * (1 + STAGGER * (place % 2))  # neighbouring labels must not overlap on a phone
        made.add_trace(_line([distance] * 2, [0, top], label, line={"width": 2, "color": color}, showlegend=False))
        made.add_annotation(x=distance, y=top, text=label, font={"color": color}, showarrow=False, yanchor="bottom")
    return made


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
        raise ValueError("no curve came; at least one stop of the slider is needed")
    stops = {name: np.asarray(g, dtype=np.float32) for name, g in curves.items()}
    r = np.asarray(r, dtype=np.float32)
    frames = [{"name": name, "data": [{"y": g, "type": "scatter"}], "traces": [0]} for name, g in stops.items()]
    traces = [_line(r, next(iter(stops.values())), "at the slider", line={"width": 2, "color": PALETTE[0]})]
    everything = np.concatenate(list(stops.values()))
    if reference is not None:
        fixed = np.asarray(reference[1], dtype=np.float32)
        traces.append(_line(r, fixed, reference[0], line={"width": 1.4, "color": PALETTE[1], "dash": "dot"}))
        everything = np.concatenate([everything, fixed])
    room = HEADROOM * np.ptp(everything)
    still = {"yaxis_range": [float(everything.min() - room), float(everything.max() + room)]}
    return figure(
        traces,
        frames=frames,
        alt=alt,
        sliders=slider(frames, label),
        **{**AXES, **still, "height": 460, "margin": SLIDER_MARGIN, **layout},
    )


def _line(x: Any, y: Any, name: str | None, **style: Any) -> dict:
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name,
            **({} if name else {"showlegend": False, "hoverinfo": "skip"}), **style}  # fmt: skip
