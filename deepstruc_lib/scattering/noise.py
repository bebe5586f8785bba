"""Errors of a measured G(r) that are added to the curve: counting noise of the measured bandwidth, and ripple."""

from math import ceil, pi

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.scattering.form_factors import form_factors
from deepstruc_lib.scattering.transform import sine_matrix

# Å. Noise is stated over this part of G(r), or what the data have of it: where a particle's PDF is fitted by default.
NOISE_RANGE = (2.0, 20.0)
# Å⁻¹. Counts in Q steps this wide are independent of each other, as in the bins of an integrated detector image.
_Q_BIN = 0.04
# Noise of steps dQ comes back mirrored beyond π/dQ: the bins are halved until the data end within this part of that.
_UNIQUE_PART = 0.8


def counting_noise(
    r: Float[ndarray, " r"], qmin: float, qmax: float, *, seed: int, curves: int = 1, element: str | None = None
) -> Float[ndarray, "curves r"]:
    """What noise of the counted intensity becomes in G(r): no wave outside qmin to qmax, of no particular strength.

    The intensity has an error of the same σ at every Q. F(Q) = Q(S(Q) − 1) with S = I/(N f²) + …, so that
    σ_F ∝ Q/f(Q)²; with no element f is taken as constant, σ_F ∝ Q. The truth lies between: the intensity and its
    counting error fall with f² as well, and detectors and counting times are chosen to make up for it. The noise is
    not damped with r: the instrument's resolution blurs the scattering before it is counted.

    The noise is a function of r, the same one on every grid that does not reach beyond 60 Å, and curve i is the same
    whatever the number of curves.

    Args:
        r: In Å; any grid.
        qmin: Lower end of the Fourier integral, Å⁻¹.
        qmax: Its upper end, Å⁻¹.
        seed: Of the counts.
        curves: How many, each with counts of its own.
        element: Whose X-ray form factor divides the intensity.

    Raises:
        ValueError: The Q range is empty, or the element unknown.
    """
    if not 0 <= qmin < qmax < np.inf:
        raise ValueError(f"qmin = {qmin}, qmax = {qmax}: needs 0 ≤ qmin < qmax, in Å⁻¹")
    width = _Q_BIN
    while float(np.max(r)) > _UNIQUE_PART * pi / width:
        width /= 2
    bins = ceil((qmax - qmin) / width)
    q = qmin + (qmax - qmin) * (np.arange(bins) + 0.5) / bins
    sigma = q if element is None else q / form_factors([element], torch.from_numpy(q))[0].numpy() ** 2
    counts = np.random.default_rng(seed).normal(size=(curves, bins))
    return (counts * (sigma / sigma.max())) @ sine_matrix(q, np.full(bins, (qmax - qmin) / bins), r, 0.0)


def add_noise(
    g: Float[ndarray, "*curves r"],
    r: Float[ndarray, " r"],
    share: float,
    *,
    qmin: float,
    qmax: float,
    seed: int,
    r_range: tuple[float, float] = NOISE_RANGE,
    element: str | None = None,
) -> Float[ndarray, "*curves r"]:
    """The curves with counting noise whose rms over r_range is exactly this share of the highest peak there.

    Noise at every grid point of its own, the usual stand-in, lies mostly beyond qmax, where nothing is measured: on a
    step of 0.01 Å with qmax = 25 Å⁻¹ it needs √(π/(step·(qmax − qmin))) = 3.5 times this strength for the same harm.

    Args:
        g: G(r) in Å⁻², one curve or any batch of them; each gets noise of its own.
        r: Their grid, Å.
        share: 0.01 is 1 % noise.
        qmin: As of the curves, Å⁻¹.
        qmax: As of the curves, Å⁻¹.
        seed: Of the noise.
        r_range: Where peak and rms are taken, Å; as much of it as the data have.
        element: See `counting_noise`.

    Raises:
        ValueError: A negative share, no data in the range, or no peak there.
    """
    _check_share("noise", share)
    if share == 0:
        return g
    inside = _within(r, r_range)
    flat = g.reshape(-1, len(r))
    noise = counting_noise(r, qmin, qmax, seed=seed, curves=len(flat), element=element)
    strength = share * _peaks(flat, inside) / np.sqrt(np.square(noise[:, inside]).mean(1))
    return (flat + strength[:, None] * noise).reshape(g.shape)


def add_ripple(
    g: Float[ndarray, "*curves r"],
    r: Float[ndarray, " r"],
    share: float,
    period: float,
    *,
    qmin: float,
    qmax: float,
    r_range: tuple[float, float] = NOISE_RANGE,
) -> Float[ndarray, "*curves r"]:
    """The curves with a wave whose amplitude is this share of the highest peak: a narrow false spike in F(Q).

    A spike at Q gives sin(Qr) of the same amplitude at every r; measured PDFs show such waves far beyond the particle.

    Args:
        g: G(r) in Å⁻², one curve or any batch of them.
        r: Their grid, Å.
        share: Amplitude, as a share of the highest peak.
        period: 2π/Q of the spike, Å.
        qmin: As of the curves, Å⁻¹.
        qmax: As of the curves, Å⁻¹.
        r_range: Where the peak is taken, Å.

    Raises:
        ValueError: A negative share, or a spike outside qmin to qmax.
    """
    _check_share("ripple", share)
    if share == 0:
        return g
    if not (period > 0 and qmin <= 2 * pi / period <= qmax):
        raise ValueError(
            f"a ripple of period {period} Å: needs {2 * pi / qmax:.3g} Å or more, and a spike at or above qmin = {qmin}"
        )
    peaks = _peaks(g.reshape(-1, len(r)), _within(r, r_range)).reshape((*g.shape[:-1], 1))
    return g + share * peaks * np.sin(2 * pi / period * r)


def _check_share(name: str, share: float) -> None:
    if not 0 <= share < np.inf:
        raise ValueError(f"{name} = {share}: needs a share of the highest peak, zero or more")


def _within(r: ndarray, r_range: tuple[float, float]) -> ndarray:
    inside = (r >= r_range[0]) & (r <= r_range[1])
    if inside.sum() < 2:
        raise ValueError(f"r from {r[0]:g} to {r[-1]:g} Å: needs points between {r_range[0]:g} and {r_range[1]:g} Å")
    return inside


def _peaks(curves: ndarray, inside: ndarray) -> Float[ndarray, " curves"]:
    peaks = curves[:, inside].max(1)
    if not (peaks > 0).all():
        raise ValueError("a curve is nowhere above zero in the range: needs a peak to take a share of")
    return peaks
