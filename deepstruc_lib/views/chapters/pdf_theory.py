"""Chapter 02: distances marked on a PDF."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from deepstruc_lib.views.traces import line

if TYPE_CHECKING:
    import plotly.graph_objects as go

STAGGER = 0.08  # of the height of a mark, by which every second one is longer


def mark_distances(
    made: go.Figure, distances: Iterable[float], labels: Iterable[str], colors: Iterable[str], height: float
) -> go.Figure:
    """Add a labelled upright line at each distance, in place.

    Args:
        made: A figure over r.
        distances: In Å.
        labels: Written above the lines.
        colors: Of lines and labels.
        height: Of every other line, in the unit of the y axis. The lines between them are a little longer.
    """
    for place, (distance, label, color) in enumerate(zip(distances, labels, colors, strict=True)):
        top = height * (1 + STAGGER * (place % 2))  # neighbouring labels must not overlap on a phone
        made.add_trace(line([distance] * 2, [0, top], name=label, line={"width": 2, "color": color}, showlegend=False))
        made.add_annotation(x=distance, y=top, text=label, font={"color": color}, showarrow=False, yanchor="bottom")
    return made
