"""The latent explorer: click in a map of a latent plane, see the particle there and its PDF."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.models import ConditionalAutoencoder, structures
from deepstruc_lib.scattering import PDFSettings
from deepstruc_lib.views.colors import hex_codes, on_scale
from deepstruc_lib.views.pictures import pictures_to_scale
from deepstruc_lib.views.structure import View3D, show
from deepstruc_lib.views.theme import PALETTE, figure, slider
from deepstruc_lib.views.traces import frame, line, markers
from deepstruc_lib.views.widgets import live_or_recorded, set_quietly, show_in

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from ase import Atoms

MARGIN = 0.08  # of the plane around the outermost PDFs, in spans of these
COLUMNS = 45  # of dots in the map; more are slow to draw
PDF_COLOR = "#f2f2f2"  # of a PDF's dot: unlike all colours of the map
COPPER = "Cu"  # the model does not know elements, but a view needs one
DIAL = {"continuous_update": False, "readout_format": ".2f"}
MARK, CURVE = 0, 1  # traces of the tour that move
TOUR_LAYOUT = {
    "xaxis": {"domain": [0, 0.5], "title": "z₁", "anchor": "y"},
    "xaxis2": {"title": "r (Å)", "anchor": "y2"},
    "yaxis": {"domain": [0.54, 1], "title": "z₂"},
    "yaxis2": {"domain": [0, 0.36], "title": "G (Å⁻²)", "anchor": "x2"},
    "showlegend": False,
    "height": 760,
}


class LatentExplorer:
    """The plane of a model with two latent coordinates.

    Displayed in Jupyter it is live: a map of dots, coloured by the number of atoms that the decoder puts there, with
    the PDFs' own places on it; a click, two sliders or a menu lead to the particle. Displayed in a page without a
    kernel it is its tour, from one of the PDFs to the next.

    Args:
        network: With a latent dimension of two.
        pdfs: G(r) by name, for the map and the menu.
        settings: Conditions of the PDFs.
        stops: Names of PDFs between which the tour leads.
        steps: Of the tour from one stop to the next.

    Raises:
        ValueError: The network has another latent dimension, or there is no PDF, no stop or one of an unknown name.
    """

    def __init__(
        self,
        network: ConditionalAutoencoder,
        pdfs: Mapping[str, Float[ndarray, " r"]],
        settings: PDFSettings,
        stops: tuple[str, ...],
        steps: int = 6,
    ) -> None:
        if network.config.latent != 2:
            raise ValueError(f"a network with {network.config.latent} latent dimensions: needs two for a map")
        if not pdfs or not stops or any(stop not in pdfs for stop in stops):
            raise ValueError(f"stops {stops} of {len(pdfs)} PDFs: needs names of these, one or more")
        self.network, self.settings, self.steps = network, settings, steps
        with torch.no_grad():
            z = network.prior(torch.from_numpy(np.stack(list(pdfs.values())))).mean.numpy()
        self.places = dict(zip(pdfs, z, strict=True))
        self.stops = stops
        span = np.ptp(z, axis=0) + np.finfo(np.float32).eps
        self.low, self.high = z.min(axis=0) - MARGIN * span, z.max(axis=0) + MARGIN * span

    def grid(self) -> tuple[Float[ndarray, "dots 2"], Int[ndarray, " dots"]]:
        """The map's dots, row by row, and the number of atoms that the decoder puts at each."""
        axes = [np.linspace(low, high, COLUMNS) for low, high in zip(self.low, self.high, strict=True)]
        dots = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        with torch.no_grad():
            presence = self.network.decode(torch.from_numpy(dots).float()).presence
        return dots, (presence > 0).sum(1).numpy()

    def dots(self) -> tuple[Float[ndarray, "dots 2"], list[str]]:
        """All dots of the map, first the grid, then the PDFs, and their colours; a click gives the index of a dot."""
        grid, n_atoms = self.grid()
        own = np.stack(list(self.places.values()))
        return np.concatenate([grid, own]), [*hex_codes(on_scale(n_atoms)), *[PDF_COLOR] * len(own)]

    def particle(self, z: Float[ndarray, " 2"]) -> tuple[Atoms, Float[ndarray, " r"]]:
        """The particle at a place, and its G(r) in Å⁻²."""
        from ase import Atoms

        made = structures(self.network, torch.tensor(np.asarray(z)[None], dtype=torch.float32))
        return Atoms([COPPER] * len(made[0]), positions=made[0].numpy()), made.pdfs(self.settings)[0].numpy()

    def map(self) -> View3D:
        """The map as a 3-D view of dots in a plane, which reports clicks; the PDFs' dots lie on top."""
        from ase import Atoms

        dots, colors = self.dots()
        scaled = (dots - self.low) / (self.high - self.low) * (COLUMNS - 1)
        raised = np.arange(len(dots)) >= len(dots) - len(self.places)
        atoms = Atoms([COPPER] * len(dots), positions=np.column_stack([scaled, raised]))
        alt = "Map of the latent plane: dots coloured by the number of atoms, PDFs as pale dots."
        return show(atoms, colors=colors, rotation="0x", alt=alt, height=420)

    def tour(self) -> go.Figure:
        """The recorded walk: a mark in the map, the particle and its G(r), step by step from stop to stop."""
        way = self._way()
        made = [self.particle(z) for z in way]
        pictures = pictures_to_scale([atoms for atoms, _ in made], x=0.77)
        frames = [
            frame(
                f"{place}: {len(atoms)} atoms",
                {MARK: {"x": [z[0]], "y": [z[1]]}, CURVE: {"y": g.astype(np.float32)}},
                images=[picture],
            )
            for place, (z, (atoms, g), picture) in enumerate(zip(way, made, pictures, strict=True))
        ]
        r, own = self.settings.r.astype(np.float32), np.stack(list(self.places.values()))
        (x, y), (_, first) = way[0], made[0]
        curve = {"width": 1.8, "color": PALETTE[0]}
        traces = [
            markers([x], [y], name="here", marker={"size": 15, "color": PALETTE[1], "symbol": "x"}),
            line(r, first, xaxis="x2", yaxis="y2", line=curve),
            markers(
                own[:, 0],
                own[:, 1],
                text=list(self.places),
                marker={"size": 5, "color": PALETTE[5]},
                hovertemplate="%{text}<extra></extra>",
            ),
        ]
        lowest, highest = min(g.min() for _, g in made), max(g.max() for _, g in made)
        return figure(
            traces,
            frames=frames,
            alt="Recorded tour of the latent explorer: a cross walks through the map; beside it the particle, below "
            "G(r).",
            **TOUR_LAYOUT,
            yaxis2_range=[1.05 * lowest, 1.05 * highest],
            images=pictures[:1],
            sliders=slider(frames, "step "),
        )

    def _way(self) -> list[Float[ndarray, " 2"]]:
        """Places from stop to stop, in equal steps."""
        ends = [self.places[stop] for stop in self.stops]
        between = [a + (b - a) * k / self.steps for a, b in pairwise(ends) for k in range(1, self.steps + 1)]
        return [ends[0], *between]

    def widget(self) -> Any:
        """The live explorer, an ipywidgets box."""
        return _Controls(self).box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        return live_or_recorded(self.widget(), self.tour())


class _Controls:
    """The map, sliders, menu and screen of a live explorer. The sliders always hold the place."""

    def __init__(self, explorer: LatentExplorer) -> None:
        import ipywidgets

        self.explorer = explorer
        start = explorer.places[explorer.stops[0]]
        self.sliders = [
            ipywidgets.FloatSlider(value=v, min=a, max=b, step=(b - a) / 200, description=name, **DIAL)
            for v, a, b, name in zip(start, explorer.low, explorer.high, ("z₁", "z₂"), strict=True)
        ]
        self.menu = ipywidgets.Dropdown(options=list(explorer.places), value=explorer.stops[0], description="PDF")
        self.map = explorer.map().widget
        self.map._js("this.stage.mouseControls.remove('clickPick-left')")  # a click would move the map under the mouse
        self.dots = explorer.dots()[0]
        self.screen = ipywidgets.Output(layout={"min_height": "840px"})
        self.box = ipywidgets.VBox([self.map, self.menu, *self.sliders, self.screen])
        self.map.observe(self.follow_click, "picked")
        self.menu.observe(lambda change: self.go(explorer.places[change["new"]]), "value")
        for dial in self.sliders:
            dial.observe(self.redraw, "value")
        self.redraw()

    def follow_click(self, change: dict) -> None:
        """Go where the clicked dot is; a click beside all of them changes nothing."""
        clicked = change["new"].get("atom1")
        if clicked is not None:
            self.go(self.dots[clicked["index"]])

    def go(self, z: Float[ndarray, " 2"]) -> None:
        """Move both sliders, and redraw once."""
        for dial, value in zip(self.sliders, z, strict=True):
            set_quietly(dial, float(value), self.redraw)
        self.redraw()

    def redraw(self, _: Any = None) -> None:
        """Show the particle at the sliders, and its PDF."""
        z = np.array([dial.value for dial in self.sliders])
        atoms, g = self.explorer.particle(z)
        text = f"The particle at ({z[0]:.2f}, {z[1]:.2f}): {len(atoms)} atoms."
        drawn = figure(
            [line(self.explorer.settings.r, g)],
            alt=f"{text} Its G(r).",
            title=text,
            xaxis_title="r (Å)",
            yaxis_title="G (Å⁻²)",
        )
        show_in(self.screen, show(atoms, alt=text), drawn)
