"""A network's proposals are refined against the measured PDF, named where known, and never break the search."""

import logging

import numpy as np
import pytest
import torch
from constant_model import store_constant_model

from deepstruc_lib.files import PDF
from deepstruc_lib.models import Structures, load_model, released
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PRESETS, PDFSettings, simulate
from deepstruc_lib.solving import propose, shapes, solve
from deepstruc_lib.solving.results import write_solutions
from deepstruc_lib.solving.tables import solutions_table

TRUTH, OTHER = Recipe("FCC", (2, 3, 3)), Recipe("FCC", (2, 2, 2))
SETTINGS = PRESETS["mlg"].replace(rstep=0.05)


def simulated(settings: PDFSettings = SETTINGS, bond: float = 2.9) -> PDF:
    g = 0.5 * simulate(torch.tensor(TRUTH.positions(bond)), settings).numpy()
    ranges = {"qmin": settings.qmin, "qmax": settings.qmax, "qdamp": settings.qdamp}
    return PDF(r=settings.r, g=g, composition="Au", **ranges)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Weights of an mlg-cvae that answers with the true particle, 2 % too small."""
    monkeypatch.setattr(released, "RELEASED", tmp_path)
    store_constant_model(tmp_path / "mlg-cvae", 0.98 * TRUTH.positions(2.9))
    return tmp_path


def answers(monkeypatch, *particles):
    """Lets the network answer with these: the first at the mean, all of them in turn as samples."""

    def generate(network, pdf, generator=None):
        chosen = [torch.tensor(particles[index % len(particles)]) for index in range(len(pdf))]
        padded = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
        sizes = torch.tensor([len(positions) for positions in chosen])
        return Structures(padded, torch.arange(padded.shape[1]) < sizes[:, None], torch.zeros(len(pdf), 2))

    monkeypatch.setattr(propose, "generate", generate)


def test_a_proposal_is_refined_to_the_truth_and_named(weights, caplog):
    reported = []
    with caplog.at_level(logging.WARNING):
        solutions = solve(simulated(), method="mlg-cvae", progress=lambda *counts: reported.append(counts))
    assert caplog.text == ""
    assert reported == [(1, 1)]  # twenty samples of one shape are one proposal
    best = solutions[0]
    assert solutions.complete
    assert (best.source, best.family, best.motif, best.n_atoms) == ("mlg-cvae:mean", "FCC", "fcc", 43)
    assert best.stretch == pytest.approx(1 / 0.98, rel=1e-4)
    assert best.bond_length == pytest.approx(2.9, rel=1e-4)
    assert best.fit.scale == pytest.approx(0.5, rel=1e-3)
    assert best.rw < 1e-3


def test_solutions_are_ranked_and_the_unknown_is_called_so(weights, monkeypatch, tmp_path):
    distorted = TRUTH.positions(2.9) * [1.0, 1.0, 1.08]
    answers(monkeypatch, OTHER.positions(2.9), distorted, TRUTH.positions(2.9), OTHER.positions(3.0))
    pdf = simulated()
    solutions = solve(pdf, method="mlg-cvae", samples=8, top=2)
    assert [(s.rank, s.family, s.source) for s in solutions] == [
        (1, "FCC", "mlg-cvae:sample 3"),
        (2, "Generated", "mlg-cvae:sample 2"),
    ]
    assert solutions[1].motif == "unclassified"
    assert solutions[0].rw < solutions[1].rw
    every = solve(pdf, method="mlg-cvae", samples=8, top=9)
    assert [s.source for s in every][-1] == "mlg-cvae:mean"
    assert every[-1].family == "Octahedron"  # the 19 fcc atoms are one
    written = write_solutions(tmp_path / "out", solutions, pdf)
    assert written[1].file.endswith("2_Generated_43.xyz")
    assert "unclassified" in solutions_table(solutions)


def test_atoms_on_top_of_each_other_are_left_out_and_said(weights, monkeypatch, caplog):
    merged = TRUTH.positions(2.9).copy()
    merged[1] = merged[0]
    near = TRUTH.positions(2.9).copy()
    near[1] = near[0] + 1e-7
    answers(monkeypatch, merged, near, TRUTH.positions(2.9))
    with caplog.at_level(logging.WARNING):
        solutions = solve(simulated(), method="mlg-cvae", samples=3)
    assert [s.source for s in solutions] == ["mlg-cvae:sample 3"]
    assert "in 3 of 4 proposals atoms lie on top of each other" in caplog.text
    answers(monkeypatch, merged)
    with pytest.raises(ValueError, match="proposes no particle"):
        solve(simulated(), method="mlg-cvae")


def test_the_network_reads_the_pdf_on_its_own_grid(caplog):
    expected = simulated(PRESETS["mlg"]).g
    with caplog.at_level(logging.WARNING):
        for rstep in (0.1, 0.02, 0.07):
            read = propose.on_grid(simulated(SETTINGS.replace(rstep=rstep)), PRESETS["mlg"])
            np.testing.assert_allclose(read[:-1], expected[:-1], atol=3e-3 * expected.max())
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING):
        read = propose.on_grid(simulated(SETTINGS.replace(rmin=1, rmax=20, qmin=1, qmax=25)), PRESETS["mlg"])
    assert "reaches from 1 to 19.95 Å" in caplog.text
    assert "Q from 1 to 25" in caplog.text
    r = PRESETS["mlg"].r
    assert not read[(r < 0.99) | (r > 19.99)].any()
    assert np.abs(read[(r > 1) & (r < 19.9)]).min() > 0


def test_samples_are_those_of_their_seed(weights, monkeypatch):
    monkeypatch.setattr(propose, "SAME_SHAPE", 0.0)
    model = load_model("mlg-cvae")
    with torch.no_grad():
        model.network.decode_rows[-1].weight.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    g = propose.on_grid(simulated(), PRESETS["mlg"])
    first, again, other = (propose.proposals(model, g, 6, seed) for seed in (1, 1, 2))
    assert len(first) == 7
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.positions, two.positions)
    assert first[0].source == "mlg-cvae:mean"
    np.testing.assert_array_equal(first[0].positions, other[0].positions)
    assert propose.shape_difference(first[-1].positions, other[-1].positions) > 0
    with pytest.raises(ValueError, match="samples -1"):
        propose.proposals(model, g, -1, 0)


def test_a_shape_is_known_by_its_distances_at_any_scale():
    library = shapes("deepstruc")
    rng = np.random.default_rng(3)
    for shape in library[::20]:
        positions = shape.positions(2.7)
        noisy = positions + rng.normal(scale=0.01, size=positions.shape)
        assert propose.known_shape(noisy, library).recipe == shape.recipe
    assert propose.known_shape(rng.normal(size=(43, 3)), library) is None
    assert propose.known_shape(TRUTH.positions(2.9)[1:], library) is None


def test_an_interrupted_refinement_keeps_what_it_has(weights, monkeypatch, caplog):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    answers(monkeypatch, OTHER.positions(2.9), TRUTH.positions(2.9), Recipe("FCC", (2, 4, 4)).positions(2.9))
    with caplog.at_level(logging.WARNING):
        solutions = solve(simulated(), method="mlg-cvae", progress=stop)
    assert not solutions.complete
    assert [s.n_atoms for s in solutions] == [43, 19]
    assert "interrupted after 2 of 3" in caplog.text


def test_what_cannot_be_solved_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(released, "RELEASED", tmp_path)
    with pytest.raises(ValueError, match="mlg-cvae"):
        solve(simulated(), method="mlg-cvae")
    with pytest.raises(ValueError, match="cluster"):
        solve(simulated(), method="mlg-cvae", cluster="tcp://localhost:1")
    pdf = simulated()
    store_constant_model(tmp_path / "mlg-cvae", TRUTH.positions(2.9))
    with pytest.raises(ValueError, match="Q range"):
        solve(PDF(r=pdf.r, g=pdf.g, composition="Au"), method="mlg-cvae")
