"""Walks between particles, and how sure the share of valid structures is."""

import numpy as np
import pytest
import torch

from deepstruc_lib.corpora import corpus
from deepstruc_lib.models import ConditionalAutoencoder, CVAEConfig, Structures, generate, load_model
from deepstruc_lib.models.conditions import own_pdfs
from deepstruc_lib.models.contract import LatentProposer, straight_walks
from deepstruc_lib.models.mlg.walks import walk, walks
from deepstruc_lib.models.walks import (
    coordination_range,
    same_shape_pairs,
    share_with_interval,
    valid_between,
    validities,
    walk_pairs,
)

CONFIG = CVAEConfig(n_atoms=19, encoder=(8,), prior=(8,), upsampling=(4, 4), decoder=(16,))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    return ConditionalAutoencoder(CONFIG).eval()


@pytest.fixture(scope="module")
def pdfs():
    return torch.from_numpy(corpus("mlg").pdfs[[0, 700, 2100]])


def test_a_walk_begins_and_ends_where_the_two_pdfs_lead(network, pdfs):
    made, ends = walk(network, pdfs[0], pdfs[2], steps=5), generate(network, pdfs)
    torch.testing.assert_close(made.z[0], ends.z[0])
    torch.testing.assert_close(made.z[-1], ends.z[2])
    torch.testing.assert_close(made.z[2], (ends.z[0] + ends.z[2]) / 2)
    torch.testing.assert_close(made.z.diff(dim=0), made.z.diff(dim=0)[:1].expand(4, -1))


def test_many_walks_are_each_walk(network, pdfs):
    for made, start, end in zip(walks(network, pdfs[:2], pdfs[1:], 4), pdfs[:2], pdfs[1:], strict=True):
        alone = walk(network, start, end, 4)
        torch.testing.assert_close(made.z, alone.z)
        assert made.n_atoms.tolist() == alone.n_atoms.tolist()


def test_every_latent_model_walks_as_the_network_does():
    model, part = load_model("mlg-cvae"), corpus("mlg").part("random", "test").subset(np.array([3, 40, 80]))
    assert isinstance(model, LatentProposer)
    pdfs = own_pdfs(part)
    (way,) = straight_walks(model, [pdfs[0]], [pdfs[2]], 5)
    expected = walk(model.network, *torch.from_numpy(part.pdfs[[0, 2]]), steps=5)
    assert [len(one) for one in way] == expected.n_atoms.tolist()
    for index, positions in enumerate(way):
        np.testing.assert_allclose(positions, expected[index], atol=1e-4)
    with pytest.raises(ValueError, match="two or more"):
        straight_walks(model, pdfs[:1], pdfs[1:2], 1)


def test_walks_join_different_shapes_or_two_sizes_of_one():
    part = corpus("mlg").part("random", "test")
    starts, ends = walk_pairs(part, 30)
    assert len(starts) == 30
    assert (part.shape_ids[starts] != part.shape_ids[ends]).all()
    np.testing.assert_array_equal(walk_pairs(part, 30), (starts, ends))
    starts, ends = same_shape_pairs(part, 10)
    assert (part.shape_ids[starts] == part.shape_ids[ends]).all()
    assert (part.bond_lengths[starts] != part.bond_lengths[ends]).all()


def test_a_model_that_always_decodes_one_particle_walks_among_valid_ones_only():
    class Constant:
        name, card, folder = "constant", None, None

        def propose(self, pdfs, *, samples=0, seed=0):
            raise NotImplementedError

        def prior(self, pdfs):
            return load_model("mlg-dae").prior(pdfs)

        def decode(self, latent):
            return [particle] * len(latent)

    part = corpus("mlg").part("random", "test")
    particle = part.recipes[0].positions(2.7)
    assert valid_between(Constant(), part, 4).shape == (4, 9)
    assert valid_between(Constant(), part, 4).all()
    particle = np.vstack([particle, [50, 0, 0]])
    assert not valid_between(Constant(), part, 4).any()


def test_a_walk_needs_two_ends(network, pdfs):
    with pytest.raises(ValueError, match="two or more"):
        walk(network, pdfs[0], pdfs[1], 1)


def test_the_structures_of_the_corpus_are_valid_by_their_own_coordination():
    shapes = [recipe.positions(2.8) for recipe in corpus("mlg").recipes]
    allowed = coordination_range(shapes)
    assert allowed == (3, 12)
    positions = torch.zeros(len(shapes), 93, 3)
    present = torch.zeros(len(shapes), 93, dtype=torch.bool)
    for index, shape in enumerate(shapes):
        positions[index, : len(shape)], present[index, : len(shape)] = torch.from_numpy(shape), True
    assert all(validities(Structures(positions, present, torch.zeros(len(shapes), 2)), allowed))
    squeezed = positions.clone()
    squeezed[0, 0] = squeezed[0, 1]
    judged = validities(Structures(squeezed, present, torch.zeros(len(shapes), 2)), allowed)
    assert [bool(one) for one in judged] == [False, True, True, True, True]


def test_the_interval_leaves_room_where_every_walk_succeeded():
    generator, chance, covered = np.random.default_rng(2), 0.97, 0
    for seed in range(200):
        share, low, high = share_with_interval(generator.random((20, 1)) < chance, seed=seed, resamples=500)
        assert low <= share <= high
        covered += low <= chance <= high
    assert covered >= 180


def test_perfect_walks_leave_the_doubt_of_their_number():
    assert share_with_interval(np.ones((50, 9), dtype=bool)) == (1.0, pytest.approx(0.025 ** (1 / 50)), 1.0)
    assert share_with_interval(np.zeros((50, 9), dtype=bool)) == (0.0, 0.0, pytest.approx(1 - 0.025 ** (1 / 50)))


def test_pdfs_that_a_network_cannot_read_are_refused(network, pdfs):
    for wrong, said in (
        (pdfs[:, 1:], "299"),
        (torch.zeros_like(pdfs), "nowhere positive"),
        (pdfs / 0, "NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=said):
            generate(network, wrong)
        with pytest.raises(ValueError, match=said):
            walks(network, pdfs, wrong)


def test_the_interval_covers_the_true_share_as_often_as_it_says():
    generator = np.random.default_rng(1)
    covered = 0
    for seed in range(200):
        chance = generator.beta(4, 4, size=(100, 1))  # walks differ in how good they are
        valid = generator.random((100, 11)) < chance
        share, low, high = share_with_interval(valid, seed=seed, resamples=500)
        assert low <= share <= high
        covered += low <= 0.5 <= high
    assert covered == pytest.approx(190, abs=10)


def test_walks_that_agree_within_themselves_leave_more_doubt():
    generator = np.random.default_rng(0)
    lone = generator.random((100, 11)) < 0.5
    alike = np.repeat(generator.random((100, 1)) < 0.5, 11, axis=1)
    widths = [np.subtract(*share_with_interval(valid)[:0:-1]) for valid in (lone, alike)]
    assert widths[1] > 2 * widths[0]
