"""The PDF explorer: sliders that simulate as they move in Jupyter, and a recorded tour where no kernel runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.views.pdf_figures import recorded
from deepstruc_lib.views.widgets import live_or_recorded, show_in

if TYPE_CHECKING:
    import plotly.graph_objects as go

LABEL_WIDTH = "7.5em"  # holds the longest, "Qdamp (Å⁻¹)"
START = PDFSettings(qmin=0.7, qmax=25.0, rmax=30.0, rstep=0.02, biso=0.3)


@dataclass(frozen=True)
class Control:
    """One slider: which setting it changes, in which range, and where the recorded tour stops."""

    setting: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    tour: tuple[float, ...]


CONTROLS = (
    Control("qmin", "Qmin", "Å⁻¹", 0.0, 4.0, 0.1, (0.0, 1.0, 2.0)),
    Control("qmax", "Qmax", "Å⁻¹", 8.0, 40.0, 0.5, (12.0, 18.0, 32.0)),
    Control("qdamp", "Qdamp", "Å⁻¹", 0.0, 0.15, 0.005, (0.04, 0.08, 0.15)),
    Control("biso", "B", "Å²", 0.0, 3.0, 0.05, (0.0, 1.0, 2.0)),
    Control("delta2", "δ₂", "Å²", 0.0, 6.0, 0.25, (2.0, 4.0, 6.0)),
)


class PDFExplorer:
    """G(r) of particles of several sizes under sliders for Qmin, Qmax, Qdamp, B, δ₂ and size.

    Displayed in Jupyter it is live. Displayed in a page without a kernel it is its tour: one slider that starts at the
    settings given and changes one setting after the other.

    Args:
        particles: Positions in Å by name, in the order of the size slider.
        settings: Where the sliders start; the r grid.
        size: Name of the particle to start with; the first where None.

    Raises:
        ValueError: There is no particle, or none of the name `size`.
    """

    def __init__(
        self,
        particles: Mapping[str, Float[ndarray, "_ 3"]],
        settings: PDFSettings = START,
        *,
        size: str | None = None,
    ) -> None:
        if not particles or (size is not None and size not in particles):
            raise ValueError(f"size {size!r} of the particles {list(particles)}: needs one of them")
        # Single precision takes the fast way, a histogram of distances; its error, 1e-4 of a peak, is not visible.
        self.particles = {name: torch.as_tensor(np.asarray(x), dtype=torch.float32) for name, x in particles.items()}
        self.settings = settings
        self.size = next(iter(particles)) if size is None else size
        self.start = self.g(self.size)
        self.figure = self._figure()

    def g(self, size: str, **changes: float) -> Float[ndarray, " r"]:
        """G(r) in Å⁻² of one particle, with some settings changed."""
        return simulate(self.particles[size], self.settings.replace(**changes)).numpy()

    def tour(self) -> go.Figure:
        """The recorded sweep: every control in turn, then the sizes."""
        stops = {"start": self.start}
        for control in CONTROLS:
            for value in control.tour:
                stops[f"{control.label} = {value:g} {control.unit}"] = self.g(self.size, **{control.setting: value})
        stops |= {name: self.g(name) for name in self.particles if name != self.size}
        return recorded(
            self.settings.r,
            stops,
            "Changed: ",
            reference=("at the start", self.start),
            alt=f"Recorded tour of the PDF explorer: G(r) of {self.size}, then with one setting or the size changed.",
        )

    def widget(self) -> Any:
        """The live explorer, an ipywidgets box."""
        import ipywidgets

        sliders = {control.setting: self._slider(control) for control in CONTROLS}
        sizes = ipywidgets.SelectionSlider(
            options=list(self.particles), value=self.size, description="Size", style={"description_width": LABEL_WIDTH}
        )
        screen = ipywidgets.Output(layout={"min_height": "440px"})

        def follow(_: Any = None) -> None:
            self.move(sizes.value, **{name: control.value for name, control in sliders.items()})
            show_in(screen, self.figure)

        for control in [*sliders.values(), sizes]:
            control.observe(follow, "value")
        follow()
        columns = "repeat(auto-fill, minmax(300px, 1fr))"
        box = ipywidgets.GridBox([*sliders.values(), sizes], layout={"grid_template_columns": columns})
        return ipywidgets.VBox([box, screen])

    def move(self, size: str, **changes: float) -> None:
        """Set the curve of the figure to a size and settings."""
        self.figure.data[0].y = self.g(size, **changes)

    def _slider(self, control: Control) -> Any:
        import ipywidgets

        return ipywidgets.FloatSlider(
            value=getattr(self.settings, control.setting),
            min=control.low,
            max=control.high,
            step=control.step,
            description=f"{control.label} ({control.unit})",
            readout_format=".3f" if control.step < 0.01 else ".2f",
            style={"description_width": LABEL_WIDTH},
        )

    def _figure(self) -> go.Figure:
        made = recorded(
            self.settings.r,
            {"start": self.start},
            "",
            reference=("at the start", self.start),
            alt="G(r) over r: the curve at the sliders, and the one they started from.",
        )
        made.frames = ()
        return made.update_layout(sliders=[], height=430, yaxis_range=None, yaxis_autorange=True)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        return live_or_recorded(self.widget(), self.tour())
