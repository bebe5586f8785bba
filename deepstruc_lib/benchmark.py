"""Times the simulator against debyecalculator, in one run on one machine: same clusters, same grids."""

import time
import warnings
from collections.abc import Callable, Iterator

import torch
from ase.cluster import Icosahedron

from deepstruc_lib.scattering import PRESETS, simulate

SHELLS = (2, 3, 4, 5, 6, 7)  # 13, 55, 147, 309, 561, 923 atoms
# Above 309 atoms a batch of 64 takes the peer too long.
LARGEST_OF_FULL_BATCH, FULL_BATCH, SMALL_BATCH = 309, 64, 4
# diffpy.srreal 1.4.0's DebyePDFCalculator on one core, ms for each PDF of these clusters, as measured once elsewhere:
# an indication, not part of the run.
DIFFPY_MS = {13: 0.72, 55: 7.3, 147: 50.0, 309: 224.0, 923: 2034.0}
_RATTLE = 0.02  # Å, so that no two distances are equal
_REPEATS = 5


def benchmark(threads: tuple[int, ...] = (1, 2), peer: bool = True) -> Iterator[dict]:
    """One record for each of forward and forward + backward, cluster, batch and number of threads.

    Args:
        threads: Numbers of torch threads to try.
        peer: Also time debyecalculator, where it is installed.
    """
    before = torch.get_num_threads()
    try:
        for count in threads:
            torch.set_num_threads(count)
            for shells in SHELLS:
                atoms = torch.tensor(Icosahedron("Au", shells).positions, dtype=torch.float32)
                full = FULL_BATCH if len(atoms) <= LARGEST_OF_FULL_BATCH else SMALL_BATCH
                for batch in (full, 1):
                    yield from _cluster(atoms, batch, count, peer)
    finally:
        torch.set_num_threads(before)


def _cluster(atoms: torch.Tensor, batch: int, threads: int, peer: bool) -> Iterator[dict]:
    generator = torch.Generator().manual_seed(0)
    positions = atoms + _RATTLE * torch.randn(batch, *atoms.shape, generator=generator)
    theirs = _peer(threads) if peer else None

    def ours(positions: torch.Tensor) -> torch.Tensor:
        return simulate(positions, PRESETS["deepstruc"])

    for what in ("forward", "forward+backward"):
        runs = [ours] if theirs is None else [ours, theirs]
        ours_ms, *peer_ms = _milliseconds(runs, positions, backward=what != "forward")
        record = {"what": what, "n_atoms": len(atoms), "batch": batch, "threads": threads, "ours_ms": ours_ms}
        record |= {"peer": None, "peer_ms": None, "ratio": None}
        if peer_ms:
            record |= {"peer": "debyecalculator", "peer_ms": peer_ms[0], "ratio": peer_ms[0] / ours_ms}
        yield record


def _peer(threads: int) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Debyecalculator on the same Q and r grids; without correlated motion, which it does not know."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from debyecalculator import DebyeCalculator  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    settings = PRESETS["deepstruc"]
    names = ("qmin", "qmax", "qdamp", "rmin", "rmax", "rstep", "biso")
    calculator = DebyeCalculator(**{name: getattr(settings, name) for name in names}, device="cpu", num_threads=threads)

    def run(positions: torch.Tensor) -> torch.Tensor:
        symbols = ["Au"] * positions.shape[1]
        curves = calculator.gr([(symbols, one) for one in positions], keep_on_device=True)
        return torch.stack([curve.g for curve in (curves if isinstance(curves, list) else [curves])])

    return run


def _milliseconds(runs: list[Callable], positions: torch.Tensor, backward: bool) -> list[float]:
    """Fastest of a few repeats of each, in turn, for one PDF: what else the machine does only ever adds time."""
    positions = positions.clone().requires_grad_(backward)
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(_REPEATS + 1):
        for run, taken in zip(runs, times, strict=True):
            start = time.perf_counter()
            g = run(positions)
            if backward:
                torch.autograd.grad(g.square().sum(), positions)
            taken.append(time.perf_counter() - start)
    return [1000 * min(taken[1:]) / len(positions) for taken in times]
