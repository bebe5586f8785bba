"""Chapter 04: how the loss of a network fell, its latent Gaussians, and which errors give which misfit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.views.theme import INK, PALETTE, SLIDER_MARGIN, figure, slider
from deepstruc_lib.views.traces import frame, line, markers

if TYPE_CHECKING:
    import plotly.graph_objects as go

# The terms of the loss in the order they are drawn, and what the legend calls them.
TERMS = {
    "distances": "distances",
    "radius": "radius",
    "presence": "existence",
    "pdf": "PDF",
    "regularisation": "regularisation",
}
FLOOR = 1e-4  # a smaller term of the loss has no effect any more; a logarithmic axis needs an end
CORNERS = 48  # of the polygon that stands for an ellipse
SYMBOLS = ("diamond", "square", "star", "cross", "triangle-up", "x")


def training_curves(histories: Mapping[str, ndarray], *, alt: str, **layout: Any) -> go.Figure:
    """The terms of each model's loss on the validation part against time; a slider goes from model to model.

    Args:
        histories: Of each model the columns of its history.csv, as `numpy.genfromtxt(..., names=True)` reads them.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: There is no history, or one of them lacks the time or the loss.
    """
    if not histories or any(not {"seconds", "loss"} <= set(table.dtype.names or ()) for table in histories.values()):
        raise ValueError(f"histories {list(histories)}: needs one or more with seconds and loss")
    named = {name for table in histories.values() for name in table.dtype.names or ()}
    terms = [term for term in TERMS if f"validation_{term}" in named]
    stops = {name: _loss_curves(table, terms) for name, table in histories.items()}
    frames = [frame(name, dict(enumerate(curves))) for name, curves in stops.items()]
    styles = [{"width": 1.8, "color": PALETTE[list(TERMS).index(term)]} for term in terms]
    styles.append({"width": 1.2, "color": INK, "dash": "dot"})
    names = (*(TERMS[term] for term in terms), "whole, training")
    traces = [
        line(**curve, name=name, line=style)
        for name, style, curve in zip(names, styles, next(iter(stops.values())), strict=True)
    ]
    highest = np.log10(np.nanmax(np.concatenate([curve["y"] for curves in stops.values() for curve in curves])))
    longest = max(float(table["seconds"].max()) for table in histories.values()) / 60
    axes = {
        "xaxis_title": "minutes",
        "xaxis_range": [0, 1.02 * longest],
        "yaxis_title": "loss",
        "yaxis_type": "log",
        "yaxis_range": [np.log10(FLOOR), highest + 0.2],
        "yaxis_exponentformat": "power",
    }
    still = {"height": 500, "margin": SLIDER_MARGIN, "sliders": slider(frames, "Model: ")}
    return figure(traces, frames=frames, alt=alt, **{**axes, **still, **layout})


def _loss_curves(table: ndarray, terms: Sequence[str]) -> list[dict[str, ndarray]]:
    """A curve (x, y) for each term, empty where the model has none, and one for the whole training loss."""
    minutes, columns = (table["seconds"] / 60).astype(np.float32), table.dtype.names or ()
    names = [f"validation_{term}" for term in terms]
    curves = [table[name] if name in columns else np.full(len(minutes), np.nan) for name in (*names, "loss")]
    return [{"x": minutes, "y": np.maximum(values, FLOOR).astype(np.float32)} for values in curves]


def latent_ellipses(
    gaussians: Mapping[str, tuple[Float[ndarray, "particles 2"], Float[ndarray, "particles 2"]]],
    names: Sequence[str],
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """Gaussians in a latent plane, each as the ellipse one standard deviation about its mean.

    Args:
        gaussians: Means and standard deviations along the two axes, by what they are: "posterior", "prior".
        names: Of the particles, shown at their means.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: The latent space is no plane, or the names are not one for each particle.
    """
    traces = []
    for place, (group, (means, stds)) in enumerate(gaussians.items()):
        means, stds = np.asarray(means), np.asarray(stds)
        if not means.shape == stds.shape == (len(names), 2):
            raise ValueError(
                f"{group}: means {means.shape} and standard deviations {stds.shape} for {len(names)} particles: "
                "needs two numbers each"
            )
        color = PALETTE[place % len(PALETTE)]
        outline = {"color": color, "width": 2, "dash": ("solid", "dash")[place % 2]}
        traces.append(line(*_ellipses(means, stds), name=group, hoverinfo="skip", line=outline))
        traces.append(
            markers(
                means[:, 0],
                means[:, 1],
                text=list(names),
                marker={"color": color, "size": 5},
                showlegend=False,
                hovertemplate=f"%{{text}}, {group}<extra></extra>",
            )
        )
    return figure(traces, alt=alt, **{"xaxis_title": "z₁", "yaxis_title": "z₂", "height": 480, **layout})


def _ellipses(means: Float[ndarray, "ellipses 2"], stds: Float[ndarray, "ellipses 2"]) -> Float[ndarray, "2 points"]:
    """Outlines of all ellipses as one line; NaN lifts the pen after each."""
    angle = np.linspace(0, 2 * np.pi, CORNERS + 1)
    outlines = means[:, None] + stds[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.pad(outlines, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, 2).T


def misfit_plane(
    errors: Mapping[str, tuple[Sequence[str], Sequence[float], Sequence[float]]],
    points: Mapping[str, tuple[float, float]],
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """Pearson's correlation against R_p: a line for each kind of error as it grows, and single points.

    Args:
        errors: By kind of error how large it is, in words, R_p (Å⁻⁴) and the correlation.
        points: R_p and the correlation by name.
        alt: What the figure shows.
        layout: For `figure`.
    """
    traces: list[dict] = []
    for place, (name, (sizes, r_p, pearson)) in enumerate(errors.items()):
        traces.append(
            line(
                list(r_p),
                list(pearson),
                mode="lines+markers",
                name=name,
                text=list(sizes),
                line={"width": 1.6, "color": PALETTE[place % len(PALETTE)]},
                marker={"size": 5},
                hovertemplate="%{text}: %{x:.3f}, %{y:.3f}",
            )
        )
    for place, (name, (r_p, pearson)) in enumerate(points.items()):
        color = PALETTE[(len(errors) + place) % len(PALETTE)]
        symbol = SYMBOLS[place % len(SYMBOLS)]
        traces.append(markers([r_p], [pearson], name=name, marker={"size": 12, "color": color, "symbol": symbol}))
    axes = {"xaxis_title": "R<sub>p</sub> (Å⁻⁴)", "yaxis_title": "Pearson"}
    return figure(traces, alt=alt, **{**axes, "height": 520, **layout})
