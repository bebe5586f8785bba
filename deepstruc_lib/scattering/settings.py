"""What a PDF was measured or simulated with: one frozen record, and the papers' presets."""

from dataclasses import asdict, dataclass, fields, replace
from math import isfinite, pi

import numpy as np

# U = B / (8π²)
B_PER_U = 8 * pi**2
# Far beyond every instrument and particle; a slip of a unit would otherwise fill the memory.
_LARGEST_QMAX, _LARGEST_R, _MOST_POINTS = 200.0, 1000.0, 100_000


@dataclass(frozen=True)
class PDFSettings:
    """Conditions of a pair distribution function G(r); names as in diffpy.

    Args:
        qmin: Lower end of the Fourier integral, Å⁻¹.
        qmax: Upper end of the Fourier integral, Å⁻¹.
        qdamp: Instrument resolution that damps G(r) by exp(−(qdamp·r)²/2), Å⁻¹.
        qbroad: Instrument resolution that broadens peaks with distance, Å⁻¹.
        rmin: First r, Å.
        rmax: End of r, itself excluded, Å.
        rstep: Spacing of r, Å.
        biso: Isotropic displacement parameter B = 8π²U, Å².
        delta1: Correlated motion ∝ 1/r (high temperature), Å.
        delta2: Correlated motion ∝ 1/r² (low temperature), Å².

    Raises:
        ValueError: A value is not finite, negative, or the ranges are empty.
    """

    qmin: float = 0.7
    qmax: float = 25.0
    qdamp: float = 0.0
    qbroad: float = 0.0
    rmin: float = 0.0
    rmax: float = 30.0
    rstep: float = 0.01
    biso: float = 0.3
    delta1: float = 0.0
    delta2: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or value < 0:
                raise ValueError(f"{field.name} = {value}: needs a finite number, zero or more")
        if not self.qmin < self.qmax:
            raise ValueError(f"qmin = {self.qmin}, qmax = {self.qmax}: needs qmin < qmax")
        if not self.rmin < self.rmax:
            raise ValueError(f"rmin = {self.rmin}, rmax = {self.rmax}: needs rmin < rmax")
        if self.qmax > _LARGEST_QMAX or self.rmax > _LARGEST_R:
            raise ValueError(
                f"qmax = {self.qmax:g} Å⁻¹, rmax = {self.rmax:g} Å: needs at most {_LARGEST_QMAX:g} and {_LARGEST_R:g}"
            )
        if self.rstep > 0 and (self.rmax - self.rmin) / self.rstep > _MOST_POINTS:
            raise ValueError(f"rstep = {self.rstep:g} Å gives over {_MOST_POINTS} points: needs a coarser grid")
        if not 0 < self.rstep <= self.rmax - self.rmin:
            raise ValueError(f"rstep = {self.rstep}: needs 0 < rstep ≤ rmax − rmin")

    @property
    def uiso(self) -> float:
        """Mean-square displacement U = B/(8π²), Å²."""
        return self.biso / B_PER_U

    @property
    def r_indices(self) -> np.ndarray:
        """The integers m of r = m·rstep; as in diffpy the first is at or above rmin and rmax is excluded."""
        # A grid point counts as reached within this part of a step, so that 0.1·300 is 30.
        rounding = 1e-6
        first = int(np.ceil(self.rmin / self.rstep - rounding))
        end = int(np.ceil(self.rmax / self.rstep - rounding))
        return np.arange(first, end)

    @property
    def r(self) -> np.ndarray:
        """The r grid in Å, float64."""
        # Rounded far below any physical step: 0.35 rather than 0.35000000000000003.
        return np.round(self.r_indices * self.rstep, 12)

    def replace(self, **changes: float) -> "PDFSettings":
        """These settings with some values changed."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, float]:
        """Plain numbers, for JSON and file headers."""
        return asdict(self)


# The simulations of the two papers. MLG: Table 3 of doi:10.26434/chemrxiv.12662222.v1. DeepStruc: the defaults of
# the authors' generator, and what its published labels (doi:10.1039/D2DD00086E) in truth were made with: neither
# damping nor correlated motion.
PRESETS: dict[str, PDFSettings] = {
    "mlg": PDFSettings(qmin=0, qmax=30, qdamp=0.04, rmin=0, rmax=30, rstep=0.1, biso=1.0, delta2=2),
    "deepstruc": PDFSettings(qmin=0.7, qmax=25, qdamp=0.04, rmin=0, rmax=30, rstep=0.01, biso=0.3, delta2=2),
    "deepstruc_published": PDFSettings(qmin=0.7, qmax=25, rmin=0, rmax=30, rstep=0.01, biso=0.3),
}
