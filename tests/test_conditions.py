"""PDFs under other conditions: the same particles, seen otherwise."""

import numpy as np
import torch

from deepstruc_lib.corpora import corpus
from deepstruc_lib.models import ParticleDataset
from deepstruc_lib.models.conditions import own_pdfs, varied_pdfs


def part():
    whole = corpus("mlg")
    return whole.subset(np.arange(0, len(whole), 200))


def test_a_dataset_with_varied_pdfs_begins_with_the_corpus_and_repeats_its_particles():
    entries = part()
    plain, varied = ParticleDataset(entries, 11, 93), ParticleDataset(entries, 11, 93, varied=2)
    count = len(entries)
    assert len(varied) == 3 * count
    own, other = varied.batch(torch.arange(count)), varied.batch(torch.arange(count, 2 * count))
    for one, two in zip(own, plain.batch(torch.arange(count)), strict=True):
        assert one.equal(two)
    assert other.rows.equal(own.rows)
    assert other.present.equal(own.present)
    assert other.log_radius.equal(own.log_radius)
    assert other.own_pdf.equal(own.pdf)
    assert not torch.isclose(other.pdf, own.pdf, atol=0.01).all(1).any()


def test_conditions_change_the_curve_but_leave_its_first_peak():
    entries = part()
    (varied,) = varied_pdfs(entries, 1, seed=3)
    assert np.isfinite(varied).all()
    near = (entries.r > 1.8) & (entries.r < 3.8)
    places = entries.r[near][varied[:, near].argmax(axis=1)]
    np.testing.assert_allclose(places, entries.bond_lengths, atol=0.1)


def test_the_same_seed_draws_the_same_conditions():
    entries = part()
    once, again, other = (varied_pdfs(entries, 2, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 0.1
    assert np.abs(once[0] - once[1]).max() > 0.1


def test_own_pdfs_come_as_a_measurement_would():
    entries = part()
    for own, g in zip(own_pdfs(entries), entries.pdfs, strict=True):
        np.testing.assert_array_equal(own.g, g)
        assert (own.qmin, own.qmax, own.qdamp) == (0, 30, 0.04)
