"""What tells PDFs that are unlike those of a training."""

from dataclasses import replace

import numpy as np
import pytest
from outside_groups import outside_groups
from safetensors.numpy import load_file, save_file

from deepstruc_lib.corpora import corpus
from deepstruc_lib.files import PDF
from deepstruc_lib.models import EXPERIMENTS, released_models
from deepstruc_lib.models.cards import read_card
from deepstruc_lib.models.conditions import own_pdfs
from deepstruc_lib.models.novelty import NOVELTY, load_novelty, store_novelty
from deepstruc_lib.models.novelty_fitting import fit_novelty, fit_to_parts, refit
from deepstruc_lib.models.reading import unlike_conditions
from deepstruc_lib.models.released import RELEASED

OWN_SHARE, OUTSIDE_SHARE = 0.05, 0.9
FEW = 20


def flagged(name: str, pdfs: list[PDF]) -> float:
    """Share of PDFs of which a released model says that they are unlike its training."""
    novelty, reads = load_novelty(RELEASED / name), read_card(RELEASED / name).reads
    assert novelty is not None
    curves = novelty.unlike(pdfs)
    return float(np.mean([bool(said or unlike_conditions(pdf, reads)) for pdf, said in zip(pdfs, curves, strict=True)]))


@pytest.fixture(scope="module")
def fitted():
    """Of a few hundred PDFs, and those of the test part."""
    parts = [corpus("mlg").part("random", name) for name in ("train", "validation", "test")]
    training, validation, test = (
        part.subset(np.arange(0, len(part), step)) for part, step in zip(parts, (8, 8, 4), strict=True)
    )
    return fit_to_parts(training, validation, 0), own_pdfs(test)


def test_a_curve_like_those_of_training_is_not_flagged_and_one_of_another_family_is(fitted):
    novelty, own = fitted
    assert np.mean([bool(said) for said in novelty.unlike(own)]) <= OWN_SHARE
    others = outside_groups(read_card(RELEASED / "mlg-linear"), count=FEW)
    for group in ("Icosahedron", "Decahedron", "HCP", "BCC", "SC", "larger"):
        assert np.mean([bool(said) for said in novelty.unlike(others[group])]) >= OUTSIDE_SHARE, group


def test_neither_scale_nor_grid_of_a_curve_matters(fitted):
    novelty, own = fitted
    few = own[:FEW]
    distances = novelty.distances(few)
    larger = [replace(pdf, g=3.7 * pdf.g) for pdf in few]
    np.testing.assert_allclose(novelty.distances(larger), distances, rtol=1e-6)
    finer = [pdf.regrid(np.arange(0, 29.9, 0.05)) for pdf in few]
    assert [bool(said) for said in novelty.unlike(finer)] == [bool(said) for said in novelty.unlike(few)]


def test_the_distance_is_that_of_mahalanobis(fitted):
    novelty, _ = fitted
    points = novelty.means.shape[1]
    v, variances, floor = novelty.directions.astype(float), novelty.variances.astype(float), float(novelty.floor[0])
    covariance = v.T @ np.diag(variances - floor) @ v + floor * np.eye(points)
    curves = np.random.default_rng(0).normal(size=(3, points))
    differences = curves[:, None] - novelty.means
    expected = np.sqrt(np.einsum("imx,xy,imy->im", differences, np.linalg.inv(covariance), differences).min(axis=1))
    np.testing.assert_allclose(novelty.nearest(curves), expected, rtol=1e-3)


def test_noise_is_unlike_noise_free_training(fitted):
    novelty, own = fitted
    noise = np.random.default_rng(1).normal(size=(FEW, len(own[0].r)))
    noisy = [replace(pdf, g=pdf.g + 0.03 * pdf.g.max() * row) for pdf, row in zip(own, noise, strict=False)]
    assert all(novelty.unlike(noisy))


def test_what_is_stored_comes_back(fitted, tmp_path):
    novelty, own = fitted
    assert load_novelty(tmp_path) is None
    store_novelty(tmp_path, novelty)
    assert load_novelty(tmp_path).unlike(own) == novelty.unlike(own)
    (tmp_path / NOVELTY).write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"a damaged file.*needs what was fitted"):
        load_novelty(tmp_path)


@pytest.mark.parametrize("change", [{"means": np.ones((2, 3))}, {"floor": np.full(1, np.nan)}, {"extra": np.ones(1)}])
def test_a_file_of_something_else_is_refused(fitted, tmp_path, change):
    store_novelty(tmp_path, fitted[0])
    save_file({**load_file(tmp_path / NOVELTY), **change}, tmp_path / NOVELTY)
    with pytest.raises(ValueError, match="a damaged file"):
        load_novelty(tmp_path)


def test_too_few_pdfs_are_refused(fitted):
    own = fitted[1][:10]
    with pytest.raises(ValueError, match="10 PDFs of 10 shapes and 10 for validation: needs more than 64"):
        fit_novelty(own, np.zeros(10, dtype=int), own)
    with pytest.raises(ValueError, match="model mlg-cave: needs one of"):
        refit(["mlg-cave"])


def test_the_outside_groups_are_what_they_say():
    card = read_card(RELEASED / "mlg-cvae")
    groups = outside_groups(card, count=FEW)
    assert {len(pdfs) for pdfs in groups.values()} == {FEW}
    ranges = card.reads.conditions
    assert {pdf.qmin for pdf in groups["qmin"]} == {ranges["qmin"][1] * 1.2}
    assert {pdf.qmax for pdf in groups["qmax above"] + groups["qmax below"]} == {36.0, 16.0}
    assert len({pdf.qmin for pdf in groups["HCP"]}) > 1
    assert (
        outside_groups(card, count=3)["larger"][0].g.tolist() == outside_groups(card, count=3)["larger"][0].g.tolist()
    )


def test_every_released_model_tells_unlike_pdfs():
    for name in released_models():
        assert load_novelty(RELEASED / name) is not None, name
        assert (RELEASED / name / NOVELTY).stat().st_size < 3e5


def own(name: str) -> list[PDF]:
    """Its test part, or the validation part of one that was trained without some shapes."""
    experiment = EXPERIMENTS[name]
    held_out = experiment.held_out or experiment.split == "shape"
    return own_pdfs(experiment.part("validation" if held_out else "test"))


@pytest.mark.parametrize("name", ["mlg-linear", "mlg-cvae"])
def test_a_released_model_flags_few_of_its_own_pdfs_and_most_others(name):
    assert flagged(name, own(name)) <= OWN_SHARE
    for group, pdfs in outside_groups(read_card(RELEASED / name), count=FEW).items():
        assert flagged(name, pdfs) >= OUTSIDE_SHARE, group


@pytest.mark.slow
def test_a_model_that_is_asked_for_shapes_it_never_saw_flags_few_of_them_and_every_other_q_range():
    name = "deepstruc-linear-by-shape"
    assert flagged(name, own(name)) <= OWN_SHARE
    groups = outside_groups(read_card(RELEASED / name), count=FEW)
    for group in ("qmin", "qmax above", "qmax below"):
        assert flagged(name, groups[group]) == 1, group
