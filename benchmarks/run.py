"""Times the simulator against its peer, and the solvers on their own; writes results.json beside this file."""

import json
import platform
import resource
import time
from pathlib import Path

import numpy as np
import torch

from deepstruc_lib.benchmark import DIFFPY_MS, benchmark
from deepstruc_lib.corpora import corpus
from deepstruc_lib.files import MEASURED, PDF, DataUnavailable, measured, read_gr
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.solving import identify, library_fit, shapes


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
        taken[f"library {library} built"] = seconds(lambda: shapes(library))  # noqa: B023 - called at once
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


def main() -> None:
    results = {"machine": platform.machine(), "cores": torch.get_num_threads(), "torch": torch.__version__}
    results["solvers"] = solvers()
    print(json.dumps(results["solvers"], indent=1))
    results["simulator"] = []
    for record in benchmark():
        results["simulator"].append(record | {"diffpy_ms_elsewhere": DIFFPY_MS.get(record["n_atoms"])})
        print(json.dumps(record))
    Path(__file__).with_name("results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
