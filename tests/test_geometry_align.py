"""One particle laid on another."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from deepstruc_lib.geometry import align
from deepstruc_lib.particles import Recipe, unit_positions

FCC = ["FCC(2,2,2)", "FCC(2,3,3)", "FCC(2,4,4)", "FCC(3,4,4)", "FCC(4,4,4)"]
OTHERS = ["Decahedron(5,1,0)", "HCP(3,4,5)", "Icosahedron(3)", "Octahedron(4)", "BCC(3,3,3)"]


def particle(name: str) -> np.ndarray:
    generator = np.random.default_rng(5)
    if name == "cloud":
        return 3 * generator.normal(size=(40, 3))
    if name == "helix":
        turn = 0.5 * np.arange(50)
        return np.stack([4 * np.cos(turn), 4 * np.sin(turn), 0.4 * turn], axis=1)
    return 2.77 * unit_positions(Recipe.from_name(name))


def moved(positions: np.ndarray, seed: int, handed: int = -1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    turn = handed * Rotation.random(rng=generator).as_matrix()
    return positions[generator.permutation(len(positions))] @ turn + generator.normal(size=3, scale=10)


@pytest.mark.parametrize("handed", [1, -1])
@pytest.mark.parametrize("name", [*FCC, *OTHERS, "cloud", "helix"])
def test_a_turned_reflected_and_reordered_copy_is_the_same_particle(name, handed):
    reference = particle(name)
    for seed in range(3):
        copy = moved(reference, seed, handed)
        found = align(copy, reference)
        assert found.mae < 1e-6
        assert found.rmsd < 1e-6
        np.testing.assert_allclose(found.positions, reference, atol=1e-6)
        assert sorted(found.order.tolist()) == list(range(len(reference)))
        # The order is that of the particle's own rows: their distances are those of the reference.
        np.testing.assert_allclose(cdist(copy[found.order], copy[found.order]), cdist(reference, reference), atol=1e-9)


@pytest.mark.parametrize("noise", [0.05, 0.3])
@pytest.mark.parametrize("name", ["FCC(3,4,4)", "Decahedron(5,1,0)", "cloud"])
def test_noise_gives_the_error_of_its_mean_absolute_deviation(name, noise):
    """√(2/π)·σ of each coordinate, less the six that the alignment fits."""
    reference = particle(name)
    generator = np.random.default_rng(0)
    noisy = [moved(reference + noise * generator.normal(size=reference.shape), seed) for seed in range(6)]
    found = np.mean([align(one, reference).mae for one in noisy])
    free = 1 - 6 / reference.size
    assert found == pytest.approx(noise * np.sqrt(2 / np.pi * free), rel=0.06)


def test_swapping_the_arguments_hardly_changes_the_error():
    reference = particle("FCC(3,4,4)")
    noisy = moved(reference + 0.2 * np.random.default_rng(1).normal(size=reference.shape), 1)
    one, other = align(noisy, reference), align(reference, noisy)
    assert one.rmsd == pytest.approx(other.rmsd, rel=1e-3)
    assert one.mae == pytest.approx(other.mae, rel=0.05)


def test_an_aligned_particle_is_never_farther_than_as_it_came():
    generator = np.random.default_rng(2)
    for name in ("FCC(2,2,2)", "cloud"):
        reference = particle(name)
        for size in (0.01, 1.0, 4.0):
            other = reference + size * generator.normal(size=reference.shape)
            assert align(other, reference).mae <= np.abs(other - reference).mean()


def test_a_sheared_particle_is_laid_as_well_from_any_orientation_as_from_its_own():
    reference = particle("FCC(3,4,4)")
    sheared = reference @ np.array([[1, 0.15, 0], [0, 1, 0], [0, 0, 0.85]])
    found = [align(moved(sheared, seed), reference) for seed in range(4)]
    for one in found:
        assert one.rmsd == pytest.approx(found[0].rmsd, rel=1e-9)
        assert one.mae == pytest.approx(align(sheared, reference).mae, rel=0.02)


def test_one_atom_out_of_place_does_not_pull_the_others_along():
    """The least squares shift every atom by a part of the one's error; the least MAE is the particle as it came."""
    reference = particle("FCC(2,2,2)")
    other = reference.copy()
    other[4, 0] += 0.8
    assert align(other, reference).mae == pytest.approx(0.8 / reference.size)


def test_mirror_images_of_a_chiral_particle_are_one_particle():
    helix = particle("helix")
    assert align(helix * [1, 1, -1], helix).mae < 1e-6


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_smallest_particles_align(count):
    reference = np.array([[0.0, 0, 0], [2.5, 0, 0], [0, 3.5, 0]])[:count]
    assert align(moved(reference, 0), reference).mae < 1e-9


def test_the_same_input_gives_the_same_result():
    reference = particle("FCC(2,2,2)")
    noisy = moved(reference + 0.3 * np.random.default_rng(3).normal(size=reference.shape), 4)
    np.testing.assert_array_equal(align(noisy, reference).positions, align(noisy, reference).positions)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (np.zeros((18, 3)), "18 atoms and 19"),
        (np.zeros((19, 2)), "needs \\(atoms, 3\\)"),
        (np.zeros((0, 3)), "needs \\(atoms, 3\\)"),
        (np.full((19, 3), np.nan), "not finite"),
    ],
)
def test_what_cannot_be_aligned_is_refused(positions, message):
    with pytest.raises(ValueError, match=message):
        align(positions, particle("FCC(2,2,2)"))
