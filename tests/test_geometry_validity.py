"""Valid structures: what the measure accepts and what it does not."""

import numpy as np
import pytest

from deepstruc_lib.corpora import corpus
from deepstruc_lib.geometry.validity import bond_length, coordination, validity
from deepstruc_lib.particles import Recipe

FCC = Recipe("FCC", (3, 4, 4)).positions(2.8)
ALLOWED = (3, 12)


def test_every_particle_of_the_corpus_is_valid_at_any_scale_and_orientation():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    for recipe in corpus("mlg").recipes:
        positions = recipe.positions(2.8)
        assert validity(positions, ALLOWED)
        assert validity(7.0 * positions @ turn + 5, ALLOWED)


def test_an_inner_atom_of_fcc_has_twelve_neighbours():
    centre = np.linalg.norm(FCC - FCC.mean(0), axis=1).argmin()
    assert coordination(FCC)[centre] == 12 == coordination(FCC).max()
    assert bond_length(FCC) == pytest.approx(2.8)


def test_each_fault_is_named():
    overlapping = np.concatenate([FCC, FCC[-1:] + np.array([0.3, 0.2, 0.1])])
    assert not validity(overlapping, (0, 99)).apart
    apart = np.concatenate([FCC, FCC + np.array([30.0, 0, 0])])
    assert validity(apart, (0, 99)).apart
    assert not validity(apart, (0, 99)).connected
    assert not validity(FCC, (4, 11)).coordinated
    stray = np.concatenate([FCC, [[0, 0, 30.0]]])
    found = validity(stray, ALLOWED)
    assert (found.apart, found.connected, found.coordinated) == (True, False, False)
    assert not found
    assert not validity(np.zeros((5, 3)), ALLOWED)


def test_a_cloud_of_atoms_is_not_valid():
    cloud = np.random.default_rng(0).normal(scale=4.0, size=(87, 3))
    assert not validity(cloud, ALLOWED)


@pytest.mark.wrong_types
@pytest.mark.parametrize("wrong", [np.zeros((1, 3)), np.zeros((4, 2)), np.full((4, 3), np.nan)])
def test_what_is_no_structure_is_refused(wrong):
    with pytest.raises(ValueError, match="two atoms or more"):
        validity(wrong, ALLOWED)
