"""The corpora have the published counts, splits without surprise, and survive the disk."""

from collections import Counter
from dataclasses import fields

import h5py
import numpy as np
import pytest
import torch

from deepstruc_lib.corpora import (
    CORPORA,
    DISTINCT_RADII,
    METALLIC_RADII,
    PARTS,
    Corpus,
    bond_length,
    corpus,
    elements_of,
    load_corpus,
    nearest_copies,
    save_corpus,
)
from deepstruc_lib.corpora.splits import apportion, shuffled, split_by_shape, split_keys
from deepstruc_lib.corpora.storage import cache_folder, cached, corpus_hash
from deepstruc_lib.particles import distance_list
from deepstruc_lib.scattering import PRESETS, simulate

# A coarse r-grid makes the three corpora in a second and changes nothing that is tested here but the PDFs.
COARSE = PRESETS["deepstruc_published"].replace(rstep=0.1)


@pytest.fixture(scope="module")
def corpora() -> dict[str, Corpus]:
    return {name: corpus(name, COARSE, cache=False) for name in CORPORA}


def entries_in(corpus: Corpus, split: str) -> list[int]:
    return [int(corpus.where(split, part).sum()) for part in PARTS]


def test_28_elements_have_19_radii():
    assert len(METALLIC_RADII) == 28
    assert len(DISTINCT_RADII) == 19
    assert elements_of(134) == ("Ag", "Au", "Nb", "Ta")
    assert bond_length(METALLIC_RADII["Au"]) == 2.68


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        (
            "deepstruc",
            {
                "name": "deepstruc",
                "entries": 3743,
                "structures": 3743,
                "shapes": 197,
                "families": {
                    "SC": 361,
                    "FCC": 152,
                    "BCC": 361,
                    "HCP": 2014,
                    "Icosahedron": 57,
                    "Decahedron": 703,
                    "Octahedron": 95,
                },
                "leakage": {"random": 1.0, "shape": 0.0},
            },
        ),
        (
            "mlg",
            {
                "name": "mlg",
                "entries": 3137,
                "structures": 950,
                "shapes": 5,
                "families": {"FCC": 3137},
                "leakage": {"random": 1.0, "shape": 0.0},
            },
        ),
        (
            "stacking",
            {
                "name": "stacking",
                "entries": 1620,
                "structures": 1575,
                "shapes": 315,
                "families": {"hcp": 135, "faulted": 1350, "fcc": 135},
                "leakage": {"random": pytest.approx(0.98, abs=0.01), "shape": 0.0},
            },
        ),
    ],
)
def test_counts_and_leakage(corpora, name, summary):
    assert corpora[name].summary() == summary


def test_the_authors_split_has_their_sizes(corpora):
    assert entries_in(corpora["deepstruc"], "random") == [2245, 749, 749]
    test = corpora["deepstruc"].part("random", "test")
    assert Counter(test.families.tolist()) == {
        "HCP": 400,
        "Decahedron": 135,
        "SC": 67,
        "BCC": 74,
        "FCC": 34,
        "Octahedron": 21,
        "Icosahedron": 18,
    }


def test_the_authors_test_set_is_one_percent_from_training(corpora):
    copies = nearest_copies(corpora["deepstruc"], "random")
    assert copies.mean_copies == pytest.approx(10.7, abs=0.05)
    assert copies.median_nearest == pytest.approx(0.0087, abs=5e-5)
    assert copies.identical == 0


def test_a_split_by_shape_leaves_no_copy(corpora):
    for each in corpora.values():
        copies = nearest_copies(each, "shape")
        assert copies.mean_copies == 0
        assert np.isinf(copies.median_nearest)
        assert not set(each.part("shape", "validation").shape_ids) & set(each.part("shape", "train").shape_ids)


def test_a_split_by_shape_has_every_family_in_every_part(corpora):
    for each in corpora.values():
        assert all(set(each.part("shape", part).families) == set(each.families) for part in PARTS)


def test_mlg_multiplicities_add_up_by_shape(corpora):
    mlg = corpora["mlg"]
    assert Counter(mlg.n_atoms.tolist()) == {19: 769, 43: 769, 63: 525, 87: 537, 93: 537}
    structures = {(shape, round(length, 9)) for shape, length in zip(mlg.shape_ids, mlg.bond_lengths, strict=True)}
    assert len(structures) == 950
    assert entries_in(mlg, "random") == [2400, 600, 137]


def test_most_mlg_test_structures_are_in_training(corpora):
    assert nearest_copies(corpora["mlg"], "random").identical == pytest.approx(0.91, abs=0.03)


def test_stacking_sizes_and_homometric_twins(corpora):
    stacking = corpora["stacking"]
    assert (stacking.n_atoms.min(), stacking.n_atoms.max()) == (45, 196)
    twins = [[i for i, r in enumerate(stacking.recipes) if r.parameters[0] == w] for w in ("ABABCAB", "ABACBAB")]
    first, second = (np.flatnonzero(np.isin(stacking.recipe_ids, recipes)) for recipes in twins)
    np.testing.assert_array_equal(stacking.structure_ids[first], stacking.structure_ids[second])
    np.testing.assert_allclose(stacking.pdfs[first], stacking.pdfs[second], atol=1e-3)
    for parts in stacking.splits.values():
        np.testing.assert_array_equal(parts[first], parts[second])


def test_positions_are_those_of_the_recipe(corpora):
    for each in corpora.values():
        for entry in (0, len(each) // 2, len(each) - 1):
            atoms = each.positions[entry][each.mask[entry]]
            built = each.recipe(entry).positions(each.bond_lengths[entry])
            np.testing.assert_allclose(atoms, built, atol=1e-5)
            assert not each.positions[entry][~each.mask[entry]].any()


def test_pdfs_are_those_of_the_positions(corpora):
    for each in corpora.values():
        for entry in (0, len(each) // 2):
            built = torch.from_numpy(each.recipe(entry).positions(each.bond_lengths[entry]))
            g = simulate(built, each.settings, transform="diffpy", method="direct").numpy()
            assert np.abs(each.pdfs[entry] - g).max() < 1e-4 * g.max()


def test_equal_structures_have_equal_distances(corpora):
    for each in corpora.values():
        structure, first = np.unique(each.structure_ids, return_index=True)
        again = len(each) - 1
        twin = first[structure == each.structure_ids[again]][0]
        lists = [distance_list(each.positions[i][each.mask[i]].astype(float)) for i in (twin, again)]
        np.testing.assert_allclose(*lists, atol=1e-5)


@pytest.mark.parametrize("name", CORPORA)
def test_a_saved_corpus_comes_back(corpora, name, tmp_path):
    loaded = load_corpus(save_corpus(tmp_path / "new" / "corpus.h5", corpora[name]))
    for field in fields(Corpus):
        before, after = getattr(corpora[name], field.name), getattr(loaded, field.name)
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after)
            assert before.dtype == after.dtype
        elif field.name != "splits":
            assert before == after
    assert loaded.summary() == corpora[name].summary()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["corpus.h5"]


def test_a_file_that_is_no_corpus_is_refused(tmp_path):
    (tmp_path / "text.h5").write_text("no corpus")
    with pytest.raises(ValueError, match=r"text\.h5: is no saved corpus"):
        load_corpus(tmp_path / "text.h5")


def test_the_cache_is_filled_used_and_mended(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSTRUC_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    built = corpus("mlg")
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    np.testing.assert_array_equal(corpus("mlg").pdfs, built.pdfs)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(b"damaged")
    np.testing.assert_array_equal(corpus("mlg").pdfs, built.pdfs)
    assert list(tmp_path.iterdir()) == [file]


@pytest.fixture
def kept(corpora, tmp_path, monkeypatch):
    """The file of the MLG corpus in a cache of its own, how to ask for the corpus, and a record of each build."""
    monkeypatch.setenv("DEEPSTRUC_CACHE", str(tmp_path))
    builds = []

    def ask() -> Corpus:
        return cached("mlg", COARSE, lambda: builds.append(1) or corpora["mlg"])

    ask()
    (file,) = tmp_path.iterdir()
    return file, ask, builds


def test_a_locked_file_is_left_alone(kept, caplog):
    fcntl = pytest.importorskip("fcntl", reason="locks are taken in another way on Windows")
    file, ask, builds = kept
    before = file.read_bytes()
    with file.open("rb+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert len(ask()) == 3137
    assert len(builds) == 2
    assert "cannot be read" in caplog.text
    assert file.read_bytes() == before
    ask()
    assert len(builds) == 2


@pytest.mark.parametrize("problem", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_an_unreadable_file_is_left_alone(kept, monkeypatch, caplog, problem):
    file, ask, builds = kept
    before = file.read_bytes()

    def refuse(*_):
        raise problem

    monkeypatch.setattr("h5py.File", refuse)
    assert len(ask()) == 3137
    assert problem.strerror in caplog.text
    assert (len(builds), file.read_bytes()) == (2, before)


@pytest.mark.parametrize("damage", [b"", b"text", "half", "another"])
def test_a_file_that_was_read_and_is_no_corpus_is_replaced(kept, damage, caplog):
    file, ask, _ = kept
    good = file.read_bytes()
    if damage == "another":
        with h5py.File(file, "w") as other:
            other["x"] = 1
    else:
        file.write_bytes(good[: len(good) // 2] if damage == "half" else damage)
    assert len(ask()) == 3137
    assert "replaces its file" in caplog.text
    assert len(load_corpus(file)) == 3137
    assert list(file.parent.iterdir()) == [file]


def test_another_version_of_what_builds_the_particles_is_another_corpus(monkeypatch):
    before = corpus_hash("mlg", COARSE)
    monkeypatch.setattr("ase.__version__", "0.0")
    assert corpus_hash("mlg", COARSE) != before


def test_other_settings_are_another_corpus():
    published = PRESETS["deepstruc_published"]
    assert corpus_hash("mlg", published) != corpus_hash("mlg", published.replace(biso=0.4))
    assert corpus_hash("mlg", published) != corpus_hash("stacking", published)


def test_a_subset_keeps_rows_together(corpora):
    whole = corpora["deepstruc"]
    order = np.array([5, 3, 5])
    some = whole.subset(order)
    assert len(some) == 3
    np.testing.assert_array_equal(some.pdfs, whole.pdfs[order])
    np.testing.assert_array_equal(some.splits["random"], whole.splits["random"][order])
    assert some.recipe(1) == whole.recipe(3)


def test_an_unknown_name_says_what_there_is(corpora):
    with pytest.raises(ValueError, match="deepstruc, mlg, stacking"):
        corpus("all")
    with pytest.raises(ValueError, match="random, shape"):
        corpora["mlg"].where("time", "test")
    with pytest.raises(ValueError, match="train, validation, test"):
        corpora["mlg"].where("shape", "tests")


def test_apportioning_keeps_the_total_and_starves_nobody():
    assert [apportion(n) for n in (3, 5, 8, 19, 106)] == [[1, 1, 1], [3, 1, 1], [5, 1, 2], [11, 4, 4], [64, 21, 21]]
    assert all(sum(apportion(n)) == n for n in range(200))


def test_shuffling_is_the_same_forever():
    assert shuffled([str(i) for i in range(8)], seed=37) == [0, 4, 2, 1, 3, 5, 7, 6]
    assert shuffled(["a", "b", "c", "d"], seed=1) != shuffled(["a", "b", "c", "d"], seed=2)


def test_parts_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="needs one each"):
        split_keys(["a", "b"], (1, 1, 1))
    with pytest.raises(ValueError, match="needs one each"):
        split_keys(["a", "a", "b"], (1, 1, 1))


def test_recipes_of_one_shape_share_their_part():
    shapes = np.array([0, 1, 1, 2, 0, 3])
    parts = split_by_shape(shapes, ["f"] * 6, list("abcdef"))
    assert parts[0] == parts[4]
    assert parts[1] == parts[2]
