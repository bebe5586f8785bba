"""Chapter 01: which structures a split puts into which part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from deepstruc_lib.corpora import PARTS, Corpus
from deepstruc_lib.views.theme import PALETTE, figure
from deepstruc_lib.views.traces import markers

if TYPE_CHECKING:
    import plotly.graph_objects as go

PART_COLORS = (PALETTE[0], PALETTE[5], PALETTE[1])
GUTTER = 0.04  # between two maps, in widths of the figure
TICKS = 4  # about so many bond lengths are named below a map


def split_map(corpus: Corpus, splits: Mapping[str, str], *, alt: str, **layout: Any) -> go.Figure:
    """Every shape (row) at every bond length (column), coloured by its part; the splits side by side.

    Args:
        corpus: One whose structures lie in one part each.
        splits: Its splits to draw, and their headings.
        alt: What the figure shows.
        layout: For `figure`.

    Raises:
        ValueError: When a structure is listed in several parts.
    """
    lengths, columns = np.unique(corpus.bond_lengths, return_inverse=True)
    rows = corpus.shape_ids
    names = np.full((rows.max() + 1, len(lengths)), "", dtype=object)
    names[rows, columns] = [
        f"{corpus.recipe(k).name}<br>d = {corpus.bond_lengths[k]:.2f} Å" for k in range(len(corpus))
    ]
    traces, arranged = [], {}
    for place, (split, heading) in enumerate(splits.items()):
        parts = np.full(names.shape, np.nan)
        parts[rows, columns] = corpus.splits[split]
        if (parts[rows, columns] != corpus.splits[split]).any():
            raise ValueError(f"split {split!r} of {corpus.name} lists a structure in several parts: needs each in one")
        number = "" if place == 0 else str(place + 1)
        traces.append(_tiles(parts, names, f"x{number}"))
        arranged[f"xaxis{number}"] = _axis(heading, lengths, place, len(splits))
    # Tiles have no entry in the legend. An empty trace for each part stands in.
    for part, color in zip(PARTS, PART_COLORS, strict=True):
        traces.append(markers([None], [None], name=part, marker={"symbol": "square", "size": 11, "color": color}))
    middles = {family: float(rows[corpus.families == family].mean()) for family in dict.fromkeys(corpus.families)}
    arranged["yaxis"] = {"tickvals": list(middles.values()), "ticktext": list(middles), "autorange": "reversed"}
    return figure(traces, alt=alt, **{**arranged, "height": 640, **layout})


def _tiles(parts: ndarray, names: ndarray, axis: str) -> dict:
    """A heat map with one flat colour for each part."""
    scale = [(k / len(PARTS), color) for part, color in enumerate(PART_COLORS) for k in (part, part + 1)]
    return {
        "type": "heatmap",
        "z": parts,
        "text": names,
        "xaxis": axis,
        "zmin": -0.5,
        "zmax": len(PARTS) - 0.5,
        "colorscale": scale,
        "showscale": False,
        "xgap": 1,
        "ygap": 0.5,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _axis(heading: str, lengths: ndarray, place: int, count: int) -> dict:
    """The x axis of one of several maps side by side; its ticks name bond lengths."""
    ticks = list(range(0, len(lengths), max(1, len(lengths) // TICKS)))
    return {
        "domain": [place / count, (place + 1) / count - GUTTER],
        "title": heading,
        "tickvals": ticks,
        "ticktext": [f"{lengths[k]:.2f}" for k in ticks],
    }
