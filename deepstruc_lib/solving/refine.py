"""Structures that somebody proposed, refined against a PDF together: the road of a network's samples."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, Fit
from deepstruc_lib.solving.index import Index, Progress, Structure, build_index
from deepstruc_lib.solving.pairs import pair_distances
from deepstruc_lib.solving.search import search
from deepstruc_lib.solving.target import FitTarget


def refine_structures(
    target: FitTarget,
    structures: Sequence[Atoms | Float[ndarray, "atoms 3"]],
    *,
    stretches: tuple[float, float] = DEFAULT_BOUNDS["stretch"],
    everything: bool = False,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> list[tuple[int, Fit]]:
    """The best of some structures for a PDF, by rising Rw: the place of each and its fit, as `fit` would give it.

    Args:
        target: What is fitted.
        structures: In Å; one element is assumed.
        stretches: Lowest and highest factor on the distances.
        everything: Fit all of them exactly; else only those that can be among the first five.
        cluster: Address of a running dask scheduler.
        progress: Called with the number of structures done, and of all.

    Raises:
        ValueError: As `build_index`.
    """
    positions = [one.positions if isinstance(one, Atoms) else np.asarray(one, dtype=float) for one in structures]
    index = index_of_one_unit([Structure(str(place), one) for place, one in enumerate(positions)], distinct=True)
    unit = float(index.nearest[0])
    stretches = (stretches[0] * unit, stretches[1] * unit)
    limits = {**DEFAULT_BOUNDS, "stretch": stretches}
    found = search(target, index, stretches, limits, everything=everything, cluster=cluster, progress=progress)
    return [(row, _in_units(fit, unit)) for row, fit in found.fits]


def index_of_one_unit(structures: Sequence[Structure], *, distinct: bool = False) -> Index:
    """An index whose structures share one unit of length, so that the same bounds hold for the stretch of each.

    Args:
        structures: In Å.
        distinct: As in `build_index`.

    Raises:
        ValueError: As `build_index`.
    """
    # What has no distance is refused with the index.
    measurable = (one.positions for one in structures if len(one.positions) > 1)
    unit = min((float(pair_distances(positions).min()) for positions in measurable), default=1.0)
    return build_index(structures, distinct=distinct, unit=unit)


def _in_units(fit: Fit, unit: float) -> Fit:
    """The fit with its stretch relative to the structure as it was given."""
    error = fit.errors["stretch"]
    errors = fit.errors | {"stretch": None if error is None else error / unit}
    return replace(fit, stretch=fit.stretch / unit, errors=errors)
