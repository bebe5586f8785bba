"""Noise has the strength, the bandwidth and the slope of counting noise; a ripple is one wave."""

import numpy as np
import pytest
import torch

from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PRESETS, form_factors, simulate
from deepstruc_lib.scattering.noise import NOISE_RANGE, add_noise, add_ripple, counting_noise
from deepstruc_lib.scattering.transform import quadrature, sine_matrix

SETTINGS = PRESETS["deepstruc"]
R = SETTINGS.r
CLEAN = simulate(torch.from_numpy(Recipe("Octahedron", (4,)).positions(2.8)), SETTINGS).numpy()
Q_RANGE = {"qmin": SETTINGS.qmin, "qmax": SETTINGS.qmax}
INSIDE = (NOISE_RANGE[0] <= R) & (NOISE_RANGE[1] >= R)


def rms(curve: np.ndarray) -> float:
    return float(np.sqrt(np.mean(curve**2)))


def spectrum(curves: np.ndarray, r: np.ndarray, q: np.ndarray) -> np.ndarray:
    """∫ G sin(Qr) dr under a Hann window, so that what is far away in Q does not leak in."""
    window = np.cos(np.pi * r / (2 * r[-1])) ** 2
    return (r[1] - r[0]) * (curves * window) @ np.sin(np.outer(r, q))


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_rms_is_the_share_of_the_highest_peak_for_each_curve(share):
    curves = np.stack([CLEAN, 3 * CLEAN, CLEAN[::-1]])
    noise = add_noise(curves, R, share, **Q_RANGE, seed=1) - curves
    for curve, own in zip(curves, noise, strict=True):
        assert rms(own[INSIDE]) == pytest.approx(share * curve[INSIDE].max(), rel=1e-9)


def test_a_seed_gives_the_same_noise_on_any_grid_in_any_batch():
    one = counting_noise(R, 0.7, 25, seed=5)
    many = counting_noise(R[300:2000:7], 0.7, 25, seed=5, curves=3)
    np.testing.assert_allclose(many[0], one[0, 300:2000:7], atol=1e-12)
    assert abs(np.corrcoef(many)[0, 1]) < 0.5
    assert not np.allclose(one, counting_noise(R, 0.7, 25, seed=6))


def test_no_noise_is_the_curve_itself():
    assert add_noise(CLEAN, R, 0.0, **Q_RANGE, seed=0) is CLEAN
    assert add_ripple(CLEAN, R, 0.0, 0.334, **Q_RANGE) is CLEAN


def test_noise_has_the_bandwidth_of_the_measurement():
    r = np.arange(0, 60, 0.02)
    noise = counting_noise(r, 5.0, 20.0, seed=2, curves=20)
    q = np.arange(0.05, 60, 0.05)
    power = np.square(spectrum(noise, r, q)).mean(0)
    # Half a unit of Q is far outside the window's own width, 4π/60 Å⁻¹.
    outside = (q < 4.5) | (q > 20.5)
    assert power[outside].max() < 1e-5 * power.max()


@pytest.mark.parametrize("element", [None, "Pt"])
def test_noise_grows_with_q_as_white_noise_of_the_intensity_does(element):
    r = np.arange(0, 60, 0.05)
    noise = counting_noise(r, 0.5, 25.0, seed=3, curves=400, element=element)
    q = np.arange(2.0, 24.0, 1.0)
    found = np.sqrt(np.square(spectrum(noise, r, q)).mean(0))
    wanted = q if element is None else q / form_factors([element], torch.from_numpy(q))[0].numpy() ** 2
    ratio = found / wanted
    assert np.abs(ratio / ratio.mean() - 1).max() < 0.2


def test_one_percent_harms_like_three_and_a_half_percent_at_every_point():
    """White noise at each point, seen through the transform to Q and back, keeps 1/3.5 of its strength."""
    r = np.arange(0.005, 30, 0.01)
    q, weights = quadrature(0.0, 25.0, 60.0)
    white = np.random.default_rng(0).normal(size=(40, len(r)))
    through = (0.01 * white @ np.sin(np.outer(r, q))) @ sine_matrix(q, weights, r, 0.0)
    middle = (r > 2) & (r < 20)
    assert rms(white[:, middle]) / rms(through[:, middle]) == pytest.approx(np.sqrt(np.pi / (0.01 * 25)), rel=0.03)
    assert np.sqrt(np.pi / (0.01 * 25)) == pytest.approx(3.5, abs=0.05)


def test_a_ripple_is_one_wave_of_the_stated_amplitude_and_period():
    wave = add_ripple(CLEAN, R, 0.005, 0.334, **Q_RANGE) - CLEAN
    np.testing.assert_allclose(wave, 0.005 * CLEAN[INSIDE].max() * np.sin(2 * np.pi * R / 0.334), atol=1e-12)


def test_what_cannot_be_added_is_refused():
    with pytest.raises(ValueError, match="share of the highest peak"):
        add_noise(CLEAN, R, -0.01, **Q_RANGE, seed=0)
    with pytest.raises(ValueError, match="needs points between 40 and 50"):
        add_noise(CLEAN, R, 0.01, **Q_RANGE, seed=0, r_range=(40, 50))
    with pytest.raises(ValueError, match="nowhere above zero"):
        add_noise(-np.ones_like(R), R, 0.01, **Q_RANGE, seed=0)
    with pytest.raises(ValueError, match="needs 0 ≤ qmin < qmax"):
        counting_noise(R, 25.0, 0.7, seed=0)
    with pytest.raises(ValueError, match="and a spike at or above qmin"):
        add_ripple(CLEAN, R, 0.01, 0.1, **Q_RANGE)
