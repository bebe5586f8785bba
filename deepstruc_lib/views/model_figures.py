"""Figures of trained networks: how the loss fell, what the latent Gaussians are, which errors make which misfit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.views.pdf_figures import SLIDER_MARGIN
from deepstruc_lib.views.theme import INK, PALETTE, figure, slider

if TYPE_CHECKING:
    import plotly.graph_objects as go

# The terms of the loss in the order they are drawn, and what the legend calls them.
TERMS = {"distances": "distances", "radius": "radius", "presence": "existence", "pdf": "PDF",
         "regularisation": "regularisation"}  # fmt: skip
FLOOR = 1e-4  # a term of the loss below this decides nothing any more; a logarithmic axis needs an end
CORNERS = 48  # of the polygon that an ellipse is drawn as
# Parts of a conditional autoencoder, with their places; then what leads to what.
PARTS = {"structure": ("structure<br>s", 0, 1), "pdf": ("PDF<br>x", 0, 0), "encoder": ("encoder<br>q(z|s, x)", 1.15, 1),
         "prior": ("prior<br>p(z|x)", 1.15, 0), "z": ("z", 2.05, 0.5), "decoder": ("decoder<br>p(s|z)", 2.95, 0.5),
         "answer": ("distances,<br>size", 4.05, 0.5)}  # fmt: skip
TRAINING_ONLY = ("structure", "encoder")
WAYS = (("structure", "encoder"), ("pdf", "encoder"), ("pdf", "prior"), ("encoder", "z"), ("prior", "z"),
        ("z", "decoder"), ("decoder", "answer"))  # fmt: skip
SYMBOLS = ("diamond", "square", "star", "cross", "triangle-up", "x")


def network_diagram(*, alt: str, **layout: Any) -> go.Figure:
    """A conditional autoencoder as boxes and arrows; dashed what works in training alone.

    Args:
        alt: What the figure shows.
        layout: For `figure`.
    """
    boxes, arrows, words = [], [], []
    half = {name: 0.15 if name == "z" else 0.42 for name in PARTS}
    for name, (word, x, y) in PARTS.items():
        line = {"color": PALETTE[0], "width": 1.6, "dash": "dash" if name in TRAINING_ONLY else "solid"}
        boxes.append({"type": "rect", "x0": x - half[name], "x1": x + half[name], "y0": y - 0.26, "y1": y + 0.26,
                      "line": line})  # fmt: skip
        words.append({"x": x, "y": y, "text": word, "showarrow": False, "font": {"size": 12}})
    for start, end in WAYS:
        (_, x0, y0), (_, x1, y1) = PARTS[start], PARTS[end]
        arrows.append({"x": x1 - half[end] - 0.02, "y": y1, "ax": x0 + half[start] + 0.02, "ay": y0, "text": "",
                       "xref": "x", "yref": "y", "axref": "x", "ayref": "y", "showarrow": True, "arrowhead": 2,
                       "arrowwidth": 1.4, "arrowcolor": INK,
                       "opacity": 1 - 0.5 * (not {start, end}.isdisjoint(TRAINING_ONLY))})  # fmt: skip
    hidden = {"visible": False, "fixedrange": True}
    return figure(alt=alt, **{
        "shapes": boxes, "annotations": [*arrows, *words], "height": 230, "margin": {"l": 4, "r": 4, "t": 8, "b": 8},
        "xaxis": {**hidden, "range": [-0.45, 4.5]}, "yaxis": {**hidden, "range": [-0.35, 1.35]}, **layout})  # fmt: skip


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
        raise ValueError(f"histories of {list(histories)} came; one or more with seconds and loss are needed")
    named = {name for table in histories.values() for name in table.dtype.names or ()}
    terms = [term for term in TERMS if f"validation_{term}" in named]
    stops = {name: _lines(table, terms) for name, table in histories.items()}
    frames = [{"name": name, "data": [{"type": "scatter", **line} for line in lines],
               "traces": list(range(len(lines)))} for name, lines in stops.items()]  # fmt: skip
    styles = [{"width": 1.8, "color": PALETTE[list(TERMS).index(term)]} for term in terms]
    styles.append({"width": 1.2, "color": INK, "dash": "dot"})
    names = (*(TERMS[term] for term in terms), "whole, training")
    traces = [{"type": "scatter", "mode": "lines", "name": name, "line": style, **line}
              for name, style, line in zip(names, styles, next(iter(stops.values())), strict=True)]  # fmt: skip
    highest = np.log10(np.nanmax(np.concatenate([line["y"] for lines in stops.values() for line in lines])))
    longest = max(float(table["seconds"].max()) for table in histories.values()) / 60
    axes = {"xaxis_title": "minutes", "xaxis_range": [0, 1.02 * longest], "yaxis_title": "loss", "yaxis_type": "log",
            "yaxis_range": [np.log10(FLOOR), highest + 0.2], "yaxis_exponentformat": "power"}  # fmt: skip
    return figure(traces, frames=frames, alt=alt, sliders=slider(frames, "Model: "),
                  **{**axes, "height": 500, "margin": SLIDER_MARGIN, **layout})  # fmt: skip


def _lines(table: ndarray, terms: Sequence[str]) -> list[dict[str, ndarray]]:
    """A line (x, y) for each term, empty where the model has none, and one for the whole training loss."""
    minutes, columns = (table["seconds"] / 60).astype(np.float32), table.dtype.names or ()
    names = [f"validation_{term}" for term in terms]
    lines = [table[name] if name in columns else np.full(len(minutes), np.nan) for name in (*names, "loss")]
    return [{"x": minutes, "y": np.maximum(values, FLOOR).astype(np.float32)} for values in lines]


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
    angle = np.linspace(0, 2 * np.pi, CORNERS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    traces = []
    for place, (group, (means, stds)) in enumerate(gaussians.items()):
        means, stds = np.asarray(means), np.asarray(stds)
        if not means.shape == stds.shape == (len(names), 2):
            raise ValueError(
                f"{group}: means {means.shape} and standard deviations {stds.shape} came for {len(names)} particles; "
                "two numbers each are needed"
            )
        outlines = means[:, None] + stds[:, None] * circle
        x, y = np.pad(outlines, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, 2).T
        color = PALETTE[place % len(PALETTE)]
        traces.append({"type": "scatter", "mode": "lines", "x": x, "y": y, "name": group, "hoverinfo": "skip",
                       "line": {"color": color, "width": 2, "dash": ("solid", "dash")[place % 2]}})  # fmt: skip
        traces.append({"type": "scatter", "mode": "markers", "x": means[:, 0], "y": means[:, 1], "text": list(names),
                       "marker": {"color": color, "size": 5}, "showlegend": False,
                       "hovertemplate": f"%{{text}}, {group}<extra></extra>"})  # fmt: skip
    return figure(traces, alt=alt, **{"xaxis_title": "z₁", "yaxis_title": "z₂", "height": 480, **layout})


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
        traces.append({"type": "scatter", "mode": "lines+markers", "x": list(r_p), "y": list(pearson), "name": name,
                       "text": list(sizes), "line": {"width": 1.6, "color": PALETTE[place % len(PALETTE)]},
                       "marker": {"size": 5}, "hovertemplate": "%{text}: %{x:.3f}, %{y:.3f}"})  # fmt: skip
    for place, (name, (x, y)) in enumerate(points.items()):
        color = PALETTE[(len(errors) + place) % len(PALETTE)]
        traces.append({"type": "scatter", "mode": "markers", "x": [x], "y": [y], "name": name,
                       "marker": {"size": 12, "color": color, "symbol": SYMBOLS[place % len(SYMBOLS)]}})  # fmt: skip
    return figure(traces, alt=alt, **{"xaxis_title": "R<sub>p</sub> (Å⁻⁴)", "yaxis_title": "Pearson", "height": 520,
                                      **layout})  # fmt: skip
