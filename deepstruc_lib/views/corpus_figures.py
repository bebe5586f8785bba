"""Figures of what a corpus holds: sizes, radii, distances, how a split cuts it, and particles side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.corpora import PARTS, Corpus
from deepstruc_lib.particles import Recipe, distance_list
from deepstruc_lib.views.structure import DEFAULT_ROTATION
from deepstruc_lib.views.theme import PALETTE, figure

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from ase import Atoms

PART_COLORS = (PALETTE[0], PALETTE[5], PALETTE[1])
# Distances nearer than this (Å) are drawn as one: far below what a PDF can tell apart.
SAME_DISTANCE = 1e-3
ROW_HEIGHT = 0.9  # of a row of sticks, the highest one


def neighbour_counts(positions: Float[ndarray, "atoms 3"]) -> tuple[Float[ndarray, " k"], Float[ndarray, " k"]]:
    """The different distances (Å), and how many neighbours an atom has at each on average."""
    distances = distance_list(positions)
    first = np.flatnonzero(np.diff(distances, prepend=-np.inf) > SAME_DISTANCE)
    pairs = np.diff(first, append=len(distances))
    return distances[first], 2 * pairs / len(positions)


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
        ticks = {"symbol": "line-ns", "size": 18, "line": {"width": 2, "color": PALETTE[number % len(PALETTE)]}}
        traces.append({"type": "scatter", "mode": "markers", "x": [recipe.n_atoms for recipe in members],
                       "y": [family] * len(members), "text": [recipe.name for recipe in members], "marker": ticks,
                       "hovertemplate": "%{text}<br>%{x} atoms<extra></extra>"})  # fmt: skip
    rows = {"categoryorder": "array", "categoryarray": families[::-1]}
    return figure(traces, alt=alt, **{"xaxis_title": "number of atoms", "yaxis": rows, "showlegend": False, **layout})


def shared_radii(radii: Mapping[str, int], *, alt: str, **layout: Any) -> go.Figure:
    """The elements of every metallic radius (pm), one row a radius."""
    rows = {radius: sorted(s for s, r in radii.items() if r == radius) for radius in sorted(set(radii.values()))}
    bars = {"type": "bar", "orientation": "h", "x": [len(symbols) for symbols in rows.values()],
            "y": [str(radius) for radius in rows], "text": ["  ".join(symbols) for symbols in rows.values()],
            "textposition": "outside", "cliponaxis": False, "hoverinfo": "skip"}  # fmt: skip
    axes = {"xaxis": {"title": "elements", "dtick": 1, "range": [0, 6]},
            "yaxis": {"title": "metallic radius (pm)", "type": "category", "dtick": 1}}  # fmt: skip
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
        base, top = -row + 0 * neighbours, -row + ROW_HEIGHT * neighbours / neighbours.max()
        sticks = np.stack([base, top, np.full(len(base), np.nan)], axis=1).ravel()
        traces.append({"type": "scatter", "mode": "lines", "x": np.repeat(distances, 3), "y": sticks, "name": name,
                       "line": {"width": 3, "color": PALETTE[row % len(PALETTE)]},
                       "customdata": np.repeat(neighbours, 3),
                       "hovertemplate": "%{x:.4f}: %{customdata:.2f} neighbours"})  # fmt: skip
    rows = {"tickvals": [0.4 - row for row in range(len(particles))], "ticktext": list(particles), "showgrid": False}
    return figure(traces, alt=alt, **{"yaxis": rows, "showlegend": False, **layout})


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
    hover = np.full((rows.max() + 1, len(lengths)), "", dtype=object)
    hover[rows, columns] = [
        f"{corpus.recipe(k).name}<br>d = {corpus.bond_lengths[k]:.2f} Å" for k in range(len(corpus))
    ]
    width = 1 / len(splits)
    traces, arranged = [], {}
    for place, (split, heading) in enumerate(splits.items()):
        parts = np.full(hover.shape, np.nan)
        parts[rows, columns] = corpus.splits[split]
        if (parts[rows, columns] != corpus.splits[split]).any():
            raise ValueError(f"split {split!r} of {corpus.name} lists a structure in several parts; one is needed")
        number = "" if place == 0 else str(place + 1)
        scale = [(k / 3, color) for part, color in enumerate(PART_COLORS) for k in (part, part + 1)]
        traces.append({"type": "heatmap", "z": parts, "text": hover, "xaxis": f"x{number}", "zmin": -0.5, "zmax": 2.5,
                       "colorscale": scale, "showscale": False, "xgap": 1, "ygap": 0.5,
                       "hovertemplate": "%{text}<extra></extra>"})  # fmt: skip
        ticks = list(range(0, len(lengths), max(1, len(lengths) // 4)))
        arranged[f"xaxis{number}"] = {"domain": [place * width, (place + 1) * width - 0.04], "title": heading,
                                      "tickvals": ticks, "ticktext": [f"{lengths[k]:.2f}" for k in ticks]}  # fmt: skip
    traces += [{"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": part,
                "marker": {"symbol": "square", "size": 11, "color": color}}
               for part, color in zip(PARTS, PART_COLORS, strict=True)]  # fmt: skip
    middles = {family: float(rows[corpus.families == family].mean()) for family in dict.fromkeys(corpus.families)}
    arranged["yaxis"] = {"tickvals": list(middles.values()), "ticktext": list(middles), "autorange": "reversed"}
    return figure(traces, alt=alt, **{**arranged, "height": 640, **layout})


def side_by_side(
    particles: Sequence[Atoms], *, columns: int, rotation: str = DEFAULT_ROTATION, gap: float = 3.0
) -> tuple[Atoms, Int[ndarray, " atoms"]]:
    """Particles in rows, row by row from the upper left, as one; and for each atom the number of its particle.

    Args:
        particles: What to arrange.
        columns: In a row.
        rotation: How each particle is turned about its own centre, as `ase.utils.rotate` reads it.
        gap: Free space between them, in Å.

    Raises:
        ValueError: When there is no particle or no column.
    """
    from ase.utils import rotate

    if not particles or columns < 1:
        raise ValueError(f"{len(particles)} particles in {columns} columns came; at least one of each is needed")
    turned = [(p.positions - p.positions.mean(axis=0)) @ rotate(rotation) for p in particles]
    width, height = np.max([np.ptp(positions, axis=0)[:2] for positions in turned], axis=0) + gap
    together = particles[0][:0]
    for number, (particle, positions) in enumerate(zip(particles, turned, strict=True)):
        moved = particle.copy()
        row, column = divmod(number, columns)
        in_row = min(columns, len(particles) - row * columns)
        moved.positions = positions + np.array([(column - (in_row - 1) / 2) * width, -row * height, 0])
        together += moved
    return together, np.repeat(np.arange(len(particles)), [len(p) for p in particles])
