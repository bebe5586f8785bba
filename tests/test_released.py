"""The weights that come with the library are what their cards say."""

import json

import pytest
import torch

from deepstruc_lib.corpora import corpus_hash
from deepstruc_lib.models import PLANS, load_model, released_models
from deepstruc_lib.models.mlg.plans import CORPUS, SETTINGS
from deepstruc_lib.models.released import CARD, HISTORY, RELEASED, WEIGHTS
from deepstruc_lib.solving import evaluate_model

# Rounding differs between machines and numbers of threads; polished positions follow it.
CLOSE = {"rel": 0.02, "abs": 1e-6}
# Shares of structures, of which one may lie at the border, and correlations near 1.
SHARES = {"exact_n": 0.01, "solved": 0.01, "pearson": 1e-4, "pearson_std": 1e-4}


def reproduces(name: str) -> None:
    card = load_model(name).card
    found = evaluate_model(name, card["metrics"]["split"]).summary()
    for figure, value in card["metrics"].items():
        if figure != "seconds_per_pdf":
            close = {"abs": SHARES[figure]} if figure in SHARES else CLOSE
            assert found[figure] == (pytest.approx(value, **close) if isinstance(value, float) else value), figure


def test_every_planned_model_is_released():
    assert set(released_models()) == set(PLANS)
    for name in PLANS:
        assert {path.name for path in (RELEASED / name).iterdir()} == {CARD, HISTORY, WEIGHTS}
        assert (RELEASED / name / WEIGHTS).stat().st_size < 4e6


@pytest.mark.parametrize("name", PLANS)
def test_a_card_tells_how_to_make_the_model_again(name):
    model, plan = load_model(name), PLANS[name]
    assert model.plan.training == plan.training
    assert (model.plan.without, model.plan.varied) == (plan.without, plan.varied)
    # The hash of what was asked for, then that of the code that made it.
    assert model.card["corpus_hash"].partition("-")[0] == corpus_hash(CORPUS, SETTINGS).partition("-")[0]
    assert {**model.card["model"], "rank": 0} == {**json.loads(json.dumps(plan.model.as_dict())), "rank": 0}
    assert model.card["command"].startswith(f"deepstruc train {name}")
    assert {"seed", "device", "minutes", "versions", "metrics"} <= set(model.card)
    rows = (RELEASED / name / HISTORY).read_text().splitlines()
    assert len(rows) == 1 + model.card["epochs"]


@pytest.mark.parametrize("name", ["mlg-cvae", "mlg-dae", "mlg-cvae-pdf"])
def test_the_best_were_trained_with_other_seeds_too(name):
    card = load_model(name).card
    assert set(card["repeats"]) == {"1", "2"}
    for metrics in card["repeats"].values():
        assert set(metrics) - {"valid_between"} == set(card["metrics"])
        assert ("valid_between" in metrics) == (name != "mlg-cvae-pdf")
        assert metrics["r_p"] != card["metrics"]["r_p"]
        assert (metrics["n"], metrics["split"]) == (card["metrics"]["n"], "random")


def test_the_best_weights_reproduce_their_card():
    reproduces("mlg-cvae")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PLANS if name != "mlg-cvae"])
def test_all_weights_reproduce_their_cards(name):
    reproduces(name)


def test_stored_weights_are_finite_and_the_satellites_those_of_the_library():
    from deepstruc_lib.geometry import satellites

    for name in released_models():
        network = load_model(name).network
        assert all(value.isfinite().all() for value in network.state_dict().values())
        points = torch.tensor(satellites(network.config.n_satellites), dtype=torch.float32)
        torch.testing.assert_close(network.get_buffer("satellites"), points, atol=1e-5, rtol=0)
