"""Times the simulator and the trilateration against their peers, the solvers on their own; writes results.json.

Sections named on the command line are run, by default all; what was recorded of the others stays.
"""

import json
import platform
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

from deepstruc_lib.benchmark import DIFFPY_MS, benchmark
from deepstruc_lib.corpora import corpus
from deepstruc_lib.files import MEASURED, PDF, DataUnavailable, measured, read_gr
from deepstruc_lib.geometry import PUBLISHED_SECONDS, to_unit_sphere, trilateration_errors
from deepstruc_lib.particles import Recipe, unit_positions
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.solving import identify, library_fit, shapes
from deepstruc_lib.solving.index_file import build_library
from deepstruc_lib.solving.library import index_of


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def pdfs() -> dict[str, PDF]:
    """The measured PDFs, or a simulated one where they cannot be had."""
    try:
        return {name: read_gr(measured(name)) for name in MEASURED}
    except DataUnavailable:
        settings = PDFSettings(qmin=1, qmax=25, qdamp=0.04, rmax=25, biso=0.8, delta2=3)
        g = simulate(torch.tensor(Recipe("FCC", (4, 5, 5)).positions(2.8)), settings).numpy()
        return {"simulated": PDF(r=settings.r, g=g, qmin=1, qmax=25, qdamp=0.04)}


def solvers() -> dict[str, float]:
    taken = {"corpus deepstruc": seconds(lambda: corpus("deepstruc", cache=False))}
    taken["corpus deepstruc peak memory GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    for library in ("deepstruc", "extended"):
        taken[f"library {library} built"] = seconds(lambda: build_library(library))  # noqa: B023 - called at once
        index_of(library)
        for name, pdf in pdfs().items():
            taken[f"library {library}, {name}"] = seconds(lambda: library_fit(pdf, library))  # noqa: B023
    test = corpus("deepstruc").part("random", "test")
    known = shapes("deepstruc")
    names = [shape.recipe.name for shape in known]
    start = time.perf_counter()
    found = identify(test.pdfs, test.settings, known)
    taken["identify 749 test PDFs"] = time.perf_counter() - start
    truth = [names.index(test.recipe(entry).name) for entry in range(len(test))]
    taken["identify, share of right shapes"] = float(np.mean(found.shapes[:, 0] == truth))
    return taken


def simulator() -> list[dict]:
    return [record | {"diffpy_ms_elsewhere": DIFFPY_MS.get(record["n_atoms"])} for record in benchmark()]


def trilateration() -> list[dict]:
    """Fcc particles of 19 and 87 atoms, bond length 2.77 Å (that of platinum); ratios are to the same distances."""
    records = []
    for name in ("FCC(2,2,2)", "FCC(3,4,4)"):
        particle = to_unit_sphere(2.77 * unit_positions(Recipe.from_name(name)))
        records += trilateration_errors(particle, tuple(PUBLISHED_SECONDS), (0.0, 0.01, 0.03), structures=50)
    key = ("n_atoms", "satellites", "noise")
    peer = {tuple(one[k] for k in key): one for one in records if one["procedure"] == "sequential"}
    for record in records:
        sequential = peer[tuple(record[k] for k in key)]
        record |= {"threads": torch.get_num_threads(), "times_faster": sequential["seconds"] / record["seconds"]}
        record["error_ratio"] = record["error"] / sequential["error"]
        record["times_faster_than_published"] = PUBLISHED_SECONDS[record["satellites"]] / record["seconds"]
    return records


SECTIONS = {"solvers": solvers, "simulator": simulator, "trilateration": trilateration}


def main() -> None:
    path = Path(__file__).with_name("results.json")
    results = json.loads(path.read_text()) if path.exists() else {}
    if not sys.argv[1:]:
        results |= {"machine": platform.machine(), "cores": torch.get_num_threads(), "torch": torch.__version__}
    for name in sys.argv[1:] or SECTIONS:
        results[name] = SECTIONS[name]()
        print(json.dumps({name: results[name]}, indent=1))
    path.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
