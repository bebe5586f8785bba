"""Integrals over Q: Gauss–Legendre nodes, and the matrix from F(Q) to G(r), in numpy alone."""

from math import ceil, pi

import numpy as np
from numpy.polynomial.legendre import leggauss

# Gauss–Legendre integrates cos(ωx) on [−1, 1] to rounding error once it has ω/2 nodes and these few more.
_EXTRA_NODES = 32


def quadrature(qmin: float, qmax: float, longest_wave: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Legendre nodes Q and weights that integrate cos(Q·x) from qmin to qmax, all |x| ≤ longest_wave (Å)."""
    half = (qmax - qmin) / 2
    nodes, weights = leggauss(ceil(half * longest_wave / 2) + _EXTRA_NODES)
    return qmin + half * (1 + nodes), half * weights


def sine_matrix(q: np.ndarray, weights: np.ndarray, r: np.ndarray, qdamp: float) -> np.ndarray:
    """(2/π)·weight·sin(Qr)·exp(−(qdamp·r)²/2): F(Q) @ matrix is G(r); q in Å⁻¹, r in Å."""
    return (2 / pi) * weights[:, None] * np.sin(np.outer(q, r)) * np.exp(-((qdamp * r) ** 2) / 2)
