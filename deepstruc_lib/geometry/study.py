"""How well positions come back from noisy distances, by procedure, and by number and placement of satellites."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy import ndarray
from scipy.spatial.distance import cdist

from deepstruc_lib.geometry.sequential import trilaterate_sequentially
from deepstruc_lib.geometry.trilateration import trilaterate
from deepstruc_lib.geometry.unit_sphere import UnitSphere, satellites

# Structures that go first, untimed: they pay for what is loaded and allocated once.
_WARM_UP = 16
PROCEDURES = ("sequential", "linear", "alone", "batch")
# What the paper reports for its procedure by number of satellites, on 8 cores: an indication only.
PUBLISHED_SECONDS = {4: 8.6, 11: 9.6, 100: 23.5}
PLACEMENTS = ("even", "random")


def trilateration_errors(
    particle: UnitSphere,
    counts: Sequence[int] = (4, 6, 11, 20, 50, 100),
    noises: Sequence[float] = (0.0, 0.01, 0.03),
    *,
    placement: str = "even",
    procedures: Sequence[str] = PROCEDURES,
    structures: int = 50,
    seed: int = 0,
) -> list[dict]:
    """One record for each number of satellites, noise and procedure; all procedures get the same noisy distances.

    A record holds n_atoms, satellites, placement, noise, procedure, structures; error, and its median over structures
    error_median, in units of the radius; error_angstrom; and seconds for each structure.
    The error is the mean distance of an atom from its true place, without any alignment: the satellites fix the frame.

    Args:
        particle: In the unit sphere.
        counts: Numbers of satellites.
        noises: Standard deviations of the distances, relative to each.
        placement: "even", or "random" on the sphere and drawn anew for each structure, which allows no batch.
        procedures: sequential (the paper's), linear (least squares alone), alone and batch (with polish).
        structures: How many copies of the particle, each with its own noise.
        seed: Of noise and placement.

    Raises:
        ValueError: A placement or procedure is not known.
    """
    if placement not in PLACEMENTS:
        raise ValueError(f"placement {placement!r}: needs one of {', '.join(PLACEMENTS)}")
    if unknown := set(procedures) - set(PROCEDURES):
        raise ValueError(f"procedures {sorted(unknown)}: needs some of {', '.join(PROCEDURES)}")
    if placement == "random":
        procedures = [procedure for procedure in procedures if procedure != "batch"]
    records = []
    for count in counts:
        for noise in noises:
            measured = _noisy_distances(particle, count, noise, placement, structures, np.random.default_rng(seed))
            for procedure in procedures:
                found, seconds = _timed(_RUNS[procedure], measured)
                record = {"n_atoms": len(particle.positions), "satellites": count, "placement": placement}
                record |= {"noise": noise, "procedure": procedure, "structures": structures}
                records.append(record | _errors(found, particle) | {"seconds": seconds / structures})
    return records


def _errors(found: ndarray, particle: UnitSphere) -> dict[str, float]:
    errors = np.linalg.norm(found - particle.positions, axis=2).mean(axis=1)
    mean = float(errors.mean())
    return {"error": mean, "error_median": float(np.median(errors)), "error_angstrom": mean * particle.radius}


def _noisy_distances(particle, count, noise, placement, structures, generator) -> tuple[ndarray, ndarray, ndarray]:
    """Distances between atoms, to satellites, and the satellites, each with the structures first."""
    positions = particle.positions
    atoms = len(positions)
    places = np.broadcast_to(satellites(count), (structures, count, 3))
    if placement == "random":
        drawn = generator.normal(size=places.shape)
        places = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    errors = np.triu(generator.normal(size=(structures, atoms, atoms)), 1)
    between = cdist(positions, positions) * (1 + noise * (errors + errors.swapaxes(1, 2)))
    outward = np.stack([cdist(positions, some) for some in places])
    return between, outward * (1 + noise * generator.normal(size=outward.shape)), places


def _timed(run: Callable, measured: tuple[ndarray, ndarray, ndarray]) -> tuple[ndarray, float]:
    run(*(values[:_WARM_UP] for values in measured))
    start = time.perf_counter()
    found = run(*measured)
    return found, time.perf_counter() - start


def _in_a_batch(between: ndarray, outward: ndarray, places: ndarray, **options) -> ndarray:
    # The satellites are read-only, which torch warns of, so everything is copied.
    distances, to_satellites, points = (torch.tensor(values) for values in (between, outward, places[0]))
    present = torch.ones(between.shape[:2], dtype=torch.bool)
    return trilaterate(distances, to_satellites, points, present, **options).numpy()


def _one_by_one(between: ndarray, outward: ndarray, places: ndarray, **options) -> ndarray:
    single = (slice(index, index + 1) for index in range(len(between)))
    return np.concatenate([_in_a_batch(between[one], outward[one], places[one], **options) for one in single])


def _sequential(between: ndarray, outward: ndarray, places: ndarray) -> ndarray:
    return np.stack([trilaterate_sequentially(*one) for one in zip(between, outward, places, strict=True)])


def _linear(between: ndarray, outward: ndarray, places: ndarray) -> ndarray:
    return _one_by_one(between, outward, places, polish=0)


_RUNS = {"sequential": _sequential, "linear": _linear, "alone": _one_by_one, "batch": _in_a_batch}
