"""Linear models: laws of what they answer, what they learn from, and what they need."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.spatial.distance import pdist

from deepstruc_lib.corpora import corpus
from deepstruc_lib.files import PDF
from deepstruc_lib.models import EXPERIMENTS, Proposer, load_model
from deepstruc_lib.models.cards import read_card
from deepstruc_lib.models.conditions import own_pdfs
from deepstruc_lib.models.linear.experiments import Experiment
from deepstruc_lib.models.linear.fitting import Table, fit_linear
from deepstruc_lib.models.linear.weights import load_weights, store_weights
from deepstruc_lib.models.records import WEIGHTS, Record, weights_digest, write_record
from deepstruc_lib.models.released import RELEASED
from deepstruc_lib.models.rescaled import GRID, first_peak, rescaled_pdfs

LINEAR = sorted(name for name, experiment in EXPERIMENTS.items() if experiment.kind == "linear")


@pytest.fixture(scope="module")
def model():
    return load_model("mlg-linear")


@pytest.fixture(scope="module")
def few():
    """Some entries of the test part, and their PDFs."""
    part = EXPERIMENTS["mlg-linear"].part("test")
    part = part.subset(np.arange(0, len(part), 12))
    return part, own_pdfs(part)


def test_the_likeliest_structure_is_the_particle_to_a_few_parts_in_a_million(model, few):
    part, pdfs = few
    assert isinstance(model, Proposer)
    for entry, answer in enumerate(model.propose(pdfs)):
        best = answer.proposals[0]
        true = part.recipe(entry).positions(part.bond_lengths[entry])
        np.testing.assert_allclose(best.positions, true, rtol=1e-4, atol=1e-9)
        assert best.source == f"mlg-linear:{part.recipe(entry).name}"
        assert answer.unlike == ()


def test_estimates_are_those_of_the_proposals_and_their_probabilities(model, few):
    for answer in model.propose(few[1]):
        probabilities = [proposal.probability for proposal in answer.proposals]
        assert probabilities == sorted(probabilities, reverse=True)
        best, estimates = answer.proposals[0], answer.estimates
        at_size = estimates.n_atoms.probabilities[estimates.n_atoms.values == len(best.positions)]
        assert at_size.sum() == pytest.approx(best.probability, abs=1e-6)
        assert estimates.diameter.likeliest == pytest.approx(pdist(best.positions).max(), rel=1e-5)
        assert sum(estimates.motif.values()) == pytest.approx(1)
        assert set(estimates.motif) == {"fcc"}


def test_neither_scale_nor_grid_of_a_pdf_changes_the_answer(model, few):
    pdfs = few[1][:3]
    others = [[replace(pdf, g=5 * pdf.g) for pdf in pdfs], [pdf.regrid(np.arange(0, 29.9, 0.02)) for pdf in pdfs]]
    for own, *seen in zip(model.propose(pdfs), *map(model.propose, others), strict=True):
        for answer in seen:
            assert answer.proposals[0].source == own.proposals[0].source
            np.testing.assert_allclose(answer.proposals[0].positions, own.proposals[0].positions, rtol=1e-3, atol=1e-3)


def test_samples_and_seed_change_nothing(model, few):
    once, again = model.propose(few[1][:2]), model.propose(few[1][:2], samples=4, seed=9)
    for one, other in zip(once, again, strict=True):
        assert [proposal.probability for proposal in one.proposals] == [p.probability for p in other.proposals]
    with pytest.raises(ValueError, match="samples -1: needs 0 or more"):
        model.propose(few[1], samples=-1)
    assert model.propose([]) == []


def test_what_cannot_be_read_is_refused_and_what_is_short_is_answered_and_flagged(model, few):
    pdf = few[1][0]
    with pytest.raises(ValueError, match="without its Q range"):
        model.propose([replace(pdf, qmin=None)])
    with pytest.raises(ValueError, match="needs r in Å"):
        model.propose([replace(pdf, r=pdf.r / 10)])
    (answer,) = model.propose([pdf.cut(0, 15)])
    assert len(answer.proposals) >= 1
    assert any("15 Å" in said for said in answer.unlike)


def test_a_curve_of_nothing_known_cannot_move_the_bond_length_off_its_first_peak(model, few):
    generator = np.random.default_rng(3)
    for pdf in few[1][:3]:
        noisy = replace(pdf, g=pdf.g + generator.normal(size=len(pdf.g)) * 0.3 * pdf.g.max())
        (answer,) = model.propose([noisy])
        shortest = pdist(answer.proposals[0].positions).min()
        assert shortest == pytest.approx(first_peak(noisy), rel=0.01)


@pytest.mark.parametrize("name", LINEAR)
def test_no_structure_of_the_test_part_is_in_training(name):
    experiment = EXPERIMENTS[name]
    training, validation, test = (experiment.part(part) for part in ("train", "validation", "test"))
    whole = corpus(experiment.corpus)
    ids = {
        part: set(zip(part.shape_ids.tolist(), part.bond_lengths.tolist(), strict=True))
        for part in (training, validation, test)
    }
    assert not ids[test] & ids[training]
    assert not ids[test] & ids[validation]
    assert not ids[validation] & ids[training]
    out = {recipe.name for recipe in whole.recipes if recipe.name in experiment.held_out}
    assert out == set(experiment.held_out)
    learned = set(load_model(name).weights.shapes)
    assert not learned & out
    assert learned == {training.recipe(entry).name for entry in np.unique(training.recipe_ids, return_index=True)[1]}


@pytest.mark.parametrize("name", LINEAR)
def test_a_released_linear_model_is_small_and_tells_how_it_was_made(name):
    card, experiment = load_model(name).card, EXPERIMENTS[name]
    assert (card.kind, card.corpus, card.split) == ("linear", experiment.corpus, experiment.split)
    assert card.held_out == experiment.held_out
    assert card.command == f"deepstruc train {name} --device cpu"
    assert card.outcome["judged_by"] == ("motif" if name == "deepstruc-linear-by-shape" else "shape")
    assert card.metrics is not None
    assert (RELEASED / name / WEIGHTS).stat().st_size < 4e5


def test_predicting_needs_neither_torch_nor_scikit_learn():
    code = """
import json, sys
import numpy as np
from deepstruc_lib.files import PDF
from deepstruc_lib.models import load_model
r = np.arange(0, 30, 0.1)
g = sum(np.exp(-((r - 2.8 * k) ** 2) / 0.05) for k in (1, 1.414, 1.732, 2)) - 0.1
answer = load_model("mlg-linear").propose([PDF(r=r, g=g, qmin=0, qmax=30)])[0]
print(json.dumps([len(answer.proposals), sorted({"torch", "sklearn"} & set(sys.modules))]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, loaded = json.loads(done.stdout)
    assert count >= 1
    assert loaded == []


def test_a_small_training_is_stored_and_read_again(tmp_path):
    small = Experiment("mlg").changed(entries=150, seed=4)
    small.train(tmp_path / "mine", command="of a test")
    model = load_model(tmp_path / "mine")
    assert model.novelty is None
    assert (model.name, model.card.seed, model.card.training["entries"]) == ("mine", 4, 150)
    test = small.part("test")
    sizes = [len(answer.proposals[0].positions) for answer in model.propose(own_pdfs(test))]
    assert np.mean(np.array(sizes) == test.n_atoms) > 0.9


def test_figures_of_earlier_weights_are_not_those_of_a_new_training(tmp_path):
    small = Experiment("mlg").changed(entries=60)
    small.train(tmp_path, command="of a test")
    figures = {"exact_n": 1.0}
    for seed in (0, 1):  # another seed has other weights, in another place
        write_record(tmp_path, Record("mine", "random", seed, figures, command="c", weights=weights_digest(tmp_path)))
    assert read_card(tmp_path).by_seed() == {0: figures, 1: figures}
    small.changed(entries=50).train(tmp_path, command="of a test")
    card = read_card(tmp_path)
    assert card.metrics is None
    assert card.by_seed() == {1: figures}


def test_a_training_may_be_as_small_as_one_likes_to_try_it_out(tmp_path):
    Experiment("mlg").changed(entries=20).train(tmp_path)
    assert load_model(tmp_path).propose(own_pdfs(Experiment("mlg").changed(entries=2).part("test")))[0].proposals


def test_what_a_linear_model_does_not_know_is_refused(tmp_path):
    with pytest.raises(ValueError, match="epochs 3: a linear model is fitted at once"):
        Experiment("mlg").changed(epochs=3)
    with pytest.raises(ValueError, match="1 entries of 1 shape: needs two"):
        Experiment("mlg").changed(entries=1).train(tmp_path)
    with pytest.raises(ValueError, match="device cuda, 1 of them: a linear model needs one cpu"):
        Experiment("mlg").train(tmp_path, device="cuda")


@pytest.mark.parametrize(
    "change", [{"shape_slopes": np.ones((5, 3))}, {"n_atoms": np.full(5, np.nan)}, {"more": np.ones(5)}]
)
def test_damaged_weights_are_refused(model, tmp_path, change):
    store_weights(tmp_path, model.weights)
    assert load_weights(tmp_path).shapes == model.weights.shapes
    names = {"shapes": json.dumps(model.weights.shapes)}
    save_file({**load_file(tmp_path / WEIGHTS), **change}, tmp_path / WEIGHTS, names)
    with pytest.raises(ValueError, match=r"damaged weights.*needs those of a linear model"):
        load_weights(tmp_path)


def test_two_shapes_have_probabilities_that_add_up_to_one():
    part = EXPERIMENTS["mlg-linear"].part("train")
    two = part.subset(np.flatnonzero(np.isin(part.n_atoms, (19, 43)))[::3])
    table = Table.of(two)
    weights, _ = fit_linear(table, table, logistic=(1e3,), ridge=(1e-3,))
    probabilities = weights.probabilities(table.curves)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (weights.n_atoms[probabilities.argmax(axis=1)] == two.n_atoms).all()


def test_rescaled_curves_of_one_shape_agree_at_any_bond_length(few):
    part, pdfs = few
    curves, places = rescaled_pdfs(pdfs)
    np.testing.assert_allclose(places, part.bond_lengths, rtol=2e-3)
    assert curves.max(axis=1) == pytest.approx(1)
    for shape in np.unique(part.shape_ids):
        own = curves[part.shape_ids == shape]
        between = np.abs(curves[part.shape_ids != shape] - own[0]).max(axis=1).min()
        assert np.abs(own - own[0]).max() < 3 * between


def test_the_first_peak_is_the_first_high_one_and_not_a_bump_of_noise():
    r = np.arange(0, 20, 0.01)
    g = 0.7 * np.exp(-((r - 2.6) ** 2) / 0.02) + np.exp(-((r - 3.7) ** 2) / 0.02) - 0.05
    assert first_peak(PDF(r=r, g=g)) == pytest.approx(2.6, abs=1e-3)
    noisy = g + np.random.default_rng(0).normal(size=len(r)) * 0.02
    assert first_peak(PDF(r=r, g=noisy)) == pytest.approx(2.6, abs=0.06)
    assert GRID[0] < 1 < GRID[-1]
    with pytest.raises(ValueError, match="no positive G"):
        first_peak(PDF(r=r, g=np.where(r < 1.5, 1.0, -1.0)))
