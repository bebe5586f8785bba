"""A training that was interrupted, however rudely, ends where an uninterrupted one does."""

import csv
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from constant_model import SMALL

from deepstruc_lib.corpora import corpus
from deepstruc_lib.models import (
    ConditionalAutoencoder,
    ParticleDataset,
    Plan,
    TrainingConfig,
    load_model,
    store_model,
    train_plan,
)
from deepstruc_lib.models import train as train_model

CONFIG = TrainingConfig(batch_size=4, learning_rate=1e-3, epochs=12, patience=12, schedule="cosine", warmup=2)


def tables():
    whole = corpus("mlg")
    chosen = (np.arange(0, len(whole), 300), np.arange(150, len(whole), 600))
    return [ParticleDataset(whole.subset(entries), SMALL.n_satellites, SMALL.n_atoms) for entries in chosen]


def trained(folder, config=CONFIG, **options):
    options = {"device": "cpu", "checkpoint_seconds": 0, "progress": False} | options
    return train_model(lambda: ConditionalAutoencoder(SMALL), *tables(), config, folder, **options)


def weights(run):
    return {name: value.clone() for name, value in run.model.state_dict().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def rows(folder):
    path = folder / "history.csv"
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


def epochs(folder):
    return [float(row["epoch"]) for row in rows(folder)]


def without_times(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def test_a_resumed_training_ends_bit_for_bit_where_an_uninterrupted_one_does(tmp_path):
    whole = trained(tmp_path / "whole")

    def stop(run):
        if run.epoch == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        trained(tmp_path / "cut", keep=stop)
    assert epochs(tmp_path / "cut") == [1, 2, 3, 4, 5]
    resumed = trained(tmp_path / "cut", resume=True)
    assert_same(weights(whole), weights(resumed))
    assert_same(whole.best_weights, resumed.best_weights)
    assert without_times(whole.history) == without_times(resumed.history)
    assert (whole.best_epoch, whole.best_loss) == (resumed.best_epoch, resumed.best_loss)
    assert epochs(tmp_path / "cut") == list(range(1, 13))
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_history_has_a_row_for_each_epoch_with_every_term(tmp_path):
    run = trained(tmp_path)
    terms = ["loss", "distances", "radius", "presence", "regularisation"]
    found = rows(tmp_path)
    assert set(found[0]) == {"epoch", "seconds", *terms, *(f"validation_{term}" for term in terms)}
    for row, kept in zip(found, run.history, strict=True):
        assert float(row["validation_loss"]) == pytest.approx(kept["validation_loss"], rel=1e-5)
        assert float(row["loss"]) == pytest.approx(sum(float(row[term]) for term in terms[1:]), rel=1e-4)
    losses = [row["validation_loss"] for row in run.history]
    assert (run.best_loss, run.best_epoch) == (min(losses), int(np.argmin(losses)) + 1)
    assert losses[-1] < losses[0]


def test_more_epochs_may_be_asked_for_but_no_other_training(tmp_path):
    steady = TrainingConfig(batch_size=4, epochs=2, patience=9)
    trained(tmp_path, steady)
    with pytest.raises(ValueError, match="needs resume"):
        trained(tmp_path, steady)
    with pytest.raises(ValueError, match=r"needs .*'learning_rate': 0\.01"):
        trained(tmp_path, TrainingConfig(batch_size=4, epochs=2, patience=9, learning_rate=0.01), resume=True)
    with pytest.raises(ValueError, match="'kind': None"):
        trained(tmp_path, steady, resume=True, about={"kind": "dae"})
    longer = trained(tmp_path, TrainingConfig(batch_size=4, epochs=4, patience=9), resume=True)
    assert [row["epoch"] for row in longer.history] == [1, 2, 3, 4]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    trained(tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not one at all"):
        (tmp_path / "checkpoint.pt").write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            trained(tmp_path, resume=True)


def test_a_plan_is_not_gone_on_with_from_another_plans_checkpoint(tmp_path):
    @dataclass(frozen=True)
    class Few(Plan):
        def table(self, name):
            return tables()[name != "train"]

    plan = Few(SMALL, TrainingConfig(batch_size=4, epochs=2, patience=9))
    train_plan(plan, tmp_path, device="cpu", progress=False)
    for other in (replace(plan, without=19), replace(plan, model=replace(SMALL, kind="dae"))):
        with pytest.raises(ValueError, match="another training"):
            train_plan(other, tmp_path, device="cpu", resume=True, progress=False)
    with pytest.raises(ValueError, match="needs resume"):
        train_plan(plan, tmp_path, device="cpu", progress=False)
    card = load_model(tmp_path).card
    assert (card["epochs"], card["model"]["kind"]) == (2, "cvae")


def test_a_training_stops_when_nothing_improves_or_time_is_over(tmp_path):
    stuck = TrainingConfig(batch_size=4, learning_rate=1e-30, epochs=50, patience=3)
    run = trained(tmp_path / "stuck", stuck)
    assert run.epoch == run.best_epoch + 3
    late = TrainingConfig(batch_size=4, epochs=50, minutes=1e-9)
    assert trained(tmp_path / "late", late).epoch == 1


def test_a_loss_that_is_not_finite_ends_the_training_with_advice(tmp_path):
    class Overflow(torch.nn.Linear):
        def forward(self, batch, generator=None):
            return {"loss": self.weight.sum() * torch.inf}

    with pytest.raises(ValueError, match="lower learning rate"):
        train_model(lambda: Overflow(1, 1), *tables(), CONFIG, tmp_path, device="cpu", progress=False)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_stored_weights_are_those_of_the_best_epoch(tmp_path):
    run = trained(tmp_path)
    store_model(tmp_path, Plan(SMALL, CONFIG), run, note="kept")
    model = load_model(tmp_path)
    assert_same(run.best_weights, model.network.state_dict())
    assert model.card["note"] == "kept"
    assert model.card["best_epoch"] == run.best_epoch
    assert len(rows(tmp_path)) == run.epoch


SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(int(sys.argv[3]))
sys.path.insert(0, sys.argv[1])
from test_training import LONG, trained
trained(Path(sys.argv[2]), LONG, resume=True)
"""
LONG = TrainingConfig(batch_size=4, learning_rate=1e-3, epochs=150, patience=150, schedule="cosine")


@pytest.mark.slow
def test_a_killed_training_resumes_bit_for_bit(tmp_path, request):
    folder, seed = tmp_path / "killed", time.time_ns()
    moments, killed = random.Random(seed), 0
    # Sums depend on the number of threads, and a dask cluster started before leaves another one in the environment.
    threads = str(torch.get_num_threads())
    command = [sys.executable, "-c", SCRIPT, str(request.path.parent), str(folder), threads]
    while killed < 3:
        before = len(rows(folder))
        with subprocess.Popen(command) as process:
            while process.poll() is None and len(rows(folder)) <= before:
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.2))
            process.kill()
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
        killed += 1
    assert 0 < len(rows(folder)) < LONG.epochs
    resumed, whole = trained(folder, LONG, resume=True), trained(tmp_path / "whole", LONG)
    assert epochs(folder) == list(range(1, LONG.epochs + 1)), seed
    assert without_times(whole.history) == without_times(resumed.history), seed
    assert_same(weights(whole), weights(resumed))
    assert_same(whole.best_weights, resumed.best_weights)
