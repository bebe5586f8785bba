"""The metal core of Au144(PET)60, a particle of the literature fitted to its measured PDF, shell by shell."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from deepstruc_lib.particles.neighbours import nearest_distances

GOLDEN_RATIO = (1 + np.sqrt(5)) / 2
# In the frame of scipy's icosahedral group: its two-fold axes are x, y, z.
FIVEFOLD_AXIS = np.array([0.0, 1.0, GOLDEN_RATIO]) / np.sqrt(1 + GOLDEN_RATIO**2)
TWOFOLD_AXIS = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Shell:
    """Atoms of one shell: the orbits of `seeds` (Å) under the 60 icosahedral rotations, one U (Å²) for all."""

    name: str
    seeds: tuple[tuple[float, float, float], ...]
    uiso: float


def _along(axis: ndarray, radius: float) -> tuple[float, float, float]:
    x, y, z = radius * axis
    return float(x), float(y), float(z)


# Radii, seed point and U: a fit to the PDF of Au144(PET)60 at 100 K over 2–20 Å, with delta2 = 3.78 Å², Rw = 0.120.
# The arrangement: Lopez-Acevedo et al., J. Phys. Chem. C 2009, 113, 5035, doi:10.1021/jp8115098; the sample: Jensen
# et al., Nature Communications 2016, 7, 11859, doi:10.1038/ncomms11859. An achiral 60-atom shell fits nearly as
# well when each shell has its own U, so these data do not establish the chirality.
AU144_SHELLS = (
    Shell("inner icosahedron, 12", (_along(FIVEFOLD_AXIS, 2.614),), 0.0016),
    Shell("Mackay shell, 12 + 30", (_along(FIVEFOLD_AXIS, 5.521), _along(TWOFOLD_AXIS, 4.709)), 0.0054),
    Shell("rhombicosidodecahedral shell, 60", ((1.713, 1.502, 6.486),), 0.0117),
    Shell("gold of the staples, 30", (_along(TWOFOLD_AXIS, 8.733),), 0.0445),
)
AU144_DELTA2 = 3.78


def _orbit(seed: tuple[float, float, float]) -> Float[ndarray, "atoms 3"]:
    images = Rotation.create_group("I").apply(seed)
    # Adding zero turns -0.0 into 0.0.
    _, first = np.unique(images.round(6) + 0.0, axis=0, return_index=True)
    return images[np.sort(first)]


def au144_core(shells: int = 4) -> tuple[Float[ndarray, "atoms 3"], Float[ndarray, " atoms"]]:
    """Positions (Å) and U (Å²) of the gold atoms in Au144(PET)60, the innermost shells first.

    Args:
        shells: 4 for all 144 atoms, 3 without the 30 of the staples, down to 1.

    Raises:
        ValueError: When there is no such number of shells.
    """
    if not 1 <= shells <= len(AU144_SHELLS):
        raise ValueError(f"au144_core: {shells} shells; needs 1 to {len(AU144_SHELLS)}")
    kept = AU144_SHELLS[:shells]
    blocks = [np.concatenate([_orbit(seed) for seed in shell.seeds]) for shell in kept]
    uiso = np.concatenate([np.full(len(block), shell.uiso) for block, shell in zip(blocks, kept, strict=True)])
    return np.concatenate(blocks), uiso


def mackay_core(shells: int) -> Float[ndarray, "atoms 3"]:
    """The same atoms scaled so that the nearest neighbours of all 144 are 1 apart on average."""
    complete = au144_core()[0]
    return au144_core(shells)[0] / nearest_distances(complete).mean()
