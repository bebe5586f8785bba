"""The record of one pair distribution function, G(r) with what is known of its measurement."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from ase.data import atomic_numbers
from jaxtyping import Float64

# Columns are printed with few digits: r may leave the straight line through its ends by this share of a step.
STEP_TOLERANCE = 0.01
# Below this r no two atoms of a solid lie (O–H 0.96 Å is the shortest bond met in practice; metals start at
# about 2.2 Å), but a nearest-neighbour peak given in nm does (0.2–0.35).
SHORTEST_BOND = 1.0
# The nearest-neighbour peak of the metals lies at 2.2–3.3 Å; a PDF that starts later may have lost it.
LATEST_START = 2.5
# About three and a half bond lengths, the first dozen shells of a close packing: less does not tell
# fcc from hcp or an icosahedron.
SHORTEST_REACH = 10.0
# PDF peaks are 0.2–0.4 Å wide, and even qmax = 12 Å⁻¹ needs π/qmax = 0.26 Å.
COARSEST_STEP = 0.25

MODES = ("xray", "neutron", "electron")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:\s*\d+(?:\.\d+)?)?\s*)+")
_ELEMENT = re.compile(r"[A-Z][a-z]?")


@dataclass(frozen=True, eq=False)
class PDF:
    """A pair distribution function G(r) on a uniform grid, checked when made.

    Arrays are copied, float64 and read-only; two records are equal only if they are the same object.

    Args:
        r: Distances in Å, uniform within 1 % of a step, rising, not negative.
        g: G(r) in Å⁻².
        errors: Standard uncertainty of `g`, in Å⁻².
        qmin: Lower end of the Fourier transform, in Å⁻¹.
        qmax: Upper end of the Fourier transform, in Å⁻¹.
        qdamp: Resolution damping exp(−(qdamp·r)²/2), in Å⁻¹.
        composition: Sum formula such as "Au144 S60 C180".
        wavelength: In Å.
        mode: "xray", "neutron" or "electron".
        source: Name of the file it came from, without folders.

    Raises:
        ValueError: If anything of this does not hold.
    """

    r: Float64[np.ndarray, " r"]
    g: Float64[np.ndarray, " r"]
    errors: Float64[np.ndarray, " r"] | None = None
    qmin: float | None = None
    qmax: float | None = None
    qdamp: float | None = None
    composition: str | None = None
    wavelength: float | None = None
    mode: str | None = None
    source: str | None = None

    def __post_init__(self):
        for name in ("r", "g", "errors"):
            if name != "errors" or self.errors is not None:
                object.__setattr__(self, name, _column(name, getattr(self, name)))
        _check_grid(self.r)
        _check_values(self)
        for name in ("qmin", "qmax", "qdamp", "wavelength"):
            object.__setattr__(self, name, _quantity(name, getattr(self, name)))
        _check_words(self)

    @property
    def rmin(self) -> float:
        """First r, in Å."""
        return float(self.r[0])

    @property
    def rmax(self) -> float:
        """Last r, in Å."""
        return float(self.r[-1])

    @property
    def rstep(self) -> float:
        """Mean step of r, in Å."""
        return (self.rmax - self.rmin) / (len(self.r) - 1)

    def cut(self, rmin: float, rmax: float) -> "PDF":
        """The part with rmin ≤ r ≤ rmax (Å), its points unchanged.

        Raises:
            ValueError: If the data end more than one step short of rmin or rmax (nothing is padded), or if
                fewer than two points lie within.
        """
        slack = 1.001 * self.rstep  # a grid that excludes its rmax, as diffpy's does, still reaches it
        if not (self.rmin - slack <= rmin < rmax <= self.rmax + slack):
            raise ValueError(f"r from {self.rmin:g} to {self.rmax:g} Å: needs {rmin:g} to {rmax:g} Å")
        rounding = STEP_TOLERANCE * self.rstep
        keep = (self.r >= rmin - rounding) & (self.r <= rmax + rounding)
        errors = None if self.errors is None else self.errors[keep]
        return replace(self, r=self.r[keep], g=self.g[keep], errors=errors)

    def regrid(self, r: Iterable[float]) -> "PDF":
        """G at other r (Å), by a cubic spline through all points (not-a-knot ends); errors linearly.

        The values are those of the curve at the new r, not means over a bin. G is band-limited to qmax, so
        nothing is lost while the new step stays below π/qmax. Points on the old grid keep their values to rounding.

        Raises:
            ValueError: If the new r leave the measured range or are no uniform grid.
        """
        wanted = _column("r", r)
        rounding = STEP_TOLERANCE * self.rstep
        if wanted.size == 0 or wanted.min() < self.rmin - rounding or wanted.max() > self.rmax + rounding:
            span = f"{wanted.min():g} to {wanted.max():g} Å" if wanted.size else "at least two points"
            raise ValueError(f"r from {self.rmin:g} to {self.rmax:g} Å: needs {span}")
        inside = np.clip(wanted, self.rmin, self.rmax)
        errors = None if self.errors is None else np.interp(inside, self.r, self.errors)
        from scipy.interpolate import CubicSpline  # takes half a second to load

        return replace(self, r=wanted, g=CubicSpline(self.r, self.g)(inside), errors=errors)

    def check_plausible(self) -> None:
        """Raise ValueError where r is not in Å, or G cannot show the first shells of a particle.

        Called by `read_gr`; the record itself also holds parts of a PDF, so it does not insist.
        """
        peak = float(self.r[np.argmax(self.g)])
        if peak < SHORTEST_BOND:
            raise ValueError(
                f"the highest peak of G is at r = {peak:g}, closer than any two atoms in Å: needs r in Å (if it "
                "is in nm multiply r by 10 and divide G by 100) or data without artefacts at low r (cut them off)"
            )
        if self.g.min() > 0:
            raise ValueError(
                f"values are all positive (from {self.g.min():g}): "
                "needs G(r), which swings about zero, not I(Q), S(Q), g(r) or R(r)"
            )
        if self.rmin > LATEST_START:
            raise ValueError(
                f"r starts at {self.rmin:g} Å: needs a start at or below {LATEST_START:g} Å, before the "
                "nearest-neighbour peak"
            )
        if self.rmax + self.rstep < SHORTEST_REACH:
            raise ValueError(
                f"r ends at {self.rmax:g} Å: needs at least {SHORTEST_REACH:g} Å, a few shells of neighbours"
            )
        if self.rstep > COARSEST_STEP * (1 + STEP_TOLERANCE):
            raise ValueError(
                f"steps of {self.rstep:g} in r: needs at most {COARSEST_STEP:g} Å to see peaks (is r in Å?)"
            )


def check_composition(composition: str) -> str:
    """The formula with single blanks between its elements, e.g. "Au144 S60 C180".

    Raises:
        ValueError: If it is no sum formula of known elements.
    """
    text = composition.strip() if isinstance(composition, str) else ""
    if not text or len(text) > 200 or not _FORMULA.fullmatch(text):
        raise ValueError(f"composition {str(composition)[:40]!r}: needs a sum formula such as 'Au144 S60'")
    for symbol in _ELEMENT.findall(text):
        if symbol not in atomic_numbers or symbol == "X":
            raise ValueError(f"unknown element {symbol!r} in the composition: needs chemical symbols")
    return " ".join(re.sub(r"([A-Z][a-z]?)\s*", r" \1", text).split())


def _column(name: str, values) -> Float64[np.ndarray, " r"]:
    try:
        given = np.asarray(values if hasattr(values, "__array__") else list(values))
    except (TypeError, ValueError) as error:  # no list, or a ragged one
        raise ValueError(f"{name} is no list of numbers: needs one real number a point") from error
    if given.dtype.kind not in "buif":
        raise ValueError(f"{name} of type {given.dtype}: needs one real number a point")
    column = given.astype(np.float64)  # a copy, always
    if column.ndim != 1:
        raise ValueError(f"{name} of shape {column.shape}: needs one dimension")
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        raise ValueError(f"{name} = {column[bad[0]]} at point {bad[0] + 1}: needs finite numbers")
    column.flags.writeable = False
    return column


def _check_grid(r: Float64[np.ndarray, " r"]) -> None:
    if len(r) < 2:
        raise ValueError(f"{len(r)} points: needs at least two")
    if r[0] < 0 or r[-1] > 1e6:
        raise ValueError(f"r from {r[0]:g} to {r[-1]:g}: needs distances in Å, zero or larger")
    steps = np.diff(r)
    at = int(np.argmin(steps))
    if steps[at] <= 0:
        what = "repeated" if steps[at] == 0 else "falling"
        raise ValueError(f"r {what} ({r[at]:g}, then {r[at + 1]:g}): needs r rising in equal steps")
    step = (r[-1] - r[0]) / (len(r) - 1)
    if np.abs(r - (r[0] + step * np.arange(len(r)))).max() > STEP_TOLERANCE * step:
        usual = float(np.median(steps))
        at = int(np.argmax(np.abs(steps - usual)))
        raise ValueError(
            f"a step of {steps[at]:g} Å at r = {r[at]:g} Å where others are {usual:g} Å: needs equal steps "
            "(no gaps; r printed with enough digits)"
        )


def _check_values(pdf: PDF) -> None:
    for name, column in (("G", pdf.g), ("errors", pdf.errors)):
        if column is not None and len(column) != len(pdf.r):
            raise ValueError(f"{len(column)} values of {name} for {len(pdf.r)} of r: needs as many")
    if pdf.g.min() == pdf.g.max():
        value = "zero" if pdf.g[0] == 0 else f"{pdf.g[0]:g}"
        raise ValueError(f"G is {value} everywhere: needs a measured or simulated G(r)")
    if np.abs(pdf.g).max() > 1e12:  # squares of it must not overflow; a real G stays below about 100 Å⁻²
        raise ValueError(f"G as large as {np.abs(pdf.g).max():g}: needs G(r) in Å⁻²")
    if pdf.errors is not None and pdf.errors.min() < 0:
        raise ValueError(f"a negative uncertainty of G ({pdf.errors.min():g}): needs zero or larger")


def _quantity(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    smallest = 0.0 if name in ("qmin", "qdamp") else np.nextafter(0.0, 1.0)
    if not smallest <= number < np.inf:
        unit = "Å" if name == "wavelength" else "Å⁻¹"
        above = "0 or larger" if smallest == 0.0 else "larger than 0"
        raise ValueError(f"{name} = {str(value)[:40]!r}: needs a number in {unit}, {above}")
    return number


def _check_words(pdf: PDF) -> None:
    if pdf.qmin is not None and pdf.qmax is not None and pdf.qmin >= pdf.qmax:
        raise ValueError(f"qmin = {pdf.qmin:g} and qmax = {pdf.qmax:g} Å⁻¹: needs qmin below qmax")
    if pdf.composition is not None:
        object.__setattr__(pdf, "composition", check_composition(pdf.composition))
    if pdf.mode is not None and pdf.mode not in MODES:
        raise ValueError(f"mode {str(pdf.mode)[:40]!r}: needs one of {', '.join(MODES)}")
    if pdf.source is not None and (not pdf.source.isprintable() or re.search(r"[/\\]", pdf.source)):
        raise ValueError(f"source {pdf.source[:40]!r}: needs a file name without folders")
