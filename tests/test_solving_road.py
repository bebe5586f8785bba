"""One road for whatever proposes structures: refined against the PDF, named, freed of duplicates, ranked."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from constant_model import store_constant_model

from deepstruc_lib.files import PDF
from deepstruc_lib.models.contract import Answer, Proposal
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PRESETS, PDFSettings, simulate
from deepstruc_lib.solving import methods, solve
from deepstruc_lib.solving.results import write_solutions
from deepstruc_lib.solving.tables import solutions_table

TRUTH, OTHER = Recipe("FCC", (2, 3, 3)), Recipe("FCC", (2, 2, 2))
SETTINGS = PRESETS["mlg"].replace(rstep=0.05)


def simulated(settings: PDFSettings = SETTINGS, bond: float = 2.9) -> PDF:
    g = 0.5 * simulate(torch.tensor(TRUTH.positions(bond)), settings).numpy()
    return PDF(r=settings.r, g=g, composition="Au", qmin=settings.qmin, qmax=settings.qmax, qdamp=settings.qdamp)


@pytest.fixture
def folder(tmp_path):
    """A model that answers with the true particle, 2 % too small."""
    store_constant_model(tmp_path / "mine", 0.98 * TRUTH.positions(2.9))
    return str(tmp_path / "mine")


class Says:
    """A proposer of some kind that nobody has thought of yet."""

    name = "oracle"

    def __init__(self, *particles: np.ndarray, unlike: tuple[str, ...] = ()) -> None:
        proposals = tuple(Proposal(positions, f"oracle:{place}") for place, positions in enumerate(particles, 1))
        self.answer = Answer(proposals, unlike=unlike)

    def propose(self, pdfs, *, samples=0, seed=0):
        return [self.answer for _ in pdfs]


@pytest.fixture
def ask(monkeypatch, folder):
    """Solves with a proposer that answers with some particles."""

    def run(*particles, unlike=(), **options):
        monkeypatch.setattr("deepstruc_lib.models.load_model", lambda name: Says(*particles, unlike=unlike))
        return solve(simulated(), method=folder, **options)

    return run


def test_a_trained_folder_is_a_method_and_its_proposal_is_refined_to_the_truth_and_named(folder):
    solutions = solve(simulated(), method=folder)
    best = solutions[0]
    assert solutions.complete
    assert (best.source, best.family, best.motif, best.n_atoms) == ("mine:mean", "FCC", "fcc", 43)
    assert best.stretch == pytest.approx(1 / 0.98, rel=1e-4)
    assert best.bond_length == pytest.approx(2.9, rel=1e-4)
    assert best.fit.scale == pytest.approx(0.5, rel=1e-3)
    assert best.rw < 1e-3


def test_samples_that_are_one_structure_are_one_solution(folder):
    assert len(solve(simulated(), method=folder, samples=5)) == 1


def test_many_answers_that_are_one_leave_room_for_the_others(ask):
    """Duplicates are found after the refinement: more structures than places must go through it."""
    generator = np.random.default_rng(0)
    alike = [TRUTH.positions(2.9) + generator.normal(scale=0.01, size=(43, 3)) for _ in range(6)]
    others = [OTHER.positions(2.9), Recipe("Icosahedron", (3,)).positions(2.9)]
    solutions = ask(*alike, *others, top=3)
    assert solutions[0].n_atoms == 43
    assert sorted(one.n_atoms for one in solutions) == [19, 43, 55]


def test_solutions_are_ranked_and_what_has_no_name_gets_none(ask, tmp_path):
    incomplete = TRUTH.positions(2.9)[1:]
    heap = np.random.default_rng(1).normal(scale=6.0, size=(30, 3))
    alone = [np.linalg.norm(heap[:place] - one, axis=1).min(initial=9.0) > 2.4 for place, one in enumerate(heap)]
    heap = heap[alone]
    solutions = ask(OTHER.positions(2.9), heap, incomplete, TRUTH.positions(2.9), OTHER.positions(3.0), top=9)
    assert [one.rank for one in solutions] == list(range(1, len(solutions) + 1))
    assert [one.rw for one in solutions] == sorted(one.rw for one in solutions)
    found = {one.source: (one.family, one.motif) for one in solutions}
    assert solutions[0].source == "oracle:4"
    assert found["oracle:4"] == ("FCC", "fcc")
    assert found["oracle:2"] == (None, None)
    assert found["oracle:3"] == (None, "fcc")  # packed as fcc, of no known shape
    assert found["oracle:1"] == ("Octahedron", "fcc")  # the 19 fcc atoms are one
    assert "oracle:5" not in found  # the same at another size
    written = write_solutions(tmp_path / "out", solutions, simulated())
    assert written[0].file is not None
    assert written[0].file.endswith("1_FCC_43.xyz")
    assert any("unnamed" in (one.file or "") for one in written)
    assert "–" in solutions_table(solutions)
    assert len(ask(OTHER.positions(2.9), TRUTH.positions(2.9), top=1)) == 1


def test_what_the_proposer_says_of_the_pdf_is_passed_on(ask, caplog):
    with caplog.at_level(logging.WARNING):
        ask(TRUTH.positions(2.9), unlike=("the PDF is of another planet",))
    assert "oracle: the PDF is of another planet" in caplog.text


def test_a_proposer_without_an_answer_is_said_to_be_one(ask):
    with pytest.raises(ValueError, match="oracle proposes no particle"):
        ask()


def test_everything_asked_for_is_refined(ask):
    particles = [Recipe("FCC", (2, 3, 3)).positions(bond) for bond in (2.7, 2.9)]
    particles += [Recipe("Icosahedron", (shells,)).positions(2.9) for shells in (2, 3)]
    some = ask(*particles, top=2)
    every = ask(*particles, top=9, everything=True)
    assert [one.source for one in every][:2] == [one.source for one in some]
    assert [one.rw for one in every][:2] == pytest.approx([one.rw for one in some], abs=1e-6)
    assert len(every) == 3


def test_an_interrupted_run_keeps_what_it_has(ask, caplog):
    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with caplog.at_level(logging.WARNING):
        solutions = ask(OTHER.positions(2.9), TRUTH.positions(2.9), progress=stop, everything=True)
    assert not solutions.complete
    assert solutions
    assert "interrupted" in caplog.text


def test_methods_are_the_built_in_ones_and_the_released_models():
    from deepstruc_lib.models import released_models

    assert list(methods()) == ["auto", "library", *released_models()]
    with pytest.raises(ValueError, match=r"magic.*library.*mlg-linear"):
        solve(simulated(), method="magic")


def test_what_cannot_be_solved_is_refused(folder):
    with pytest.raises(ValueError, match="Q range"):
        solve(replace(simulated(), qmin=None), method=folder)
    with pytest.raises(ValueError, match="top 0"):
        solve(simulated(), method=folder, top=0)
    with pytest.raises(ValueError, match="element"):
        solve(replace(simulated(), composition=None), method=folder)
