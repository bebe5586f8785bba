"""Still pictures of particles as images in a figure, all to one scale."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deepstruc_lib.particles import distance_list
from deepstruc_lib.views.poster import poster
from deepstruc_lib.views.structure import DEFAULT_ROTATION, atom_colors

if TYPE_CHECKING:
    from ase import Atoms

PIXELS_PER_ANGSTROM = 10
HEIGHT = 0.4  # of the largest picture, in heights of the figure
ROOM = 3.0  # Å, more than the diameter of an atom, beyond the outermost atomic centres of the largest particle
PLACE = {"xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "middle", "sizing": "contain"}


def pictures_to_scale(particles: Sequence[Atoms], x: float = 0.5, y: float = 0.8) -> list[dict]:
    """A layout image of each particle; a larger particle gives a larger image.

    Args:
        particles: Each with two atoms or more.
        x: Centre of the images, in widths of the figure.
        y: Centre of the images, in heights of the figure.
    """
    extent = max(float(np.ptp(particle.positions, axis=0).max()) for particle in particles) + ROOM
    return [{**_picture(particle, extent), **PLACE, "x": x, "y": y} for particle in particles]


def _picture(atoms: Atoms, extent: float) -> dict:
    """The picture, and its size in parts of the figure where `extent` (Å) fills it."""
    from ase.utils import rotate

    turned = (atoms.positions - atoms.positions.mean(axis=0)) @ rotate(DEFAULT_ROTATION)
    radius = distance_list(turned)[0] / 2
    share = (float(np.ptp(turned, axis=0)[:2].max()) + 2 * radius) / extent
    pixels = round(share * extent * PIXELS_PER_ANGSTROM)
    png = base64.b64encode(poster(turned, atom_colors(atoms), radius, size=(pixels, pixels))).decode()
    return {"source": f"data:image/png;base64,{png}", "sizex": share, "sizey": HEIGHT * share}
