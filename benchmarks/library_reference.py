"""Library fits that refine every shape, stored, so that tests can hold the search to them.

    python benchmarks/library_reference.py [deepstruc|extended|measured|all] [FIRST [END]]

deepstruc: the 197 shapes on the test PDFs of the DeepStruc corpus; extended: the extended library on 40 of them, drawn
by seed; measured: both libraries on the measured files. Each clean and with 1 % noise of a measurement. FIRST and
END choose some of the PDFs, in an order drawn by seed; what was stored of the others stays, so that a long run can be
made in parts. Stored is each shape with Rw ≤ (fifth Rw + 1e-4).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepstruc_lib.corpora import corpus
from deepstruc_lib.files import MEASURED, PDF, DataUnavailable, measured, read_gr
from deepstruc_lib.scattering.noise import add_noise
from deepstruc_lib.solving import LibraryFit, library_fit

STORED = Path(__file__).parents[1] / "tests" / "data" / "library_reference.json"
NOISE = {"clean": 0.0, "noise": 0.01}
SEED, EXTENDED_PDFS = 0, 40
# Shapes that an exact comparison keeps: up to this much beyond the fifth.
TIE = 1e-4


def cases(kind: str, first: int = 0, end: int | None = None) -> Iterator[tuple[str, str, PDF]]:
    """Key, library and PDF of each case, in a fixed order; of some of the PDFs."""
    if kind == "measured":
        for name in list(MEASURED)[first:end]:
            for library in ("deepstruc", "extended"):
                for noise in NOISE:
                    yield f"{library} {name} {noise}", library, noisy(read_gr(measured(name)), noise, SEED)
        return
    test = corpus("deepstruc").part("random", "test")
    settings = test.settings
    order = np.random.default_rng(SEED).permutation(len(test))
    for entry in (order if kind == "deepstruc" else order[:EXTENDED_PDFS])[first:end]:
        ranges = {"qmin": settings.qmin, "qmax": settings.qmax, "qdamp": settings.qdamp}
        pdf = PDF(r=settings.r, g=test.pdfs[entry].astype(float), **ranges)
        for noise in NOISE:
            yield f"{kind} {entry} {noise}", kind, noisy(pdf, noise, int(entry))


def noisy(pdf: PDF, noise: str, seed: int) -> PDF:
    if not NOISE[noise]:
        return pdf
    g = add_noise(pdf.g, pdf.r, NOISE[noise], qmin=pdf.qmin, qmax=pdf.qmax, seed=seed)
    return PDF(r=pdf.r, g=g, qmin=pdf.qmin, qmax=pdf.qmax, qdamp=pdf.qdamp)


def best(found: LibraryFit) -> dict[str, float]:
    """Each shape with Rw ≤ (fifth Rw + 1e-4)."""
    limit = found.candidates[4].fit.rw + TIE
    return {one.shape.name: round(one.fit.rw, 6) for one in found.candidates if one.fit.rw <= limit}


def load() -> dict:
    return json.loads(STORED.read_text()) if STORED.exists() else {}


def store(results: dict) -> None:
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(
        "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(results[key])}" for key in sorted(results)) + "\n}\n"
    )


def make(kind: str, first: int, end: int | None) -> None:
    for key, library, pdf in cases(kind, first, end):
        found = library_fit(pdf, library, everything=True)
        short = best(library_fit(pdf, library))
        results = load()
        results[key] = best(found)
        store(results)
        agreed = short.keys() == results[key].keys() and all(abs(short[n] - results[key][n]) <= TIE for n in short)
        print(key, len(results[key]), "agrees" if agreed else f"DIFFERS: {short} {results[key]}", flush=True)


def main() -> None:
    kind = sys.argv[1] if sys.argv[1:] else "all"
    numbers = [int(number) for number in sys.argv[2:4]]
    for one in ("deepstruc", "extended", "measured") if kind == "all" else (kind,):
        try:
            make(one, numbers[0] if numbers else 0, numbers[1] if numbers[1:] else None)
        except DataUnavailable as reason:
            print(f"measured files are left out: {reason}")


if __name__ == "__main__":
    main()
