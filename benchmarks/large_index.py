"""An index of 100,000 cut particles: time and size of building it, of a query, and whether the query's sieves hold.

    python benchmarks/large_index.py FILE.index PDF.gr [PARTICLES]

builds the file if it is not there, then solves the PDF with it, and compares the first five with a refinement of all of the coarse search's best 2,000, and, in a part of 2,000, with a refinement of all.
"""

import json
import resource
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np

from deepstruc_lib.files import PDF, read_gr
from deepstruc_lib.particles.cuts import cut_particles
from deepstruc_lib.solving import Index, build_index, library_fit, load_index, save_index
from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.index import Structure
from deepstruc_lib.solving.library import FIRST_PEAK_MARGIN, first_peak
from deepstruc_lib.solving.search import MOST_REFINED
from deepstruc_lib.solving.target import FitTarget

PARTICLES, SEED = 100_000, 0
# Drawn besides, to make up for those that repeat a shape.
SPARE = 1.03


def build(path: Path, particles: int) -> dict:
    start = time.perf_counter(), time.process_time()
    drawn = [Structure(*one) for one in cut_particles(int(particles * SPARE), SEED)]
    drawing = time.process_time() - start[1]
    distinct = build_index(drawn)
    index = distinct.part(range(min(particles, len(distinct))))
    save_index(path, index)
    return {
        "particles": len(index),
        "duplicates among the drawn": len(drawn) - len(distinct),
        "mean atoms": len(index.positions) / len(index),
        "drawing CPU s": drawing,
        "drawing and building CPU s": time.process_time() - start[1],
        "wall s": time.perf_counter() - start[0],
        "file MB": path.stat().st_size / 1e6,
        "peak GiB": peak(),
    }


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def query(index: Index, pdf: PDF, everything: bool = False) -> tuple[dict, list]:
    start = time.perf_counter(), time.process_time()
    found = library_fit(pdf, index, everything=everything).candidates
    taken = {"wall s": time.perf_counter() - start[0], "CPU s": time.process_time() - start[1], "peak GiB": peak()}
    return taken | {"refined exactly": len(found)}, [(one.shape.name, one.fit.rw) for one in islice(found, 5)]


def same(one: list, other: list) -> bool:
    names = [[name for name, _ in found] for found in (one, other)]
    return names[0] == names[1] and np.allclose([rw for _, rw in one], [rw for _, rw in other], atol=1e-4)


def main() -> None:
    path = Path(sys.argv[1])
    if not path.exists():
        print(json.dumps({"build": build(path, int(sys.argv[3]) if sys.argv[3:] else PARTICLES)}, indent=1), flush=True)
    start = time.perf_counter()
    index = load_index(path)
    print(json.dumps({"load wall s": time.perf_counter() - start, "peak GiB": peak()}), flush=True)
    pdf = read_gr(sys.argv[2])
    taken, best = query(index, pdf)
    print(json.dumps({"query": taken, "first five": best}, indent=1), flush=True)
    bonds = first_peak(pdf) / FIRST_PEAK_MARGIN, first_peak(pdf) * FIRST_PEAK_MARGIN
    explained = match(FitTarget(pdf), index.histograms, bonds).explained[0]
    likely = index.part(np.argsort(-explained, kind="stable")[:MOST_REFINED])
    taken, every = query(likely, pdf, everything=True)
    print(json.dumps({"all of the coarse best": taken, "same": same(best, every)}, indent=1), flush=True)
    chosen = np.random.default_rng(SEED).choice(len(index), min(MOST_REFINED, len(index)), replace=False)
    some = index.part(chosen)
    (taken, few), (taken_all, every) = query(some, pdf), query(some, pdf, everything=True)
    print(json.dumps({"part": taken, "everything": taken_all, "same": same(few, every)}, indent=1), flush=True)


if __name__ == "__main__":
    main()
