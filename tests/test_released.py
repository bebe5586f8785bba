"""The weights that come with the library are what their cards say; a card that is damaged or unknown is refused."""

import json
import shutil
import tracemalloc
from dataclasses import replace

import pytest
import torch

from deepstruc_lib.corpora import corpus_hash
from deepstruc_lib.models import EXPERIMENTS, Card, Reads, load_model, released_models
from deepstruc_lib.models.cards import CARD, read_card, write_card
from deepstruc_lib.models.mlg.experiments import EXPERIMENTS as MLG
from deepstruc_lib.models.mlg.experiments import SETTINGS
from deepstruc_lib.models.records import EVALUATIONS, WEIGHTS, Record, weights_digest, write_record
from deepstruc_lib.models.released import RELEASED
from deepstruc_lib.models.training.checkpoint import HISTORY
from deepstruc_lib.models.update import update


@pytest.fixture
def copy(tmp_path):
    """A copy of a released model, to be damaged."""
    return shutil.copytree(RELEASED / "mlg-dae", tmp_path / "mine")


def rewrite(folder, **changes):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | changes))


def test_every_experiment_is_released():
    assert set(released_models()) == set(EXPERIMENTS)
    for name in EXPERIMENTS:
        assert (RELEASED / name / WEIGHTS).stat().st_size < 4e6


@pytest.mark.parametrize("name", released_models())
def test_a_card_tells_how_to_make_the_model_again(name):
    card, experiment = read_card(RELEASED / name), EXPERIMENTS[name]
    assert (card.kind, card.held_out) == (experiment.kind, experiment.held_out)
    assert card.command.startswith(f"deepstruc train {name}")
    assert card.versions["deepstruc_lib"]
    assert card.minutes > 0


@pytest.mark.parametrize("name", MLG)
def test_a_card_of_a_network_tells_how_it_was_built_and_trained(name):
    card, experiment = read_card(RELEASED / name), MLG[name]
    assert card.training == experiment.training.as_dict() | {"varied": experiment.varied}
    # The hash of what was asked for, then that of the code that made it.
    assert card.corpus_hash.partition("-")[0] == corpus_hash(card.corpus, SETTINGS).partition("-")[0]
    assert {**card.model, "rank": 0} == {**json.loads(json.dumps(experiment.model.as_dict())), "rank": 0}
    rows = (RELEASED / name / HISTORY).read_text().splitlines()
    assert len(rows) == 1 + card.outcome["epochs"]


@pytest.mark.parametrize("name", released_models())
def test_every_figure_of_a_card_was_written_by_a_command_from_these_weights(name):
    card = read_card(RELEASED / name)
    assert card.metrics is not None
    for record in card.evaluations:
        assert record.command.startswith(("deepstruc evaluate ", "deepstruc train "))
        assert record.trained_by.startswith(f"deepstruc train {name}")
        assert (record.weights == weights_digest(RELEASED / name)) == (record.seed == card.seed)
        assert record.figures["split"] == record.split
        assert record.commit


def test_stored_weights_are_finite_and_the_satellites_those_of_the_library():
    from deepstruc_lib.geometry import satellites

    for name in MLG:
        network = load_model(name).network
        assert all(value.isfinite().all() for value in network.state_dict().values())
        assert all(value.dtype == torch.float32 for value in network.state_dict().values())
        points = torch.tensor(satellites(network.config.n_satellites), dtype=torch.float32)
        torch.testing.assert_close(network.get_buffer("satellites"), points, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", released_models())
def test_a_card_comes_back_as_it_was_written(name, tmp_path):
    card = read_card(RELEASED / name)
    write_card(tmp_path, card)
    assert (tmp_path / CARD).read_text() == (RELEASED / name / CARD).read_text()
    assert read_card(tmp_path) == replace(card, evaluations=())


def test_figures_are_those_of_their_own_seed(copy):
    shutil.rmtree(copy / EVALUATIONS)
    assert read_card(copy).metrics is None
    for seed, r_p in ((2, 0.2), (0, 0.0), (1, 0.1)):
        walks = {"valid_between": r_p} if seed else None
        write_record(copy, Record("mine", "random", seed, {"r_p": r_p}, walks=walks, command="deepstruc evaluate"))
    write_record(copy, Record("mine", "shape", 0, {"r_p": 9.0}, command="deepstruc evaluate"))
    card = read_card(copy)
    assert card.metrics == {"r_p": 0.0}
    assert card.by_seed() == {0: {"r_p": 0.0}, 1: {"r_p": 0.1}, 2: {"r_p": 0.2}}
    assert card.walks_by_seed() == {1: {"valid_between": 0.1}, 2: {"valid_between": 0.2}}
    with pytest.raises(ValueError, match="without the command"):
        Record("mine", "random", 0, {"r_p": 0.0})


OLD = {
    "without": 43,
    "varied": 3,
    "corpus": "mlg",
    "corpus_hash": "a0e54cd21131-aae22b184a4e",
    "split": "random",
    "seed": 4,
    "epochs": 7,
    "best_epoch": 6,
    "validation_loss": 0.5,
    "minutes": 1.5,
    "versions": {"deepstruc_lib": "0.1.0"},
    "device": "cpu",
    "command": "deepstruc train mine",
    "metrics": {"split": "shape", "exact_n": 0.25},
    "repeats": {"1": {"exact_n": 1.0}},
}


def test_a_card_of_the_first_format_is_brought_up_to_date(copy):
    shutil.rmtree(copy / EVALUATIONS)
    new = json.loads((copy / CARD).read_text())
    training = {key: value for key, value in new["training"].items() if key not in ("varied", "optimizer")}
    (copy / CARD).write_text(json.dumps(OLD | {"model": new["model"], "training": training}))
    card = load_model(copy).card
    assert (card.kind, card.held_out, card.own_split, card.seed) == ("mlg", ("FCC(2,3,3)",), "shape", 4)
    assert card.reads.conditions["qmax"] == (20, 30)
    assert card.outcome == {"epochs": 7, "best_epoch": 6, "validation_loss": 0.5}
    # Figures that training wrote stay; what was typed in beside them does not.
    assert card.metrics == {"split": "shape", "exact_n": 0.25}
    assert [record.command for record in card.evaluations] == ["deepstruc train mine"]
    update(copy)
    assert json.loads((copy / CARD).read_text())["format"] == 2
    assert read_card(copy) == card
    assert load_model(copy).card.metrics == card.metrics


def test_unknown_formats_and_kinds_are_refused_by_name(copy):
    rewrite(copy, format=3)
    with pytest.raises(ValueError, match="format 3: needs one of 1, 2"):
        load_model(copy)
    rewrite(copy, format=2, kind="oracle")
    with pytest.raises(ValueError, match="kind 'oracle': needs one of linear, mlg"):
        load_model(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"reads": {}},
        {"reads": None},
        {"split": 3},
        {"model": []},
        {"model": {"kind": "vae"}},
        {"model": {"depth": 3}},
        {"surprise": 1},
    ],
)
def test_a_damaged_card_is_refused_in_one_line(copy, changes):
    rewrite(copy, **changes)
    with pytest.raises(ValueError, match="damaged card") as refusal:
        load_model(copy)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "3"])
def test_what_is_no_card_is_refused(copy, text):
    (copy / CARD).write_text(text)
    with pytest.raises(ValueError, match="damaged card"):
        load_model(copy)


@pytest.mark.parametrize(
    "sizes",
    [
        {"prior": [10_000_000, 10_000_000]},
        {"prior": [10**30]},
        {"n_satellites": 10_000_000},
        {"n_atoms": 100_000_000},
        {"decoder": [64] * 1_000_000},
        {"prior": [-1]},
        {"prior": ["many"]},
        {"latent": 3},
        {"rank": 5},
    ],
)
def test_a_card_cannot_take_the_memory(copy, sizes):
    card = json.loads((copy / CARD).read_text())
    rewrite(copy, model=card["model"] | sizes)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"damaged|needs") as refusal:
            load_model(copy)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500
    assert peak < 100e6


def test_damaged_weights_are_refused_in_one_line(copy):
    whole = (copy / WEIGHTS).read_bytes()
    for damaged in (b"", whole[:1000], whole[: len(whole) // 2], b"not one at all", b"\xff" * 1000):
        (copy / WEIGHTS).write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged") as refusal:
            load_model(copy)
        assert "\n" not in str(refusal.value)
    (copy / WEIGHTS).unlink()
    with pytest.raises(ValueError, match="damaged"):
        load_model(copy)


def test_what_a_model_reads_is_checked():
    conditions = {"qmin": (0.0, 1.0), "qmax": (20.0, 30.0)}
    for wrong in (
        {"rmin": 3.0, "rmax": 2.0},
        {"rstep": 0.0},
        {"conditions": {"qmin": (0, 1)}},
        {"conditions": conditions | {"qmin": (1, 0)}},
        {"normalisation": "sum"},
    ):
        with pytest.raises(ValueError, match="needs"):
            Reads(**({"rmin": 0.0, "rmax": 30.0, "rstep": 0.1, "conditions": conditions} | wrong))
    with pytest.raises(ValueError, match="format 9"):
        Card("mlg", "mlg", "", "random", Reads(0.0, 30.0, 0.1, conditions), format=9)


def test_a_model_that_needs_no_torch_does_not_wait_for_it():
    import subprocess
    import sys

    code = "import sys; from deepstruc_lib.models import load_model, released_models; released_models(); "
    code += "from deepstruc_lib.models.cards import read_card; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
