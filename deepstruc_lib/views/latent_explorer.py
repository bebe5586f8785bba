"""A latent plane to walk about in: click in the map, see the particle there and its PDF."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.models import ConditionalAutoencoder, structures
from deepstruc_lib.scattering import PDFSettings
from deepstruc_lib.views.builder import picture_to_scale
from deepstruc_lib.views.explorers import live_or_recorded
from deepstruc_lib.views.structure import View3D, show
from deepstruc_lib.views.theme import PALETTE, figure, slider

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from ase import Atoms

MARGIN = 0.08  # of the plane around the outermost PDFs, in spans of these
COLUMNS = 45  # of dots that are the map to click in; more are slow to draw
PDF_COLOR = "#f2f2f2"  # of a PDF's dot: unlike all colours of the map
COPPER = "Cu"  # the model does not know elements; something has to be drawn
DIAL = {"continuous_update": False, "readout_format": ".2f"}
MARK, CURVE = 0, 1  # traces of the tour that move


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
            raise ValueError(f"a network with {network.config.latent} latent dimensions came; two are needed for a map")
        if not pdfs or not stops or any(stop not in pdfs for stop in stops):
            raise ValueError(f"stops {stops} came with {len(pdfs)} PDFs; names of these are needed, one or more")
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
        """All dots of the map, in the order in which they are clicked: the grid, then the PDFs; and their colours."""
        grid, n_atoms = self.grid()
        own = np.stack(list(self.places.values()))
        return np.concatenate([grid, own]), [*_hex(n_atoms), *[PDF_COLOR] * len(own)]

    def particle(self, z: Float[ndarray, " 2"]) -> tuple[Atoms, Float[ndarray, " r"]]:
        """The particle at a place, and its G(r) in Å⁻²."""
        from ase import Atoms

        made = structures(self.network, torch.tensor(np.asarray(z)[None], dtype=torch.float32))
        return Atoms([COPPER] * len(made[0]), positions=made[0].numpy()), made.pdfs(self.settings)[0].numpy()

    def map(self) -> View3D:
        """The map as dots in a plane, in which a click can be followed; the PDFs' dots lie on top."""
        from ase import Atoms

        dots, colors = self.dots()
        scaled = (dots - self.low) / (self.high - self.low) * (COLUMNS - 1)
        raised = np.arange(len(dots)) >= len(dots) - len(self.places)
        atoms = Atoms([COPPER] * len(dots), positions=np.column_stack([scaled, raised]))
        alt = "Map of the latent plane: dots coloured by the number of atoms, PDFs as pale dots."
        return show(atoms, colors=colors, rotation="0x", alt=alt, height=420)

    def tour(self) -> go.Figure:
        """The recorded walk: a mark in the map, the particle and its G(r), step by step from stop to stop."""
        ends = np.stack([self.places[stop] for stop in self.stops])
        way = [ends[0], *(a + (b - a) * k / self.steps for a, b in pairwise(ends)
                          for k in range(1, self.steps + 1))]  # fmt: skip
        made = [self.particle(z) for z in way]
        extent = max(float(np.ptp(atoms.positions, axis=0).max()) for atoms, _ in made) + 3
        r = self.settings.r.astype(np.float32)
        frames = []
        for place, (z, (atoms, g)) in enumerate(zip(way, made, strict=True)):
            moved = [{"x": [z[0]], "y": [z[1]], "type": "scatter"}, {"y": g.astype(np.float32), "type": "scatter"}]
            shown = {"images": [{**picture_to_scale(atoms, extent), "x": 0.77}]}
            frames.append({"name": f"{place}: {len(atoms)} atoms", "data": moved, "traces": [MARK, CURVE],
                           "layout": shown})  # fmt: skip
        own, peak = np.stack(list(self.places.values())), max(g.max() for _, g in made)
        traces = [
            {"type": "scatter", "mode": "markers", "x": way[0][:1], "y": way[0][1:], "name": "here",
             "marker": {"size": 15, "color": PALETTE[1], "symbol": "x"}},
            {"type": "scatter", "mode": "lines", "x": r, "y": made[0][1], "xaxis": "x2", "yaxis": "y2",
             "line": {"width": 1.8, "color": PALETTE[0]}},
            {"type": "scatter", "mode": "markers", "x": own[:, 0], "y": own[:, 1], "text": list(self.places),
             "marker": {"size": 5, "color": PALETTE[5]}, "hovertemplate": "%{text}<extra></extra>"},
        ]  # fmt: skip
        axes = {"xaxis": {"domain": [0, 0.5], "title": "z₁", "anchor": "y"},
                "xaxis2": {"title": "r (Å)", "anchor": "y2"},
                "yaxis": {"domain": [0.54, 1], "title": "z₂"},
                "yaxis2": {"domain": [0, 0.36], "title": "G (Å⁻²)", "anchor": "x2",
                           "range": [1.05 * min(g.min() for _, g in made), 1.05 * peak]}}  # fmt: skip
        alt = "Recorded tour of the latent explorer: a cross walks through the map; beside it the particle, below G(r)."
        return figure(traces, frames=frames, alt=alt, **axes, showlegend=False, height=760,
                      images=frames[0]["layout"]["images"], sliders=slider(frames, "step "))  # fmt: skip

    def widget(self) -> Any:
        """The live explorer, an ipywidgets box."""
        return _Controls(self).box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        return live_or_recorded(self.widget(), self.tour())


class _Controls:
    """The map, sliders, menu and screen of a live explorer; whatever moves, the sliders hold the place."""

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
        """Go where the clicked dot is; a click beside all of them says nothing."""
        clicked = change["new"].get("atom1")
        if clicked is not None:
            self.go(self.dots[clicked["index"]])

    def go(self, z: Float[ndarray, " 2"]) -> None:
        """Move both sliders, and redraw once."""
        for dial, value in zip(self.sliders, z, strict=True):
            dial.unobserve(self.redraw, "value")
            dial.value = float(value)
            dial.observe(self.redraw, "value")
        self.redraw()

    def redraw(self, _: Any = None) -> None:
        """Show the particle at the sliders, and its PDF."""
        from IPython.display import clear_output, display

        z = np.array([dial.value for dial in self.sliders])
        atoms, g = self.explorer.particle(z)
        text = f"The particle at ({z[0]:.2f}, {z[1]:.2f}): {len(atoms)} atoms."
        curve = {"type": "scatter", "mode": "lines", "x": self.explorer.settings.r, "y": g}
        drawn = figure([curve], alt=f"{text} Its G(r).", title=text, xaxis_title="r (Å)", yaxis_title="G (Å⁻²)")
        with self.screen:
            clear_output(wait=True)
            display(show(atoms, alt=text), drawn)


@lru_cache(maxsize=256)
def _color(share: float) -> str:
    from plotly.colors import sample_colorscale

    red, green, blue = (
        round(255 * float(part)) for part in sample_colorscale("Viridis", [share], colortype="tuple")[0]
    )
    return f"#{red:02x}{green:02x}{blue:02x}"


def _hex(values: Int[ndarray, " dots"]) -> list[str]:
    """A colour from dark to bright for each."""
    span = int(np.ptp(values)) or 1
    return [_color(float(share)) for share in (values - values.min()) / span]
