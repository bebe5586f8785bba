"""Chapter 01: sizes and radii of particles, and their distances row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.particles import Recipe, neighbour_counts
from deepstruc_lib.views.theme import PALETTE, figure
from deepstruc_lib.views.traces import line, markers, sticks

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROW_HEIGHT = 0.9  # of a row of sticks, the highest one


def sizes_by_family(recipes: Sequence[Recipe], *, alt: str, **layout: Any) -> go.Figure:
    """A tick for every shape, at its number of atoms, in the row of its family.

    Args:
        recipes: The shapes.
        alt: What the figure shows.
        layout: For `figure`.
    """
    families = list(dict.fromkeys(recipe.family for recipe in recipes))
    traces = []
    for number, family in enumerate(families):
        members = [recipe for recipe in recipes if recipe.family == family]
        tick = {"symbol": "line-ns", "size": 18, "line": {"width": 2, "color": PALETTE[number % len(PALETTE)]}}
        traces.append(
            markers(
                [recipe.n_atoms for recipe in members],
                [family] * len(members),
                text=[recipe.name for recipe in members],
                marker=tick,
                hovertemplate="%{text}<br>%{x} atoms<extra></extra>",
            )
        )
    rows = {"categoryorder": "array", "categoryarray": families[::-1]}
    return figure(traces, alt=alt, **{"xaxis_title": "number of atoms", "yaxis": rows, "showlegend": False, **layout})


def shared_radii(radii: Mapping[str, int], *, alt: str, **layout: Any) -> go.Figure:
    """The elements of every metallic radius (pm), one row a radius.

    Args:
        radii: Of each element.
        alt: What the figure shows.
        layout: For `figure`.
    """
    rows = {radius: sorted(s for s, r in radii.items() if r == radius) for radius in sorted(set(radii.values()))}
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [len(symbols) for symbols in rows.values()],
        "y": [str(radius) for radius in rows],
        "text": ["  ".join(symbols) for symbols in rows.values()],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    axes = {
        "xaxis": {"title": "elements", "dtick": 1, "range": [0, 6]},
        "yaxis": {"title": "metallic radius (pm)", "type": "category", "dtick": 1},
    }
    return figure([bars], alt=alt, **{**axes, "height": 560, **layout})


def distance_rows(
    particles: Mapping[str, Float[ndarray, "_ 3"]], reach: float, *, alt: str, **layout: Any
) -> go.Figure:
    """Sticks at the distances of several particles, a row each, as high as atoms have neighbours there.

    Args:
        particles: Positions in one unit, by name.
        reach: Longest distance drawn, in that unit.
        alt: What the figure shows.
        layout: For `figure`.
    """
    traces = []
    for row, (name, positions) in enumerate(particles.items()):
        distances, neighbours = neighbour_counts(positions)
        distances, neighbours = distances[distances <= reach], neighbours[distances <= reach]
        x, y = sticks(distances, ROW_HEIGHT * neighbours / neighbours.max(), base=-row)
        traces.append(
            line(
                x,
                y,
                name=name,
                line={"width": 3, "color": PALETTE[row % len(PALETTE)]},
                customdata=np.repeat(neighbours, 3),
                hovertemplate="%{x:.4f}: %{customdata:.2f} neighbours",
            )
        )
    rows = {"tickvals": [0.4 - row for row in range(len(particles))], "ticktext": list(particles), "showgrid": False}
    return figure(traces, alt=alt, **{"yaxis": rows, "showlegend": False, **layout})
