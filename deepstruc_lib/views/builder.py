"""The particle builder: choose family, size and metal; see the particle, its distances and its PDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from deepstruc_lib.corpora import METALLIC_RADII, bond_length
from deepstruc_lib.particles import Recipe, neighbour_counts
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.views.explorers import START
from deepstruc_lib.views.pictures import pictures_to_scale
from deepstruc_lib.views.structure import show
from deepstruc_lib.views.theme import PALETTE, figure, slider
from deepstruc_lib.views.traces import frame, line, sticks
from deepstruc_lib.views.widgets import live_or_recorded, set_quietly, show_in

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from ase import Atoms

NAME_PLATE = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "showarrow": False}
STICKS, CURVE = 0, 1  # traces of the figure


class Dial(NamedTuple):
    """A whole number a family's builder takes: its name, lowest, highest and first value."""

    name: str
    low: int
    high: int
    start: int


LAYERS = (Dial("h", 1, 6, 2), Dial("k", 1, 6, 3), Dial("l", 1, 6, 3))
DIALS: dict[str, tuple[Dial, ...]] = {
    "SC": LAYERS,
    "FCC": LAYERS,
    "BCC": LAYERS,
    "HCP": (Dial("size 1", 1, 10, 3), Dial("size 2", 1, 10, 3), Dial("size 3", 1, 10, 3)),
    "Icosahedron": (Dial("shells", 2, 6, 3),),
    "Decahedron": (Dial("p", 2, 7, 3), Dial("q", 1, 7, 2), Dial("r", 0, 3, 0)),
    "Octahedron": (Dial("length", 2, 9, 5),),
    "TruncatedOctahedron": (Dial("length", 3, 11, 5), Dial("cut", 0, 5, 1)),
}
# Where the recorded sweep stops: small and large particles of each family, in metals of that structure or nearly so.
TOUR = (
    ("Icosahedron(2)", "Au"),
    ("Icosahedron(3)", "Au"),
    ("Icosahedron(4)", "Au"),
    ("Decahedron(2,2,0)", "Au"),
    ("Decahedron(4,2,0)", "Au"),
    ("Decahedron(3,1,1)", "Au"),
    ("Octahedron(4)", "Pt"),
    ("Octahedron(6)", "Pt"),
    ("FCC(2,4,4)", "Pt"),
    ("FCC(4,4,4)", "Cu"),
    ("HCP(4,4,4)", "Co"),
    ("HCP(5,5,1)", "Co"),
    ("BCC(3,3,5)", "Fe"),
    ("SC(2,4,5)", "Fe"),
)


class ParticleBuilder:
    """A particle under menus and sliders: in 3-D, as distances, and as PDF.

    Displayed in Jupyter it is live. Displayed in a page without a kernel it is a recorded sweep of one slider.

    Args:
        settings: Conditions of the PDF and its r grid.
        tour: Names of recipes and chemical symbols at which the sweep stops; the first is where the builder starts.

    Raises:
        ValueError: There is no stop, or one of an unknown family or metal.
    """

    def __init__(self, settings: PDFSettings = START, tour: Sequence[tuple[str, str]] = TOUR) -> None:
        unknown = [symbol for _, symbol in tour if symbol not in METALLIC_RADII]
        if not tour or unknown:
            raise ValueError(f"tour of {len(tour)} stops, metals {unknown} unknown; one of {', '.join(METALLIC_RADII)}")
        self.settings = settings
        self.stops = [(Recipe.from_name(name), symbol) for name, symbol in tour]

    def built(self, recipe: Recipe, symbol: str, length: float | None = None) -> Atoms:
        """The particle; if no bond length (Å) is given, with that of the metal.

        Raises:
            ValueError: Where there is no such particle, or it is a lone atom.
        """
        if recipe.n_atoms < 2:
            raise ValueError(f"{recipe.name}: a lone atom: needs two or more, to have a distance")
        return recipe.build(symbol, bond_length(METALLIC_RADII[symbol]) if length is None else length)

    def curves(self, atoms: Atoms) -> list[dict]:
        """Traces of the distances, as sticks, and of G(r)."""
        distances, neighbours = neighbour_counts(atoms.positions)
        near = distances < self.settings.rmax
        x, y = sticks(distances[near], neighbours[near])
        g = simulate(torch.from_numpy(atoms.positions.astype(np.float32)), self.settings).numpy()
        return [
            {"x": x.astype(np.float32), "y": y.astype(np.float32), "yaxis": "y2"},
            {"x": self.settings.r.astype(np.float32), "y": g},
        ]

    def figure(self, atoms: Atoms) -> go.Figure:
        """Distances over G(r), on one r axis."""
        return self._figure(self.curves(atoms), f"Distances of {atoms.info['recipe']} above its G(r).", split=0.62)

    def tour(self) -> go.Figure:
        """The recorded sweep: picture, distances and G(r) of one particle after the other, to one scale."""
        particles = [self.built(recipe, symbol) for recipe, symbol in self.stops]
        frames = [
            frame(
                f"{symbol}{len(particle)}",
                dict(enumerate(self.curves(particle))),
                images=[picture],
                annotations=[{**NAME_PLATE, "text": recipe.name}],
            )
            for (recipe, symbol), particle, picture in zip(
                self.stops, particles, pictures_to_scale(particles), strict=True
            )
        ]
        made = self._figure(
            frames[0]["data"],
            "Recorded sweep of the particle builder: for one particle after the other its picture, sticks for its "
            "distances as high as atoms have neighbours there, and G(r).",
            split=0.34,
            top=0.55,
            frames=frames,
            **frames[0]["layout"],
            height=760,
            sliders=slider(frames, ""),
        )
        peak, crowd = (max(np.nanmax(stop["data"][k]["y"]) for stop in frames) for k in (CURVE, STICKS))
        low = min(stop["data"][CURVE]["y"].min() for stop in frames)
        return made.update_layout(yaxis_range=[1.05 * low, 1.05 * peak], yaxis2_range=[0, 1.05 * crowd])

    def _figure(self, traces: list[dict], alt: str, *, split: float, top: float = 1.0, **layout: Any) -> go.Figure:
        """Sticks between the heights `split` and `top`, G(r) below."""
        styles = ({"color": PALETTE[1], "width": 2}, {"color": PALETTE[0], "width": 1.8})
        drawn = [line(**{**trace, "line": style}) for trace, style in zip(traces, styles, strict=True)]
        axes = {
            "xaxis_title": "r (Å)",
            "xaxis_range": [0, self.settings.rmax],
            "yaxis": {"domain": [0, split - 0.04], "title": "G (Å⁻²)"},
            "yaxis2": {"domain": [split, top], "title": "neighbours", "anchor": "x"},
        }
        return figure(drawn, alt=alt, **{**axes, "showlegend": False, "height": 460, **layout})

    def widget(self) -> Any:
        """The live builder, an ipywidgets box."""
        return _Controls(self).box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        return live_or_recorded(self.widget(), self.tour())


class _Controls:
    """Menus, sliders and the screen of a live builder."""

    def __init__(self, builder: ParticleBuilder) -> None:
        import ipywidgets

        self.builder = builder
        recipe, symbol = builder.stops[0]
        self.family = ipywidgets.Dropdown(options=list(DIALS), value=recipe.family, description="Family")
        self.element = ipywidgets.Dropdown(options=sorted(METALLIC_RADII), value=symbol, description="Metal")
        self.length = ipywidgets.FloatSlider(
            min=2.2,
            max=3.4,
            step=0.01,
            description="d (Å)",
            continuous_update=False,
            value=bond_length(METALLIC_RADII[symbol]),
        )
        self.dials = ipywidgets.VBox()
        self.screen = ipywidgets.Output(layout={"min_height": "840px"})
        self.box = ipywidgets.VBox([self.family, self.dials, self.element, self.length, self.screen])
        self.set_dials(recipe.parameters)
        self.family.observe(lambda _: (self.set_dials(), self.redraw()), "value")
        self.element.observe(self.set_length, "value")
        self.length.observe(self.redraw, "value")
        self.redraw()

    def set_dials(self, values: tuple[int | str, ...] | None = None) -> None:
        """One slider for each parameter of the family."""
        import ipywidgets

        dials = DIALS[str(self.family.value)]
        starts = [dial.start for dial in dials] if values is None else values
        self.dials.children = [
            ipywidgets.IntSlider(min=d.low, max=d.high, value=v, description=d.name, continuous_update=False)
            for d, v in zip(dials, starts, strict=True)
        ]
        for dial in self.dials.children:
            dial.observe(self.redraw, "value")

    def set_length(self, _: Any = None) -> None:
        """Set the bond length of the metal and redraw, even if the length stays the same."""
        set_quietly(self.length, bond_length(METALLIC_RADII[str(self.element.value)]), self.redraw)
        self.redraw()

    def redraw(self, _: Any = None) -> None:
        """Show the particle of menus and sliders, or say why there is none."""
        recipe = Recipe(str(self.family.value), tuple(dial.value for dial in self.dials.children))
        try:
            atoms = self.builder.built(recipe, str(self.element.value), self.length.value)
        except ValueError as problem:
            show_in(self.screen, {"text/plain": str(problem)}, raw=True)
            return
        alt = f"{recipe.name}, {len(atoms)} atoms of {self.element.value}, in 3-D."
        show_in(self.screen, show(atoms, alt=alt), self.builder.figure(atoms))
