"""The options that commands share, each said once."""

import re
from pathlib import Path
from typing import Annotated

import typer

PdfFile = Annotated[
    Path, typer.Argument(help="Measured G(r): .gr of pdfgetx3, xPDFsuite, PDFgetXgui, PDFgui, or columns.")
]
StructureFile = Annotated[Path, typer.Argument(help="Any file that ASE reads: .xyz, .cif, .pdb, ...")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ModelName = Annotated[str, typer.Argument(help="Such as mlg-cvae; `deepstruc models` lists them.")]


def _symbol(element: str | None) -> str | None:
    return element if element is None else element.capitalize()


def _address(cluster: str | None) -> str | None:
    if cluster is not None and not re.fullmatch(r"(\w+://)?[^\s/]+:\d+/?", cluster):
        raise ValueError(f"--cluster {cluster}: needs the address of a dask scheduler, such as tcp://127.0.0.1:8786")
    return cluster


Element = Annotated[str | None, typer.Option(callback=_symbol, help="Metal of the particle, such as Au.")]
Cluster = Annotated[str | None, typer.Option(callback=_address, help="Address of a running dask scheduler.")]
# of a measured PDF
Qmin = Annotated[float | None, typer.Option(help="Lower end of the Fourier integral, Å⁻¹; overrides the file.")]
Qmax = Annotated[float | None, typer.Option(help="Upper end of the Fourier integral, Å⁻¹; overrides the file.")]
Qdamp = Annotated[float | None, typer.Option(help="Instrument damping, Å⁻¹; overrides the file (else 0.04).")]
FitRmin = Annotated[float | None, typer.Option("--rmin", help="First r of the fit, Å [2].")]
FitRmax = Annotated[float | None, typer.Option("--rmax", help="Last r of the fit, Å [20, or the end of the data].")]
# of a simulation, over its preset
SimulatedQmin = Annotated[float | None, typer.Option("--qmin", help="Lower end of the Fourier integral, Å⁻¹.")]
SimulatedQmax = Annotated[float | None, typer.Option("--qmax", help="Upper end of the Fourier integral, Å⁻¹.")]
SimulatedQdamp = Annotated[float | None, typer.Option("--qdamp", help="Instrument damping, Å⁻¹.")]
Rmin = Annotated[float | None, typer.Option(help="First r, Å.")]
Rmax = Annotated[float | None, typer.Option(help="End of r, itself excluded, Å.")]
Rstep = Annotated[float | None, typer.Option(help="Spacing of r, Å.")]
Biso = Annotated[float | None, typer.Option(help="B = 8π²U of every atom, Å².")]
Delta2 = Annotated[float | None, typer.Option(help="Correlated motion, Å².")]
