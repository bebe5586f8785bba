"""The commands on models: JSON alone on stdout, 2 for bad input, 130 after Ctrl-C with a training that goes on."""

import json

import numpy as np
import pytest
import torch
from constant_model import store_constant_model
from test_cli import deepstruc  # noqa: F401

from deepstruc_lib.cli import model_commands
from deepstruc_lib.files import PDF, write_gr
from deepstruc_lib.models import EXPERIMENTS, ConditionalAutoencoder, load_model, released_models
from deepstruc_lib.models.walks import WALKS
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PRESETS, simulate
from deepstruc_lib.solving import evaluation_part

EPOCHS = 6
FIGURES = ["model", "corpus", "split", "n", "exact_n", "solved", "family", "mae_median", "mae_mean", "rw_median", "r_p"]
FIGURES += ["pearson", "seconds_per_pdf"]


# An experiment on a handful of entries, so that an epoch takes little.
SMALL = ("--epochs", EPOCHS, "--entries", 8)


@pytest.fixture
def weights(tmp_path):
    """A trained model that answers with one particle of the test part."""
    part = evaluation_part("mlg", "random")
    sizes = np.where(part.n_atoms == 43, part.bond_lengths, 0)
    positions = part.positions[np.abs(sizes - 2.8).argmin(), :43].astype(float)
    store_constant_model(tmp_path / "weights" / "constant", positions)
    return tmp_path / "weights"


def test_models_are_listed_with_their_cards(deepstruc):  # noqa: F811
    code, out, err = deepstruc("models", "--json")
    cards = json.loads(out)
    assert (code, err, tuple(cards)) == (0, "", released_models())
    keys = {"kind", "format", "model", "training", "corpus", "held_out", "reads", "seed", "minutes", "metrics"}
    assert all(keys <= set(card) for card in cards.values())
    assert cards["mlg-cvae"]["metrics"] == load_model("mlg-cvae").card.metrics
    code, out, _ = deepstruc("models")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()[1:-1]} == set(cards)


def test_evaluate_keeps_its_contract_and_records_what_it_found(deepstruc, weights):  # noqa: F811
    code, out, _ = deepstruc("evaluate", weights / "constant", "--json", "--record", weights / "constant", "--walks", 0)
    report = json.loads(out)
    assert code == 0
    assert set(FIGURES) <= set(report)
    assert (report["model"], report["corpus"], report["split"], report["n"]) == ("constant", "mlg", "random", 137)
    assert 0 < report["solved"] <= report["exact_n"] < 0.5
    assert report["mae_median"] is None
    (record,) = load_model(weights / "constant").card.evaluations
    assert record.figures == report
    assert record.command == "deepstruc evaluate constant --record constant --walks 0"
    assert str(weights) not in (weights / "constant" / "evaluations" / "random-seed0.json").read_text()
    code, out, _ = deepstruc("evaluate", weights / "constant", "--corpus", "mlg", "--entries", 20)
    assert code == 0
    lines = dict(line.split()[:2] for line in out.splitlines()[1:])
    assert lines["mae_median"] == "–"
    assert lines["exact_n"] == f"{record.subsets['20']['exact_n']:.1%}"


def test_the_library_is_evaluated_on_a_corpus(deepstruc):  # noqa: F811
    code, out, _ = deepstruc("evaluate", "library", "--corpus", "mlg", "--entries", 2, "--json")
    report = json.loads(out)
    assert (code, report["model"], report["n"], report["solved"], report["family"]) == (0, "library", 2, 1, 1)


def test_solve_by_a_network_keeps_the_contract(deepstruc, tmp_path):  # noqa: F811
    settings = PRESETS["mlg"]
    g = simulate(torch.tensor(Recipe("FCC", (2, 3, 3)).positions(2.8)), settings).numpy()
    write_gr(tmp_path / "my.gr", PDF(r=settings.r, g=g, qmin=0, qmax=30, qdamp=0.04, composition="Au"))
    options = ("--method", "mlg-cvae", "--samples", 0, "--json", "-o", tmp_path / "found")
    code, out, err = deepstruc("solve", tmp_path / "my.gr", *options)
    report = json.loads(out)
    assert code == 0
    assert "taking Au" in err
    assert set(report) >= {"input", "method", "seconds", "rw_range", "complete", "solutions"}
    assert (report["method"], report["complete"]) == ("mlg-cvae", True)
    best = report["solutions"][0]
    assert (best["source"], best["family"], best["n_atoms"]) == ("mlg-cvae:mean", "FCC", 43)
    assert best["rw"] < 0.05
    assert (tmp_path / "found" / "1_FCC_43.xyz").exists()


def test_train_stores_a_tested_model_that_evaluates_to_its_record(deepstruc, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("deepstruc_lib.progress.LINE_SECONDS", 0)
    folder = tmp_path / "mine"
    code, out, err = deepstruc("train", "mlg-cvae", "--device", "cpu", *SMALL, "-o", folder, "--json")
    summary = json.loads(out)
    assert code == 0
    assert f"{EPOCHS} of {EPOCHS} epochs" in err
    assert ", best " in err
    names = {"checkpoint.pt", "history.csv", "weights.safetensors", "card.json", "evaluations"}
    assert names <= {path.name for path in folder.iterdir()}
    card = load_model(folder).card
    assert card.metrics == summary
    assert (card.command, card.seed) == (f"deepstruc train mlg-cvae --device cpu --epochs {EPOCHS} --entries 8", 0)
    assert (card.device, card.threads, card.outcome["epochs"]) == ("cpu", torch.get_num_threads(), EPOCHS)
    again = json.loads(deepstruc("evaluate", folder, "--json")[1])
    assert again | {"seconds_per_pdf": 0} == summary | {"seconds_per_pdf": 0}
    code, out, err = deepstruc("train", "mlg-cvae", *SMALL, "-o", folder)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "resume" in err


def test_another_seed_is_another_training_and_stands_in_the_card(tmp_path, deepstruc):  # noqa: F811
    experiment = EXPERIMENTS["mlg-cvae"].changed(seed=1, epochs=1, entries=4)
    experiment.train(tmp_path / "1", device="cpu", progress=False)
    experiment.changed(epochs=1, entries=4).train(tmp_path / "0", device="cpu", progress=False)
    one, other = (load_model(tmp_path / f"{seed}") for seed in (0, 1))
    assert (one.card.seed, other.card.seed) == (0, 1)
    assert not one.network.decode_rows[0].weight.equal(other.network.decode_rows[0].weight)
    code, _, err = deepstruc(
        "train", "mlg-cvae", "--device", "cpu", "--epochs", 1, "--entries", 4, "--resume", "-o", tmp_path / "1"
    )
    assert code == 2
    assert "'seed': 1" in err


def test_a_model_without_a_shape_is_tested_on_it(deepstruc, tmp_path):  # noqa: F811
    few = ("--epochs", 1, "--entries", 4)
    code, out, _ = deepstruc("train", "mlg-cvae-without-19", "--device", "cpu", *few, "-o", tmp_path / "w", "--json")
    report = json.loads(out)
    assert (code, report["split"], report["n"]) == (0, "shape", 190)


def test_ctrl_c_leaves_a_checkpoint_and_weights_from_which_it_goes_on(deepstruc, tmp_path, monkeypatch):  # noqa: F811
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    forward = ConditionalAutoencoder.forward
    calls = []

    def pressed(self, *arguments):
        calls.append(1)
        if len(calls) == 6:  # in the third epoch: each has one batch, and one of validation
            raise KeyboardInterrupt  # what Python makes of Ctrl-C, unless the shell has it ignore the signal
        return forward(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ConditionalAutoencoder, "forward", pressed)
        code, out, err = deepstruc("train", "mlg-cvae", "--device", "cpu", *SMALL, "-o", cut)
    assert (code, out) == (130, "")
    assert f"--resume goes on from {cut}" in err
    assert load_model(cut).card.outcome["epochs"] == 2
    assert deepstruc("train", "mlg-cvae", "--device", "cpu", *SMALL, "--resume", "-o", cut)[0] == 0
    assert deepstruc("train", "mlg-cvae", "--device", "cpu", *SMALL, "-o", whole)[0] == 0
    resumed, uninterrupted = (load_model(folder).network.state_dict() for folder in (cut, whole))
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)
    assert (cut / "history.csv").read_text().count("\n") == EPOCHS + 1


def test_ctrl_c_before_the_first_epoch_says_that_nothing_is_kept(deepstruc, tmp_path, monkeypatch):  # noqa: F811
    def pressed(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(ConditionalAutoencoder, "forward", pressed)
    code, out, err = deepstruc("train", "mlg-cvae", "--device", "cpu", *SMALL, "-o", tmp_path / "cut")
    assert (code, out) == (130, "")
    assert "no epoch was done" in err


def test_bad_input_is_one_line_and_exit_code_2(deepstruc, weights, tmp_path):  # noqa: F811
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "card.json").write_text("{}")
    (tmp_path / "file").write_text("")
    for arguments in (
        ("train",),
        ("train", "mlg-magic"),
        ("train", "mlg-cvae", "--device", "abacus"),
        ("train", "mlg-cvae", "--device", "mps"),
        ("train", "mlg-cvae", "-o", tmp_path / "file"),
        ("evaluate", "mlg-magic"),
        ("evaluate", tmp_path / "damaged"),
        ("evaluate", "library"),
        ("evaluate", "library", "--corpus", "mine"),
        ("evaluate", "mlg-cvae", "--corpus", "deepstruc"),
        ("evaluate", "mlg-cvae", "--split", "train"),
        ("evaluate", weights / "constant", "--split", "shape"),
        ("evaluate", "mlg-cvae", "--entries", "0"),
        ("evaluate", "mlg-cvae", "--entries", "5", "--record", "mlg-cvae"),
        ("evaluate", "mlg-cvae", "--record", tmp_path / "nowhere"),
    ):
        code, out, err = deepstruc(*arguments)
        assert (code, out, err.splitlines()[1:]) == (2, "", []), arguments


def test_a_record_has_as_many_walks_as_models_are_compared_on():
    assert model_commands._WALKS == WALKS
