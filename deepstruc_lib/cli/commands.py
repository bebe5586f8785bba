"""What each command on PDFs and corpora does: read, call the library, print."""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from deepstruc_lib.cli import data_commands, model_commands, options
from deepstruc_lib.cli.messages import INTERRUPTED, progress_bar, say
from deepstruc_lib.cli.session import begin

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.callback()(begin)

# Up to this many atoms the exact pair sum takes seconds; beyond, the distances are binned (error below 1e-4 of Gmax).
EXACT_UP_TO = 400


@app.command()
def simulate(
    structure: options.StructureFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write a .gr file instead of stdout.")] = None,
    preset: Annotated[
        Literal["mlg", "deepstruc", "deepstruc_published"],
        typer.Option(help="Conditions to begin with: those of the two papers, and of DeepStruc's data as published."),
    ] = "deepstruc_published",
    qmin: options.SimulatedQmin = None,
    qmax: options.SimulatedQmax = None,
    qdamp: options.SimulatedQdamp = None,
    rmin: options.Rmin = None,
    rmax: options.Rmax = None,
    rstep: options.Rstep = None,
    biso: options.Biso = None,
    delta2: options.Delta2 = None,
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
        method="histogram" if len(atoms) > EXACT_UP_TO and len(set(symbols)) == 1 else "direct",
    )
    conditions: dict[str, Any] = {"qmin": settings.qmin, "qmax": settings.qmax, "qdamp": settings.qdamp}
    composition = atoms.get_chemical_formula(mode="metal")
    pdf = PDF(r=settings.r, g=g.numpy(), composition=composition, mode="xray", source=structure.name, **conditions)
    extra = {"biso": settings.biso, "delta2": settings.delta2, "transform": "diffpy" if diffpy else "exact"}
    if output is None:
        print(format_gr(pdf, extra), end="")
    else:
        write_gr(output, pdf, extra)
        say(f"{output}: {len(pdf.r)} points of {composition}")


@app.command()
def fit(
    pdf: options.PdfFile,
    structure: options.StructureFile,
    qmin: options.Qmin = None,
    qmax: options.Qmax = None,
    qdamp: options.Qdamp = None,
    rmin: options.FitRmin = None,
    rmax: options.FitRmax = None,
    fix: Annotated[list[str] | None, typer.Option(help="Hold a parameter, such as delta2=0; may be repeated.")] = None,
    as_json: options.Json = False,
) -> None:
    """Scale, stretch, B and delta2 of one structure, with uncertainties: `deepstruc fit my.gr particle.xyz`."""
    from deepstruc_lib.files import read_gr, read_structure
    from deepstruc_lib.solving import fit as fit_structure
    from deepstruc_lib.solving.tables import fit_table

    measured = read_gr(pdf, qmin=qmin, qmax=qmax)
    atoms = read_structure(structure)
    if len(set(atoms.get_chemical_symbols())) > 1:
        raise ValueError(f"{structure}: holds {atoms.get_chemical_formula()}: needs a particle of one element")
    fixed = _fixed(fix or [])
    result = fit_structure(measured, atoms, r_range=_range(measured, rmin, rmax), qdamp=qdamp, fixed=fixed)
    if as_json:
        print(json.dumps({"input": pdf.name, "structure": structure.name, "n_atoms": len(atoms), **result.as_dict()}))
    else:
        print(fit_table(result, fixed))


@app.command()
def solve(
    pdf: options.PdfFile,
    element: options.Element = None,
    method: options.Method = "auto",
    library: Annotated[
        str, typer.Option(help="deepstruc: 197 shapes; extended: over 1300; or a file that `deepstruc index` wrote.")
    ] = "deepstruc",
    everything: Annotated[
        bool, typer.Option("--all", help="Refine every structure, also those that cannot be among the best.")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="How many solutions.")] = 5,
    samples: Annotated[int, typer.Option(min=0, help="Samples of a network besides its best guess.")] = 20,
    qmin: options.Qmin = None,
    qmax: options.Qmax = None,
    qdamp: options.Qdamp = None,
    rmin: options.FitRmin = None,
    rmax: options.FitRmax = None,
    cluster: options.Cluster = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for .xyz, table, curves.")] = None,
    as_json: options.Json = False,
) -> int:
    """Candidate structures for a measured PDF: `deepstruc solve my.gr --element Au --method library`."""
    from deepstruc_lib.files import read_gr
    from deepstruc_lib.solving import solve as solve_pdf
    from deepstruc_lib.solving.methods import chosen_method
    from deepstruc_lib.solving.results import output_folder, write_solutions
    from deepstruc_lib.solving.tables import solutions_table

    start = time.perf_counter()
    measured = read_gr(pdf, qmin=qmin, qmax=qmax)
    folder = None if output is None else output_folder(output)
    searched: dict[str, Any] = {"element": element, "method": method, "library": _library(library), "top": top}
    searched |= {"everything": everything}
    searched |= {"samples": samples, "r_range": _range(measured, rmin, rmax), "qdamp": qdamp, "cluster": cluster}
    with progress_bar("structures") as progress:
        found = solve_pdf(measured, **searched, progress=progress)
    solutions = found if folder is None else write_solutions(folder, found, measured)
    if as_json:
        report: dict[str, Any] = {"input": pdf.name, "method": chosen_method(method)}
        report |= {"seconds": time.perf_counter() - start, "rw_range": list(solutions[0].fit.rw_range)}
        report |= {"complete": found.complete, "solutions": [solution.as_dict() for solution in solutions]}
        print(json.dumps(report))
    else:
        print(solutions_table(solutions))
    if not found.complete:
        say("deepstruc: interrupted; these are the best of the structures tried so far")
    return 0 if found.complete else INTERRUPTED


@app.command()
def bench(as_json: options.Json = False) -> None:
    """Times the simulator against debyecalculator on this machine (some minutes): `deepstruc bench`."""
    from deepstruc_lib.benchmark import benchmark

    records = []
    if find_spec("debyecalculator") is None:
        say("debyecalculator is not installed: only our side is timed (pip install 'deepstruc_lib[bench]')")
    for record in benchmark():
        records.append(record)
        peer = f"{record['peer_ms']:8.3f} ms {record['peer']}, {record['ratio']:.1f}×" if record["peer"] else ""
        case = "{what:16s} {n_atoms:4d} atoms, batch {batch:2d}, {threads} threads: {ours_ms:8.3f} ms a PDF"
        print(case.format(**record), peer, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(records))


_elsewhere = (data_commands.index, data_commands.corpus)
_elsewhere += (model_commands.models, model_commands.train, model_commands.evaluate)
for _command in _elsewhere:
    app.command()(_command)


def _library(library: str) -> Any:
    """The name of a library, or the index in a file."""
    from deepstruc_lib.particles.libraries import LIBRARIES

    if library in LIBRARIES:
        return library
    if not Path(library).exists():
        raise ValueError(f"library {library!r}: needs one of {', '.join(LIBRARIES)}, or a file of `deepstruc index`")
    from deepstruc_lib.solving import load_index

    return load_index(library)


def _range(pdf: Any, rmin: float | None, rmax: float | None) -> tuple[float, float] | None:
    """The r range asked for; a missing end is the fit's default."""
    from deepstruc_lib.solving import DEFAULT_RANGE

    if rmin is None and rmax is None:
        return None
    low = max(DEFAULT_RANGE[0], pdf.rmin) if rmin is None else rmin
    return low, min(DEFAULT_RANGE[1], pdf.rmax) if rmax is None else rmax


def _fixed(settings: list[str]) -> dict[str, float]:
    """Parameters and values of texts such as delta2=0."""
    fixed = {}
    for text in settings:
        name, _, value = text.partition("=")
        try:
            fixed[name.strip()] = float(value)
        except ValueError as error:
            raise ValueError(f"--fix {text}: needs a name and a number, such as delta2=0") from error
    return fixed
