"""Search, then refine: a coarse match of all structures, the best refined together, the best of these exactly."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.fit import PARAMETERS, Fit, refine_each
from deepstruc_lib.solving.index import Index, Progress
from deepstruc_lib.solving.target import FitTarget
from deepstruc_lib.solving.together import Refined, Tables, refine_histograms, start_values
from deepstruc_lib.solving.workers import workers

log = logging.getLogger(__name__)

Limits = Mapping[str, tuple[float, float]]

# How many structures of the coarse match are refined together, at most: more than the named libraries hold.
MOST_REFINED = 2000
# What the tables put above the fifth by more than this is not refined exactly. They know the difference of two Rw to
# 0.001 (benchmarks/library_reference.py measures it).
MARGIN = 0.005
PLACES = 5
# Structures handed to a worker at once: some tens of milliseconds of work.
_TOGETHER, _EXACT = 64, 4


@dataclass(frozen=True, eq=False)
class Found:
    """Rows of an index and their fits by rising Rw, and whether the search came to its end."""

    fits: tuple[tuple[int, Fit], ...]
    complete: bool


def search(
    target: FitTarget,
    index: Index,
    stretches: tuple[float, float],
    limits: Limits,
    *,
    places: int = PLACES,
    everything: bool = False,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Found:
    """The best structures of an index for a PDF.

    1. All are matched on a grid of stretch and B; of more than `MOST_REFINED` the best so many go on.
    2. These are refined together, by tables.
    3. Those whose Rw is within `MARGIN` of the last place's are refined exactly, from where the tables ended.

    Args:
        target: What is fitted.
        index: Of the structures.
        stretches: Shortest distances of the match, Å.
        limits: Of all parameters; the stretch is the shortest distance, Å.
        places: How many of the best are wanted.
        everything: Take all of them through every stage.
        cluster: Address of a running dask scheduler.
        progress: Called with the number of structures that are done with, and of all.
    """
    total = len(index)
    report = progress or (lambda done, of: None)
    report(0, total)
    matched = match(target, index.histograms, stretches)
    order = np.argsort(-matched.explained[0], kind="stable")[: total if everything else MOST_REFINED]
    starts = start_values(matched.stretch[0, order], matched.biso[0, order])
    left_out = total - len(order)
    with workers(cluster) as pool:
        quiet = (lambda done: None) if everything else (lambda done: report(left_out + done, total))
        rough, some = _refine_together(pool, target, index, order, starts, limits, quiet)
        # After an interruption nobody waits for all of them.
        chosen = _chosen(rough.rw, len(rough.rw) if everything and some else places)
        rows = order[chosen]
        loud = (lambda done: report(done, total)) if everything and some else (lambda done: None)
        fits, all_of_them = _refine_exactly(pool, target, index, rows, rough.parameters[chosen], limits, loud)
    complete = some and all_of_them
    if complete:
        report(total, total)
    else:
        log.warning("interrupted after %d of %d structures", np.isfinite(rough.rw).sum() + left_out, total)
    return Found(tuple(sorted(fits.items(), key=lambda pair: pair[1].rw)), complete)


def _chosen(rw: Float[ndarray, " structures"], places: int) -> Int[ndarray, " chosen"]:
    """Which of those that were refined together are refined exactly, best first."""
    order = np.argsort(rw, kind="stable")
    done = order[np.isfinite(rw[order])]
    if len(done) <= places:
        return done
    return done[rw[done] <= rw[done[places - 1]] + MARGIN]


def _refine_together(
    pool: Executor,
    target: FitTarget,
    index: Index,
    order: Int[ndarray, " structures"],
    starts: Float[ndarray, "structures 3"],
    limits: Limits,
    report: Callable[[int], None],
) -> tuple[Refined, bool]:
    """Refines rows of an index in blocks; Rw is infinite where an interruption came first."""
    tables = Tables.reaching(target, limits["stretch"], index.histograms.longest)
    parameters, rw = np.zeros((len(order), 4)), np.full(len(order), np.inf)

    def tasks() -> Iterable[tuple[range, tuple]]:
        for first in range(0, len(order), _TOGETHER):
            places = range(first, min(first + _TOGETHER, len(order)))
            yield places, (target, tables, index.histograms.block(order[places], tables.bins), starts[places], limits)

    def collect(places: range, refined: Refined) -> None:
        parameters[places], rw[places] = refined.parameters, refined.rw
        report(int(np.isfinite(rw).sum()))

    complete = _spread(pool, refine_histograms, tasks(), collect)
    if not np.isfinite(rw).any():
        raise KeyboardInterrupt
    return Refined(parameters, rw), complete


def _refine_exactly(
    pool: Executor,
    target: FitTarget,
    index: Index,
    rows: Int[ndarray, " structures"],
    parameters: Float[ndarray, "structures 4"],
    limits: Limits,
    report: Callable[[int], None],
) -> tuple[dict[int, Fit], bool]:
    """Refines rows of an index one by one from their parameters."""
    fits: dict[int, Fit] = {}

    def tasks() -> Iterable[tuple[range, tuple]]:
        for first in range(0, len(rows), _EXACT):
            places = range(first, min(first + _EXACT, len(rows)))
            starts = [dict(zip(PARAMETERS, parameters[place].tolist(), strict=True)) for place in places]
            shapes = [index.shape(rows[place]) for place in places]
            tasks = [(shape.unit_positions, start) for shape, start in zip(shapes, starts, strict=True)]
            yield places, (target, tasks, limits)

    def collect(places: range, refined: Sequence[Fit]) -> None:
        fits.update((int(rows[place]), fit) for place, fit in zip(places, refined, strict=True))
        report(len(fits))

    complete = _spread(pool, refine_each, tasks(), collect)
    if not fits:
        raise KeyboardInterrupt
    return fits, complete


def _spread(
    pool: Executor,
    work: Callable[..., Any],
    tasks: Iterable[tuple[range, tuple]],
    collect: Callable[[range, Any], None],
) -> bool:
    """Hands tasks to the workers and collects the answers; False when it was interrupted (Ctrl-C)."""
    pending: dict[Future, range] = {}
    try:
        for places, arguments in tasks:
            pending[pool.submit(work, *arguments)] = places
        for future in as_completed(pending):
            collect(pending.pop(future), future.result())
    except KeyboardInterrupt:
        for future in pending:
            future.cancel()
        return False
    return True
