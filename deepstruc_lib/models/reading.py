"""What a model reads of a PDF, and how a PDF differs from those of the training."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.files import PDF

# A grid that leaves out its last point, or the zero at r = 0, still holds the whole range.
_SLACK = 1.001
_NORMALISATIONS = ("maximum", "none")


@dataclass(frozen=True)
class Reads:
    """The input of a model.

    Args:
        rmin: First r, Å.
        rmax: End of r, itself excluded, Å.
        rstep: Spacing of r, Å.
        conditions: Lowest and highest value in training of each condition of a PDF: at least qmin and qmax, Å⁻¹.
        normalisation: "maximum": G is divided by its highest value; or "none".
    """

    rmin: float
    rmax: float
    rstep: float
    conditions: Mapping[str, Sequence[float]] = field(default_factory=dict)
    normalisation: str = "maximum"

    def __post_init__(self) -> None:
        if not (0 <= self.rmin < self.rmax and 0 < self.rstep <= self.rmax - self.rmin):
            given = f"rmin {self.rmin}, rmax {self.rmax}, rstep {self.rstep}"
            raise ValueError(f"{given}: needs 0 ≤ rmin < rmax, in steps that fit between them")
        ranges = {name: (float(low), float(high)) for name, (low, high) in self.conditions.items()}
        if not {"qmin", "qmax"} <= ranges.keys() or any(low > high for low, high in ranges.values()):
            raise ValueError(f"conditions {ranges}: needs lowest and highest value of qmin, qmax and what else varied")
        if self.normalisation not in _NORMALISATIONS:
            raise ValueError(f"normalisation {self.normalisation!r}: needs one of {', '.join(_NORMALISATIONS)}")
        object.__setattr__(self, "conditions", ranges)

    @property
    def r(self) -> Float[ndarray, " r"]:
        """The grid in Å, that of `PDFSettings` with the same ends and step."""
        rounding = 1e-6
        points = np.arange(ceil(self.rmin / self.rstep - rounding), ceil(self.rmax / self.rstep - rounding))
        return np.round(points * self.rstep, 12)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"conditions": {name: list(limits) for name, limits in self.conditions.items()}}


def check_readable(pdf: PDF) -> None:
    """Refuse a PDF that no model can read.

    Raises:
        ValueError: It has no Q range, its r cannot be in Å, or it cannot show the first shells of a particle.
    """
    if pdf.qmin is None or pdf.qmax is None:
        raise ValueError("a PDF without its Q range: needs qmin and qmax in Å⁻¹, of the file or as options")
    pdf.check_plausible()


def on_grid(pdf: PDF, reads: Reads) -> Float[ndarray, " r"]:
    """G where the model reads it, zero outside of the PDF's own range; not normalised."""
    r = reads.r
    inside = (r >= pdf.rmin) & (r <= pdf.rmax)
    g = np.zeros(len(r))
    g[inside] = pdf.regrid(r[inside]).g
    return g


def unlike_conditions(pdf: PDF, reads: Reads) -> tuple[str, ...]:
    """How the r range and the Q range differ from those of the training: a sentence for each difference."""
    said = []
    r, slack = reads.r, reads.rstep * _SLACK
    if pdf.rmin > r[0] + slack or pdf.rmax < r[-1] - slack:
        said.append(
            f"the PDF reaches from {pdf.rmin:.4g} to {pdf.rmax:.4g} Å; the model reads {r[0]:.4g} to {r[-1]:.4g} Å "
            "and gets zeros beyond"
        )
    for name, shown in (("qmin", "Qmin"), ("qmax", "Qmax")):
        (low, high), value = reads.conditions[name], getattr(pdf, name)
        if not low <= value <= high:
            said.append(f"{shown} is {value:.4g} Å⁻¹; the model learned from {low:g} to {high:g} Å⁻¹")
    return tuple(said)
