"""Particles side by side in rows, to be shown as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.views.structure import DEFAULT_ROTATION

if TYPE_CHECKING:
    from ase import Atoms


def side_by_side(
    particles: Sequence[Atoms], *, columns: int, rotation: str = DEFAULT_ROTATION, gap: float = 3.0
) -> tuple[Atoms, Int[ndarray, " atoms"]]:
    """Particles in rows, row by row from the upper left, as one; and for each atom the number of its particle.

    Args:
        particles: What to arrange.
        columns: In a row.
        rotation: How each particle is turned about its own centre, as `ase.utils.rotate` reads it.
        gap: Free space between them, in Å.

    Raises:
        ValueError: When there is no particle or no column.
    """
    from ase.utils import rotate

    if not particles or columns < 1:
        raise ValueError(f"{len(particles)} particles in {columns} columns: needs one or more of each")
    turned = [(p.positions - p.positions.mean(axis=0)) @ rotate(rotation) for p in particles]
    width, height = np.max([np.ptp(positions, axis=0)[:2] for positions in turned], axis=0) + gap
    together = particles[0][:0]
    for number, (particle, positions) in enumerate(zip(particles, turned, strict=True)):
        moved = particle.copy()
        row, column = divmod(number, columns)
        in_row = min(columns, len(particles) - row * columns)
        moved.positions = positions + np.array([(column - (in_row - 1) / 2) * width, -row * height, 0])
        together += moved
    return together, np.repeat(np.arange(len(particles)), [len(p) for p in particles])
