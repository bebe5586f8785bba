"""Pieces that figures are made of: lines, markers, the stops of a slider, and free room around curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

HEADROOM = 0.08  # of the span of all curves, free above and below them
SILENT = {"showlegend": False, "hoverinfo": "skip"}  # of a trace without a name for the reader


def line(x: Any, y: Any, **style: Any) -> dict:
    """A trace that joins points."""
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, **style}


def markers(x: Any, y: Any, **style: Any) -> dict:
    """A trace of separate points."""
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, **style}


def sticks(
    places: Float[ndarray, " sticks"], heights: Float[ndarray, " sticks"], base: float = 0.0
) -> tuple[Float[ndarray, " points"], Float[ndarray, " points"]]:
    """X and y of one line that draws upright sticks; NaN in y lifts the pen after each.

    Args:
        places: Of the sticks along x.
        heights: Above the base.
        base: Where the sticks stand.
    """
    foot = np.full(len(places), float(base))
    return np.repeat(places, 3), np.stack([foot, base + heights, np.full(len(places), np.nan)], axis=1).ravel()


def frame(name: str, changes: Mapping[int, dict], **layout: Any) -> dict:
    """One stop of a slider, for the `frames` of `figure`.

    Args:
        name: Shown by the slider.
        changes: What replaces properties of a trace, by the trace's place in the figure. A trace that is not
            "scatter" says its type here too.
        layout: What the stop changes in the layout.
    """
    data = [{"type": "scatter", **change} for change in changes.values()]
    made = {"name": name, "traces": list(changes), "data": data}
    return {**made, "layout": layout} if layout else made


def range_with_room(values: ndarray) -> list[float]:
    """Ends of an axis that holds all values with some room above and below."""
    room = HEADROOM * np.ptp(values)
    return [float(values.min() - room), float(values.max() + room)]
