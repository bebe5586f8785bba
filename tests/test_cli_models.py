"""The commands on models: JSON alone on stdout, 2 for bad input, 130 after Ctrl-C with a training that goes on."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from constant_model import SMALL, store_constant_model
from test_cli import deepstruc  # noqa: F401

from deepstruc_lib import models
from deepstruc_lib.files import PDF, write_gr
from deepstruc_lib.models import Plan, TrainingConfig, load_model, released
from deepstruc_lib.particles import Recipe, shape_library
from deepstruc_lib.scattering import PRESETS, simulate
from deepstruc_lib.solving import evaluate, evaluation_part, shapes

TRUTH = Recipe("FCC", (2, 3, 3))
EPOCHS = 6
FIGURES = ["model", "corpus", "split", "n", "exact_n", "solved", "family", "mae_median", "mae_mean", "rw_median", "r_p"]
FIGURES += ["pearson", "seconds_per_pdf"]


class FewEntries(Plan):
    """A plan on a handful of entries, so that an epoch takes milliseconds."""

    def part(self, name):
        whole = super().part(name)
        return whole.subset(np.arange(0, len(whole), max(1, len(whole) // 8)))


@pytest.fixture
def plans(monkeypatch):
    """Two models that train in a second, checkpointed after every epoch."""
    training = TrainingConfig(batch_size=4, learning_rate=1e-3, epochs=EPOCHS, patience=EPOCHS, schedule="cosine")
    plan = FewEntries(SMALL, training)
    monkeypatch.setattr(models, "PLANS", {"mlg-cvae": plan, "mlg-cvae-without-19": replace(plan, without=19)})
    monkeypatch.setitem(models.train.__kwdefaults__, "checkpoint_seconds", 0)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A released mlg-cvae that answers with one particle of the test part."""
    monkeypatch.setattr(released, "RELEASED", tmp_path / "weights")
    part = evaluation_part("mlg", "random")
    sizes = np.where(part.n_atoms == 43, part.bond_lengths, 0)
    positions = part.positions[np.abs(sizes - 2.8).argmin(), :43].astype(float)
    metrics = {"split": "random", "exact_n": 1.0, "r_p": 0.0125, "pearson": 0.99, "mae_median": None}
    store_constant_model(tmp_path / "weights" / "mlg-cvae", positions, metrics=metrics)
    return tmp_path / "weights"


@pytest.fixture
def gr(tmp_path):
    settings = PRESETS["mlg"]
    g = simulate(torch.tensor(TRUTH.positions(2.8)), settings).numpy()
    write_gr(tmp_path / "my.gr", PDF(r=settings.r, g=g, qmin=0, qmax=30, qdamp=0.04, composition="Au"))
    return tmp_path / "my.gr"


def test_models_are_listed_with_their_cards(deepstruc, weights):  # noqa: F811
    code, out, err = deepstruc("models", "--json")
    cards = json.loads(out)
    assert (code, err, list(cards)) == (0, "", ["mlg-cvae"])
    assert {"model", "training", "corpus", "seed", "minutes", "metrics"} <= set(cards["mlg-cvae"])
    code, out, _ = deepstruc("models")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("mlg-cvae "))
    assert row.split() == ["mlg-cvae", "random", "1.0000", "–", "0.0125", "0.9900", "0.0"]
    assert "deepstruc train mlg-dae" in out


def test_no_released_model_is_an_empty_list(deepstruc, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(released, "RELEASED", tmp_path)
    assert json.loads(deepstruc("models", "--json")[1]) == {}


def test_evaluate_keeps_its_contract(deepstruc, weights):  # noqa: F811
    code, out, _ = deepstruc("evaluate", "mlg-cvae", "--json")
    report = json.loads(out)
    assert code == 0
    assert set(FIGURES) <= set(report)
    assert (report["model"], report["corpus"], report["split"], report["n"]) == ("mlg-cvae", "mlg", "random", 137)
    assert 0 < report["solved"] <= report["exact_n"] < 0.5
    assert report["mae_median"] is None
    code, out, _ = deepstruc("evaluate", weights / "mlg-cvae", "--corpus", "mlg")
    assert code == 0
    lines = dict(line.split()[:2] for line in out.splitlines()[1:])
    assert lines["mae_median"] == "–"
    assert lines["exact_n"] == f"{report['exact_n']:.1%}"


def test_the_library_is_evaluated_on_a_corpus(deepstruc, monkeypatch):  # noqa: F811
    part = evaluation_part("mlg", "shape")
    few = part.subset(np.flatnonzero(part.n_atoms == 19)[:2])
    monkeypatch.setattr(evaluate, "evaluation_part", lambda name, split: few)
    small = tuple(recipe for recipe in shape_library("deepstruc") if recipe.n_atoms in (18, 19, 20))
    monkeypatch.setattr(evaluate, "shapes", lambda name: shapes(small))
    code, out, _ = deepstruc("evaluate", "library", "--corpus", "mlg", "--json")
    report = json.loads(out)
    assert (code, report["model"], report["n"], report["solved"], report["family"]) == (0, "library", 2, 1, 1)


def test_train_stores_a_tested_model_that_evaluates_to_its_card(deepstruc, plans, tmp_path):  # noqa: F811
    folder = tmp_path / "mine"
    code, out, err = deepstruc("train", "mlg-cvae", "--device", "cpu", "-o", folder, "--json")
    summary = json.loads(out)
    assert code == 0
    assert "epoch" in err
    names = {"checkpoint.pt", "history.csv", "weights.safetensors", "card.json"}
    assert {path.name for path in folder.iterdir()} == names
    card = load_model(folder).card
    assert card["metrics"] == summary
    assert (card["command"], card["seed"]) == ("deepstruc train mlg-cvae --device cpu", 0)
    assert (card["device"], card["threads"], card["epochs"]) == ("cpu", torch.get_num_threads(), EPOCHS)
    again = json.loads(deepstruc("evaluate", folder, "--json")[1])
    assert again | {"seconds_per_pdf": 0} == summary | {"seconds_per_pdf": 0}
    code, out, err = deepstruc("train", "mlg-cvae", "-o", folder)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "resume" in err


def test_another_seed_is_another_training_and_stands_in_the_card(deepstruc, plans, tmp_path):  # noqa: F811
    for seed in (0, 1):
        assert deepstruc("train", "mlg-cvae", "--device", "cpu", "--seed", seed, "-o", tmp_path / f"{seed}")[0] == 0
    one, other = (load_model(tmp_path / f"{seed}") for seed in (0, 1))
    assert (other.card["seed"], other.card["command"]) == (1, "deepstruc train mlg-cvae --device cpu --seed 1")
    assert not one.network.decode_rows[0].weight.equal(other.network.decode_rows[0].weight)
    code, _, err = deepstruc("train", "mlg-cvae", "--device", "cpu", "--resume", "-o", tmp_path / "1")
    assert code == 2
    assert "'seed': 1" in err


def test_a_model_without_a_shape_is_tested_on_it(deepstruc, plans, tmp_path):  # noqa: F811
    code, out, _ = deepstruc("train", "mlg-cvae-without-19", "--device", "cpu", "-o", tmp_path / "w", "--json")
    report = json.loads(out)
    assert (code, report["split"], report["n"]) == (0, "shape", 190)


def test_ctrl_c_leaves_a_checkpoint_and_weights_from_which_it_goes_on(deepstruc, plans, tmp_path, monkeypatch):  # noqa: F811
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    forward = models.ConditionalAutoencoder.forward
    calls = []

    def pressed(self, *arguments):
        calls.append(1)
        if len(calls) == 11:  # in the third epoch or later: it has three or four batches
            raise KeyboardInterrupt  # what Python makes of Ctrl-C, unless the shell has it ignore the signal
        return forward(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(models.ConditionalAutoencoder, "forward", pressed)
        code, out, err = deepstruc("train", "mlg-cvae", "--device", "cpu", "-o", cut)
    assert (code, out) == (130, "")
    assert "--resume goes on from the last checkpoint" in err
    assert 0 < load_model(cut).card["epochs"] < EPOCHS
    assert deepstruc("train", "mlg-cvae", "--device", "cpu", "--resume", "-o", cut)[0] == 0
    assert deepstruc("train", "mlg-cvae", "--device", "cpu", "-o", whole)[0] == 0
    resumed, uninterrupted = (load_model(folder).network.state_dict() for folder in (cut, whole))
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)
    assert (cut / "history.csv").read_text().count("\n") == EPOCHS + 1


def test_solve_by_a_network_keeps_the_contract(deepstruc, weights, gr, tmp_path):  # noqa: F811
    code, out, err = deepstruc("solve", gr, "--method", "mlg-cvae", "--json", "-o", tmp_path / "found")
    report = json.loads(out)
    assert code == 0
    assert "taking Au" in err
    assert set(report) == {"input", "method", "seconds", "rw_range", "complete", "solutions"}
    assert (report["method"], report["complete"]) == ("mlg-cvae", True)
    keys = ["rank", "family", "motif", "n_atoms", "rw", "stretch", "bond_length", "scale", "biso", "delta2"]
    best = report["solutions"][0]
    assert list(best) == [*keys, "source", "file"]
    assert (best["source"], best["family"], best["n_atoms"]) == ("mlg-cvae:mean", "FCC", 43)
    assert best["rw"] < 0.01
    assert (tmp_path / "found" / "1_FCC_43.xyz").exists()


def test_bad_input_is_one_line_and_exit_code_2(deepstruc, plans, weights, gr, tmp_path):  # noqa: F811
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
        ("evaluate", "mlg-cvae", "--split", "shape"),
        ("solve", gr, "--method", "mlg-cvae", "--cluster", "tcp://localhost:1"),
        ("solve", gr, "--method", "graph-cvae"),
    ):
        code, out, err = deepstruc(*arguments)
        assert (code, out, err.splitlines()[1:]) == (2, "", []), arguments
    (weights / "mlg-cvae" / "card.json").unlink()
    code, out, err = deepstruc("solve", gr, "--method", "mlg-cvae", "--element", "Au")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "mlg-cvae" in err
