"""Chapter 04: the parts of a conditional autoencoder as a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from deepstruc_lib.views.theme import INK, PALETTE, figure

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Part(NamedTuple):
    """A box of the diagram: its label, its centre, and half its width."""

    label: str
    x: float
    y: float
    half: float = 0.42


PARTS = {
    "structure": Part("structure<br>s", 0, 1),
    "pdf": Part("PDF<br>x", 0, 0),
    "encoder": Part("encoder<br>q(z|s, x)", 1.15, 1),
    "prior": Part("prior<br>p(z|x)", 1.15, 0),
    "z": Part("z", 2.05, 0.5, half=0.15),
    "decoder": Part("decoder<br>p(s|z)", 2.95, 0.5),
    "answer": Part("distances,<br>size", 4.05, 0.5),
}
TRAINING_ONLY = {"structure", "encoder"}
# From which part to which an arrow leads.
ARROWS = (
    ("structure", "encoder"),
    ("pdf", "encoder"),
    ("pdf", "prior"),
    ("encoder", "z"),
    ("prior", "z"),
    ("z", "decoder"),
    ("decoder", "answer"),
)
HALF_HEIGHT = 0.26  # of a box
GAP = 0.02  # between an arrow and a box


def network_diagram(*, alt: str, **layout: Any) -> go.Figure:
    """A conditional autoencoder as boxes and arrows; parts used only in training are dashed.

    Args:
        alt: What the figure shows.
        layout: For `figure`.
    """
    labels = [
        {"x": part.x, "y": part.y, "text": part.label, "showarrow": False, "font": {"size": 12}}
        for part in PARTS.values()
    ]
    hidden = {"visible": False, "fixedrange": True}
    page = {
        "shapes": [_box(name) for name in PARTS],
        "annotations": [*(_arrow(start, end) for start, end in ARROWS), *labels],
        "height": 230,
        "margin": {"l": 4, "r": 4, "t": 8, "b": 8},
        "xaxis": {**hidden, "range": [-0.45, 4.5]},
        "yaxis": {**hidden, "range": [-0.35, 1.35]},
    }
    return figure(alt=alt, **{**page, **layout})


def _box(name: str) -> dict:
    part = PARTS[name]
    return {
        "type": "rect",
        "x0": part.x - part.half,
        "x1": part.x + part.half,
        "y0": part.y - HALF_HEIGHT,
        "y1": part.y + HALF_HEIGHT,
        "line": {"color": PALETTE[0], "width": 1.6, "dash": "dash" if name in TRAINING_ONLY else "solid"},
    }


def _arrow(start: str, end: str) -> dict:
    tail, head = PARTS[start], PARTS[end]
    return {
        "x": head.x - head.half - GAP,
        "y": head.y,
        "ax": tail.x + tail.half + GAP,
        "ay": tail.y,
        "text": "",
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "showarrow": True,
        "arrowhead": 2,
        "arrowwidth": 1.4,
        "arrowcolor": INK,
        "opacity": 0.5 if TRAINING_ONLY & {start, end} else 1,
    }
