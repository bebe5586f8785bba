"""How strongly an atom scatters: X-ray form factors and neutron scattering lengths, from periodictable."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Radiation = Literal["xray", "neutron"]


def form_factors(
    symbols: Sequence[str], q: Float[Tensor, " q"], radiation: Radiation = "xray"
) -> Float[Tensor, "atoms q"]:
    """Scattering amplitude of each atom: f0(Q) in electrons for X-rays, the coherent length in fm for neutrons.

    f0 is the fit of Waasmaier and Kirfel (doi:10.1107/S0108767394013292), without anomalous terms.

    Args:
        symbols: Chemical symbol of each atom.
        q: In Å⁻¹.
        radiation: What is scattered.

    Raises:
        ValueError: An element is unknown or has no tabulated value.
    """
    grid = tuple(q.tolist())
    kinds = {symbol: _amplitude(symbol, grid, radiation) for symbol in dict.fromkeys(symbols)}
    return torch.from_numpy(np.stack([kinds[symbol] for symbol in symbols])).to(q)


@lru_cache(maxsize=256)
def _amplitude(symbol: str, q: tuple[float, ...], radiation: Radiation) -> np.ndarray:
    import periodictable
    from periodictable.cromermann import fxrayatq

    try:
        element = periodictable.elements.symbol(symbol)
        if radiation == "xray":
            return np.asarray(fxrayatq(symbol, np.array(q)), dtype=float)
        length = element.neutron.b_c
    except (ValueError, KeyError) as error:
        raise ValueError(f"element {symbol!r}: needs one with a tabulated {radiation} scattering amplitude") from error
    if length is None:
        raise ValueError(f"element {symbol!r}: needs one with a tabulated {radiation} scattering amplitude")
    return np.full(len(q), float(length))
