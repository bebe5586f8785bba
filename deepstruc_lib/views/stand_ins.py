"""The five measured PDFs where they can be had; elsewhere simulated ones in their place, which say that they are."""

from dataclasses import replace

import numpy as np
import torch

from deepstruc_lib.files import MEASURED, PDF, DataUnavailable, measured, read_gr
from deepstruc_lib.particles import AU144_DELTA2, Recipe, au144_core
from deepstruc_lib.scattering import PDFSettings, simulate

# Shapes and sizes near those the measured curves show; the Au144(PET)60 core has a record of its own.
_SHAPES = {
    "Au144pMBA": Recipe("Decahedron", (5, 1, 0)),
    "JQ_S1": Recipe("Sphere", ("fcc", "atom", 1289)),
    "JQ_S2": Recipe("Sphere", ("fcc", "atom", 369)),
    "JQ_S3": Recipe("TwinnedSphere", ("atom", 201)),
}
_BISO, _DELTA2, _QDAMP = 0.8, 3.0, 0.03  # what such samples show: Å², Å², Å⁻¹
_RSTEP = 0.01  # Å, of all five
# The platinum measurements share a narrow spike in F(Q): its place (Å⁻¹), the amplitude (Å⁻²) of its ripple.
_SPIKE, _RIPPLE = 18.8, 0.012
_RIPPLED = ("JQ_S1", "JQ_S2", "JQ_S3")


def measured_pdfs() -> tuple[dict[str, PDF], bool]:
    """The five measured PDFs by name and True; or, where one cannot be had, five stand-ins and False."""
    try:
        return {name: read_gr(measured(name)) for name in MEASURED}, True
    except DataUnavailable:
        return {name: stand_in(name) for name in MEASURED}, False


def stand_in(name: str) -> PDF:
    """A simulated PDF of a similar particle, at the Q range and on the r grid of a measured one.

    The platinum ones carry a constant ripple as the measured ones do, put in by hand.

    Args:
        name: One of `MEASURED`.

    Raises:
        ValueError: For another name.
    """
    if name not in MEASURED:
        raise ValueError(f"the data set name {name!r}: needs one of {', '.join(MEASURED)}")
    sample = MEASURED[name]
    beyond = sample.rmax + _RSTEP / 2  # the measured grids include their end
    settings = PDFSettings(
        qmin=sample.qmin, qmax=sample.qmax, qdamp=_QDAMP, rmax=beyond, rstep=_RSTEP, biso=_BISO, delta2=_DELTA2
    )
    if name == "Au144PET":
        positions, uiso = map(torch.from_numpy, au144_core())
        g = simulate(positions, settings.replace(delta2=AU144_DELTA2), uiso=uiso).numpy()
    else:
        g = simulate(torch.from_numpy(_SHAPES[name].positions(sample.first_peak)).float(), settings).double().numpy()
    if name in _RIPPLED:
        g = g + _RIPPLE * np.sin(_SPIKE * settings.r)
    pdf = PDF(settings.r, g, qmin=sample.qmin, qmax=sample.qmax, composition=sample.element, mode="xray")
    return replace(pdf, source=f"simulated stand-in for {sample.file}")
