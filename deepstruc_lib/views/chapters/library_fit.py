"""Chapter 03: ranked candidates by size, the misfit over two parameters, and shares with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.solving import Candidate
from deepstruc_lib.views.theme import INK, PALETTE, figure
from deepstruc_lib.views.traces import markers

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Symbols differ as well as colours, for colour-blind readers.
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down")
# A map draws a line where Σ(G−G_fit)² exceeds its lowest value by these parts of it.
RISES = (0.01, 0.03, 0.1, 0.3, 1.0)


def ranking(candidates: Iterable[Candidate], by: str = "family", *, alt: str, **layout: Any) -> go.Figure:
    """Rw of every candidate against its number of atoms, one colour and symbol a family or motif, the best first.

    Args:
        candidates: In any order.
        by: "family" or "motif" of the candidates' recipes.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: There is no candidate, or more groups than symbols, or `by` is neither.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.fit.rw)
    if by not in ("family", "motif") or not ordered:
        raise ValueError(f"by {by!r} with {len(ordered)} candidates: needs family or motif, and one candidate or more")
    groups: dict[str, list[Candidate]] = {}
    for candidate in ordered:
        groups.setdefault(getattr(candidate.shape.recipe, by), []).append(candidate)
    if len(groups) > len(SYMBOLS):
        raise ValueError(f"{len(groups)} groups: needs {len(SYMBOLS)} or fewer, to tell them apart")
    traces = [
        markers(
            [member.shape.recipe.n_atoms for member in members],
            [round(member.fit.rw, 4) for member in members],
            name=name,
            text=[member.shape.recipe.name for member in members],
            hovertemplate="%{text}<br>%{x} atoms, Rw %{y:.4f}<extra></extra>",
            marker={"color": PALETTE[place], "symbol": SYMBOLS[place], "size": 8, "opacity": 0.8},
        )
        for place, (name, members) in enumerate(groups.items())
    ]
    return figure(traces, alt=alt, **{"xaxis_title": "atoms", "yaxis_title": "Rw", "height": 460, **layout})


def valley(
    x: Float[ndarray, " x"],
    y: Float[ndarray, " y"],
    rw: Float[ndarray, "y x"],
    best: tuple[float, float],
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """Lines of equal misfit over two parameters, with a cross at the best fit.

    A line says by which part Σ(G−G_fit)², which is proportional to Rw², exceeds its lowest value on the map.

    Args:
        x: First parameter.
        y: Second parameter.
        rw: Of the fit at each pair of values.
        best: The two parameters of the best fit.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: `rw` has another shape than the two axes, or is not positive.
    """
    if rw.shape != (len(y), len(x)) or not rw.min() > 0:
        raise ValueError(f"rw of shape {rw.shape} from {rw.min():g}: needs positive values, {(len(y), len(x))}")
    rise = np.log10(np.maximum((rw / rw.min()) ** 2 - 1, RISES[0] / 10))
    lines = [_level(x, y, rise, level, PALETTE[place]) for place, level in enumerate(RISES)]
    cross = markers(best[:1], best[1:], name="best fit", marker={"symbol": "x", "size": 11, "color": INK})
    return figure([*lines, cross], alt=alt, **layout)


def _level(x: ndarray, y: ndarray, rise: ndarray, level: float, color: str) -> dict:
    """The line where the misfit has risen by a part of its lowest value."""
    return {
        "type": "contour",
        "x": x,
        "y": y,
        "z": rise,
        "showscale": False,
        "name": f"+{100 * level:g} %",
        "showlegend": True,
        "hoverinfo": "skip",
        "contours": {
            "coloring": "none",
            "type": "constraint",
            "operation": "=",
            "value": float(np.log10(level)),
        },
        "line": {"width": 2, "color": color},
    }


def shares(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    *,
    alt: str,
    **layout: Any,
) -> go.Figure:
    """Shares in per cent with the intervals they are uncertain by, one bar each.

    Args:
        names: Of the bars.
        values: Between 0 and 1.
        intervals: Low and high end of each.
        alt: What the figure shows.
        layout: For `figure`.
    """
    low, high = np.array(intervals).T
    bars = {
        "type": "bar",
        "x": list(names),
        "y": 100 * np.asarray(values),
        "marker": {"color": PALETTE[0]},
        "error_y": {
            "type": "data",
            "array": 100 * (high - values),
            "arrayminus": 100 * (values - low),
            "symmetric": False,
            "color": INK,
            "thickness": 2,
        },
        "hovertemplate": "%{x}: %{y:.0f} %<extra></extra>",
    }
    return figure([bars], alt=alt, **{"yaxis_title": "right shape (%)", "yaxis_range": [0, 108], **layout})
