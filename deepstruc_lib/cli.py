"""`deepstruc`: simulate, fit, solve, corpus and bench on the command line."""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

app = typer.Typer(
    help="Given the pair distribution function of a metal nanoparticle, where are its atoms?\n\n"
    "Results go to stdout, progress and messages to stderr. Wrong input ends with exit code 2 and one line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PdfFile = Annotated[
    Path, typer.Argument(help="Measured G(r): .gr of pdfgetx3, xPDFsuite, PDFgetXgui, PDFgui, or columns.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Qmin = Annotated[float | None, typer.Option(help="Lower end of the Fourier integral, Å⁻¹; overrides the file.")]
Qmax = Annotated[float | None, typer.Option(help="Upper end of the Fourier integral, Å⁻¹; overrides the file.")]
Qdamp = Annotated[float | None, typer.Option(help="Instrument damping, Å⁻¹; overrides the file (else 0.04).")]
Rmin = Annotated[float | None, typer.Option(help="First r of the fit, Å [2].")]
Rmax = Annotated[float | None, typer.Option(help="Last r of the fit, Å [20, or the end of the data].")]
Setting = Annotated[float | None, typer.Option()]


@app.command()
def simulate(
    structure: Annotated[Path, typer.Argument(help="Any file that ASE reads: .xyz, .cif, .pdb, ...")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write a .gr file instead of stdout.")] = None,
    preset: Annotated[Literal["mlg", "deepstruc", "deepstruc_published"], typer.Option()] = "deepstruc_published",
    qmin: Setting = None,
    qmax: Setting = None,
    qdamp: Setting = None,
    rmin: Setting = None,
    rmax: Setting = None,
    rstep: Setting = None,
    biso: Setting = None,
    delta2: Setting = None,
    diffpy: Annotated[bool, typer.Option("--diffpy", help="Exactly as diffpy.srreal's DebyePDFCalculator.")] = False,
) -> None:
    """G(r) of a particle: `deepstruc simulate particle.xyz --qmax 22 --biso 0.8 -o particle.gr`."""
    import torch

    from deepstruc_lib.files import PDF, format_gr, read_structure, write_gr
    from deepstruc_lib.scattering import PRESETS
    from deepstruc_lib.scattering import simulate as simulate_pdf

    given = {"qmin": qmin, "qmax": qmax, "qdamp": qdamp, "rmin": rmin, "rmax": rmax, "rstep": rstep}
    given |= {"biso": biso, "delta2": delta2}
    settings = PRESETS[preset].replace(**{name: value for name, value in given.items() if value is not None})
    atoms = read_structure(structure)
    symbols = atoms.get_chemical_symbols()
    g = simulate_pdf(
        torch.tensor(atoms.positions),
        settings,
        symbols=symbols if len(set(symbols)) > 1 else None,
        transform="diffpy" if diffpy else "exact",
    )
    conditions: dict[str, Any] = {"qmin": settings.qmin, "qmax": settings.qmax, "qdamp": settings.qdamp}
    composition = atoms.get_chemical_formula(mode="metal")
    pdf = PDF(r=settings.r, g=g.numpy(), composition=composition, mode="xray", source=structure.name, **conditions)
    extra = {"biso": settings.biso, "delta2": settings.delta2, "transform": "diffpy" if diffpy else "exact"}
    if output is None:
        print(format_gr(pdf, extra), end="")
    else:
        write_gr(output, pdf, extra)
        _say(f"{output}: {len(pdf.r)} points of {composition}")


@app.command()
def fit(
    pdf: PdfFile,
    structure: Annotated[Path, typer.Argument(help="The structure to refine: any file that ASE reads.")],
    qmin: Qmin = None,
    qmax: Qmax = None,
    qdamp: Qdamp = None,
    rmin: Rmin = None,
    rmax: Rmax = None,
    as_json: Json = False,
) -> None:
    """Scale, stretch, B and delta2 of one structure, with uncertainties: `deepstruc fit my.gr particle.xyz`."""
    from deepstruc_lib.files import read_gr, read_structure
    from deepstruc_lib.solving import PARAMETERS
    from deepstruc_lib.solving import fit as fit_structure

    measured = read_gr(pdf, qmin=qmin, qmax=qmax)
    atoms = read_structure(structure)
    if len(set(atoms.get_chemical_symbols())) > 1:
        raise ValueError(f"{structure}: found {atoms.get_chemical_formula()}; needed a particle of one element")
    result = fit_structure(measured, atoms, r_range=_range(measured, rmin, rmax), qdamp=qdamp)
    if as_json:
        print(json.dumps({"input": pdf.name, "structure": structure.name, "n_atoms": len(atoms), **result.as_dict()}))
        return
    for name, unit in zip(PARAMETERS, ("", "", "Å²", "Å²"), strict=True):
        error = result.errors[name]
        uncertainty = "at its bound" if error is None else f"± {error:.2g}"
        print(f"{name:8s} {getattr(result, name):10.5g} {uncertainty:14s}{unit}".rstrip())
    print(f"Rw       {result.rw:10.4f} over {result.rw_range[0]:g}–{result.rw_range[1]:g} Å")


@app.command()
def solve(
    pdf: PdfFile,
    element: Annotated[str | None, typer.Option(help="Metal of the particle, such as Au.")] = None,
    method: Annotated[Literal["library", "auto"], typer.Option(help="Who proposes structures.")] = "auto",
    library: Annotated[Literal["deepstruc", "extended"], typer.Option(help="197 shapes, or over 1000.")] = "deepstruc",
    top: Annotated[int, typer.Option(min=1, help="How many solutions.")] = 5,
    qmin: Qmin = None,
    qmax: Qmax = None,
    qdamp: Qdamp = None,
    rmin: Rmin = None,
    rmax: Rmax = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a running dask scheduler.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for .xyz, table, curves.")] = None,
    as_json: Json = False,
) -> None:
    """Candidate structures for a measured PDF: `deepstruc solve my.gr --element Au --method library`."""
    import time

    from deepstruc_lib.files import read_gr
    from deepstruc_lib.solving import solve as solve_pdf
    from deepstruc_lib.solving import the_metal
    from deepstruc_lib.solving.report import solutions_table, write_solutions

    start = time.perf_counter()
    measured = read_gr(pdf, qmin=qmin, qmax=qmax)
    metal = the_metal(measured, element)
    if element is None:
        _say(f"{pdf.name}: taking {metal}, the only metal of {measured.composition}")
    with _progress("shapes") as progress:
        solutions = solve_pdf(
            measured,
            element=metal,
            method=method,
            library=library,
            top=top,
            r_range=_range(measured, rmin, rmax),
            qdamp=qdamp,
            cluster=cluster,
            progress=progress,
        )
    if output is not None:
        solutions = write_solutions(output, solutions, measured)
        _say(f"{output}: {len(solutions)} structures, solutions.csv and fit curves")
    if as_json:
        report: dict[str, Any] = {"input": pdf.name, "method": "library" if method == "auto" else method}
        report |= {"seconds": time.perf_counter() - start, "rw_range": list(solutions[0].fit.rw_range)}
        print(json.dumps(report | {"solutions": [solution.as_dict() for solution in solutions]}))
    else:
        print(solutions_table(solutions))


@app.command()
def corpus(
    name: Annotated[Literal["deepstruc", "mlg", "stacking"], typer.Argument(help="Whose structures and PDFs.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write structures and PDFs as HDF5.")] = None,
    as_json: Json = False,
) -> None:
    """Builds a corpus from its recipes and counts it: `deepstruc corpus deepstruc -o deepstruc.h5`."""
    from deepstruc_lib.corpora import corpus as build
    from deepstruc_lib.corpora import save_corpus

    built = build(name, progress=True)
    if output is not None:
        save_corpus(output, built)
        _say(f"{output}: {len(built)} entries")
    summary = built.summary()
    if as_json:
        print(json.dumps(summary))
        return
    print(f"{name}: {summary['entries']} entries, {summary['structures']} structures, {summary['shapes']} shapes")
    for family, count in summary["families"].items():
        print(f"  {family:12s} {count:5d}")
    for split, leakage in summary["leakage"].items():
        print(f"  split {split}: the shape of {leakage:.0%} of the test entries is in training")


@app.command()
def bench(as_json: Json = False) -> None:
    """Times the simulator against debyecalculator on this machine (some minutes): `deepstruc bench`."""
    from deepstruc_lib.benchmark import benchmark

    records = []
    for record in benchmark():
        records.append(record)
        peer = f"{record['peer_ms']:8.3f} ms {record['peer']}, {record['ratio']:.1f}×" if record["peer"] else ""
        case = "{what:16s} {n_atoms:4d} atoms, batch {batch:2d}, {threads} threads: {ours_ms:8.3f} ms a PDF"
        print(case.format(**record), peer, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(records))


def main() -> None:
    """Entry of the console script: turns wrong input into one line and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except (ValueError, OSError) as error:
        _say(f"deepstruc: {' '.join(str(error).split())}")
        sys.exit(2)
    except KeyboardInterrupt:
        _say("deepstruc: interrupted")
        sys.exit(130)


def _range(pdf: Any, rmin: float | None, rmax: float | None) -> tuple[float, float] | None:
    """The r range asked for; a missing end is the fit's default."""
    from deepstruc_lib.solving import DEFAULT_RANGE

    if rmin is None and rmax is None:
        return None
    low = max(DEFAULT_RANGE[0], pdf.rmin) if rmin is None else rmin
    return low, min(DEFAULT_RANGE[1], pdf.rmax) if rmax is None else rmax


class _progress:  # noqa: N801 - used as a function
    """A bar on stderr, opened at the first report: gives a callback of (done, all)."""

    def __init__(self, unit: str) -> None:
        self.unit, self.bar = unit, None

    def __enter__(self) -> Callable[[int, int], None]:
        return self.report

    def report(self, done: int, total: int) -> None:
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(total=total, unit=self.unit, file=sys.stderr, leave=False)
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
