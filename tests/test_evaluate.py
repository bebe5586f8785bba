"""A perfect answer scores perfectly, a wrong number of atoms counts as infinitely wrong, all methods see one input."""

import json

import numpy as np
import pytest
import torch
from constant_model import store_constant_model
from scipy.stats import t as student

from deepstruc_lib.corpora import corpus
from deepstruc_lib.models import Answer, Distribution, Estimates, Proposal, Proposer, load_model
from deepstruc_lib.models.records import read_records, write_record
from deepstruc_lib.particles import shape_library
from deepstruc_lib.scattering import simulate
from deepstruc_lib.solving import compare, evaluate_library, evaluate_model, evaluation_part, paired_t_test, shapes
from deepstruc_lib.solving.measures import random_order
from deepstruc_lib.solving.recording import record_of

KEYS = ["model", "corpus", "split", "n", "exact_n", "solved", "family", "motif", "mae_median", "mae_mean"]
KEYS += ["rw_median", "r_p", "r_p_std", "pearson", "pearson_std", "seconds_per_pdf"]


@pytest.fixture(scope="module")
def few():
    """Four structures of each of the mlg corpus' three smaller shapes."""
    part = evaluation_part("mlg", "shape")
    return part.subset(np.concatenate([np.flatnonzero(part.n_atoms == n)[::50] for n in (19, 43, 63)]))


def true_positions(part):
    return [part.positions[entry, :n].astype(float) for entry, n in enumerate(part.n_atoms)]


def turned(positions, seed):
    """Turned, mirrored, moved, and in another order."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return rng.permutation(positions @ rotation + rng.normal(size=3))


def test_perfect_structures_score_perfectly_however_they_lie(few):
    made = [turned(positions, seed) for seed, positions in enumerate(true_positions(few))]
    reported = []
    found = compare("perfect", "shape", few, made, 2.4, lambda *counts: reported.append(counts))
    summary = found.summary()
    assert list(summary) == KEYS
    assert (summary["n"], summary["exact_n"], summary["solved"], summary["family"]) == (12, 1, 1, None)
    assert summary["r_p"] < 1e-7
    assert 1 - summary["pearson"] < 1e-7
    assert summary["rw_median"] < 1e-3
    assert max(summary["mae_median"], summary["mae_mean"]) < 1e-5
    assert np.abs(found.radius_error).max() < 1e-6
    assert summary["seconds_per_pdf"] == pytest.approx(0.2)
    assert reported[-1] == (12, 12)


def test_a_wrong_number_of_atoms_is_infinitely_wrong_and_null_in_json(few):
    made = [positions[:-1] if len(positions) > 19 else positions for positions in true_positions(few)]
    found = compare("short", "shape", few, made, 1.0)
    np.testing.assert_array_equal(np.isinf(found.mae), few.n_atoms > 19)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert summary["mae_median"] is None
    assert summary["mae_mean"] < 1e-5
    assert summary["exact_n"] == summary["solved"] == pytest.approx(1 / 3)
    nothing = compare("none", "shape", few, [positions[:-1] for positions in true_positions(few)], 1.0).summary()
    assert nothing["mae_mean"] is None


def test_measures_are_those_of_their_definitions(few):
    some = few.subset(np.array([0, 5]))
    found = compare("large", "shape", some, [1.02 * positions for positions in true_positions(some)], 1.0)
    for entry, (true, positions) in enumerate(zip(some.pdfs.astype(float), true_positions(some), strict=True)):
        made = simulate(torch.tensor(1.02 * positions).float(), some.settings, transform="diffpy").double().numpy()
        assert found.r_p[entry] == pytest.approx(np.mean((true - made) ** 2), rel=1e-4)
        assert found.pearson[entry] == pytest.approx(np.corrcoef(true, made)[0, 1], rel=1e-5)
        assert found.rw[entry] ** 2 == pytest.approx(np.sum((true - made) ** 2) / np.sum(true**2), rel=1e-4)
        assert found.radius_error[entry] == pytest.approx(0.02, abs=1e-5)
        assert found.mae[entry] == pytest.approx(0.02 * np.abs(positions - positions.mean(0)).mean(), rel=1e-3)


def test_atoms_on_top_of_each_other_are_measured_too(few):
    made = true_positions(few)
    made[0][1] = made[0][0]
    found = compare("merged", "shape", few, made, 1.0)
    assert np.isfinite([found.r_p, found.pearson, found.rw, found.mae]).all()
    assert found.r_p[0] > 100 * found.r_p[1]


def test_the_parts_are_those_of_the_papers():
    random, by_shape = evaluation_part("mlg", "random"), evaluation_part("mlg", "shape")
    assert len(random) == 137
    assert np.unique(by_shape.n_atoms, return_counts=True)[1].tolist() == [190] * 5
    assert len(np.unique(by_shape.structure_ids)) == len(by_shape)
    assert len(evaluation_part("deepstruc", "random")) == 749
    with pytest.raises(ValueError, match="needs one of random, shape"):
        evaluation_part("mlg", "train")


def test_no_structure_is_no_atoms_and_a_pdf_of_zero(few):
    made = [None, *true_positions(few)[1:]]
    found = compare("silent", "shape", few, made, 1.0)
    assert (found.n_atoms[0], found.mae[0], found.pearson[0], found.radius_error[0]) == (0, np.inf, 0, -1)
    assert found.rw[0] == pytest.approx(1)
    assert found.r_p[0] == pytest.approx(np.mean(few.pdfs[0].astype(float) ** 2))
    assert json.loads(json.dumps(found.summary(), allow_nan=False))["exact_n"] == pytest.approx(11 / 12)


def test_a_few_entries_stand_for_all_in_an_order_that_stays(few):
    found = compare("all", "shape", few, true_positions(few), 1.0)
    assert random_order(12) == [9, 10, 0, 11, 4, 2, 8, 1, 3, 5, 7, 6]
    assert found.first(3).bond_lengths.tolist() == few.bond_lengths[[9, 10, 0]].tolist()
    assert found.first(3).summary()["n"] == 3
    assert found.first(99).summary() == {
        name: pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
        for name, value in found.summary().items()
    }


class Knows:
    """A proposer of no kind at all: answers with the structure of a corpus whose PDF is nearest, or as it is told."""

    name, folder = "knows", None

    def __init__(self, part, answer=None):
        self.card = load_model("mlg-cvae").card
        self.part, self.answer = part, answer

    def propose(self, pdfs, *, samples=0, seed=0):
        if self.answer is not None:
            return [self.answer] * len(pdfs)
        nearest = [np.square(self.part.pdfs - pdf.g).sum(axis=1).argmin() for pdf in pdfs]
        return [Answer((Proposal(true_positions(self.part)[entry], "knows:it"),)) for entry in nearest]


def test_whatever_proposes_is_evaluated(few):
    assert isinstance(Knows(few), Proposer)
    found = evaluate_model(Knows(few), part=few)
    assert (found.model, found.corpus, found.split) == ("knows", "mlg", "random")
    assert found.mae.max() < 1e-5
    assert found.right_motif is None
    some = evaluate_model(Knows(few), part=few, entries=5)
    assert sorted(some.bond_lengths) == sorted(found.first(5).bond_lengths)


def test_estimates_count_where_there_is_no_structure(few):
    sizes = Distribution(np.array([19.0, 43.0]), np.array([0.2, 0.8]))
    told = Answer(estimates=Estimates(n_atoms=sizes, motif={"fcc": 0.6, "hcp": 0.4}))
    found = evaluate_model(Knows(few, told), part=few)
    assert found.n_atoms.tolist() == [43] * 12
    assert found.summary()["motif"] == 1
    assert found.summary()["solved"] == 0


def test_a_model_is_asked_for_the_test_part_and_told_nothing_of_the_truth(tmp_path):
    part = evaluation_part("mlg", "random")
    entry = int(np.flatnonzero(part.n_atoms == 19)[0])
    store_constant_model(tmp_path / "constant", true_positions(part)[entry])
    found = evaluate_model(str(tmp_path / "constant"))
    assert (found.model, found.corpus, found.split, len(found)) == ("constant", "mlg", "random", 137)
    assert (found.n_atoms == 19).all()
    np.testing.assert_array_equal(np.isfinite(found.mae), part.n_atoms == 19)
    same = part.structure_ids == part.structure_ids[entry]
    assert found.mae[same].max() < 1e-4
    assert found.r_p[same].max() < 1e-5 < found.r_p[~same].min()


def test_the_shape_split_asks_each_model_for_the_shape_it_never_saw(tmp_path, few):
    positions = true_positions(few)
    # What a folder is called does not matter: the card says what was held out.
    for place, n_atoms, name in ((0, 19, "a"), (4, 43, "b"), (8, 63, "c")):
        store_constant_model(tmp_path / name, positions[place], n_atoms)
    store_constant_model(tmp_path / "mine", positions[0])
    (tmp_path / "no-model").mkdir()
    (tmp_path / "no-model" / "card.json").write_text("{}")
    found = evaluate_model(tmp_path / "mine", "shape", part=few)
    assert (found.model, found.summary()["exact_n"]) == ("mine", 1)
    assert found.mae[[0, 4, 8]].max() < 1e-4 < found.mae[1]
    alone = evaluate_model(tmp_path / "b", part=few)
    assert (alone.split, alone.n_true.tolist()) == ("shape", [43] * 4)
    (tmp_path / "b" / "card.json").unlink()
    with pytest.raises(ValueError, match=r"none beside it that was trained without FCC\(2,3,3\)"):
        evaluate_model(tmp_path / "mine", "shape", part=few)


def test_a_record_says_what_it_was_made_from(tmp_path, few):
    model = load_model("mlg-dae")
    record = record_of(model, evaluate_model(model, part=few, entries=2), "deepstruc evaluate", 1.0, walks=3)
    assert record.figures["n"] == 2
    assert (record.model, record.seed, record.subsets) == ("mlg-dae", 0, {})
    assert record.walks is not None
    assert record.walks["walks"] == 3
    assert 0 <= record.walks["interval"][0] <= record.walks["valid_between"] <= record.walks["interval"][1] <= 1
    path = write_record(tmp_path, record)
    assert read_records(tmp_path) == (record,)
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(ValueError, match="format 7"):
        read_records(tmp_path)


def test_the_library_names_what_it_holds_and_misses_what_is_taken_out(few):
    some = few.subset(np.array([1, 4, 9]))
    library = shapes(
        tuple(r for r in shape_library("deepstruc") if r.n_atoms in (19, 43, 44, 63, 55) and r.family != "HCP")
    )
    known = evaluate_library("mlg", "random", part=some, library=library)
    summary = known.summary()
    assert list(summary) == KEYS
    assert [summary[key] for key in ("exact_n", "solved", "family", "motif")] == [1, 1, 1, 1]
    assert summary["mae_median"] < 0.002
    assert summary["r_p"] < 1e-3
    unknown = evaluate_library("mlg", "shape", part=some, library=library)
    assert not (unknown.mae < known.mae + 0.1).any()
    assert (unknown.r_p > known.r_p).all()


def test_the_paired_test_is_students(few):
    positions = true_positions(few)
    one, other = (compare("", "shape", few, [size * p for p in positions], 1.0) for size in (1.01, 1.02))
    difference = one.r_p - other.r_p
    expected = difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference)))
    result = paired_t_test(one, other)
    assert result.t == pytest.approx(expected)
    assert result.p == pytest.approx(2 * student.sf(abs(expected), len(difference) - 1))
    assert paired_t_test(other, one).t == pytest.approx(-expected)
    reordered = few.subset(np.arange(len(few))[::-1])
    with pytest.raises(ValueError, match="other entries"):
        paired_t_test(one, compare("", "shape", reordered, positions[::-1], 1.0))
    short = compare("", "shape", few, [p[:-1] for p in positions], 1.0)
    with pytest.raises(ValueError, match="infinite"):
        paired_t_test(one, short, "mae")
    with pytest.raises(ValueError, match="two that differ"):
        paired_t_test(one, one)


def test_each_entry_needs_a_structure(few):
    with pytest.raises(ValueError, match="1 structures for 12 entries"):
        compare("", "shape", few, true_positions(few)[:1], 1.0)


def test_the_whole_corpus_gives_back_its_own_pdfs():
    whole = corpus("mlg")
    some = whole.subset(np.arange(0, len(whole), 97))
    assert compare("", "random", some, true_positions(some), 1.0).r_p.max() < 1e-6
