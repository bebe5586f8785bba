"""A training that was interrupted, however rudely, ends where an uninterrupted one does."""

import csv
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from constant_model import SMALL

from deepstruc_lib.corpora import corpus
from deepstruc_lib.models import ConditionalAutoencoder, ParticleDataset, TrainingConfig, load_model
from deepstruc_lib.models import train as train_model
from deepstruc_lib.models.mlg.experiments import Experiment

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
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {"checkpoint.pt", "history.csv"}


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


def test_a_damaged_checkpoint_is_refused_without_advice_to_trust_it(tmp_path):
    trained(tmp_path)
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    torch.save(Touch(tmp_path / "ran"), path)
    for damaged in (whole[: len(whole) // 2], b"", b"not one at all", path.read_bytes()):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged") as refusal:
            trained(tmp_path, resume=True)
        assert "weights_only" not in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "ran").exists()


class Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_an_interruption_loses_no_whole_epoch_and_resumes_bit_for_bit(tmp_path):
    whole = trained(tmp_path / "whole")
    batches = []

    class Interrupted(ConditionalAutoencoder):
        def forward(self, particles, generator=None):
            batches.append(1)
            if len(batches) == 17:  # of four batches in an epoch: three to learn, one to validate
                raise KeyboardInterrupt
            return super().forward(particles, generator)

    kept = []
    folder, options = tmp_path / "cut", {"device": "cpu", "progress": False, "keep": kept.append}
    with pytest.raises(KeyboardInterrupt):
        train_model(lambda: Interrupted(SMALL), *tables(), CONFIG, folder, **options)
    done = len(rows(folder))
    assert done == 4  # no time to write one of the usual checkpoints
    assert [(run.epoch, len(run.history)) for run in kept] == [(done, done)]
    resumed = trained(folder, resume=True)
    assert_same(weights(whole), weights(resumed))
    assert without_times(whole.history) == without_times(resumed.history)


def test_an_interruption_before_the_first_epoch_is_done_leaves_no_checkpoint(tmp_path):
    class Interrupted(ConditionalAutoencoder):
        def forward(self, particles, generator=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(lambda: Interrupted(SMALL), *tables(), CONFIG, tmp_path, device="cpu", progress=False)
    assert not list(tmp_path.iterdir())


class Decay:
    """Multiplies the weights of the first layer by a factor that changes from epoch to epoch."""

    def __init__(self):
        self.factor, self.seen = 1.0, []

    def after_epoch(self, run):
        self.factor *= 0.9
        self.seen.append(run.epoch)
        with torch.no_grad():
            run.model.pool.weight.mul_(self.factor)

    def state_dict(self):
        return {"factor": self.factor, "seen": list(self.seen)}

    def load_state_dict(self, state, run):
        self.factor, self.seen = state["factor"], state["seen"]


def test_what_happens_after_each_epoch_is_resumed_too(tmp_path):
    whole = trained(tmp_path / "whole", hook=Decay())

    def stop(run):
        if run.epoch == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        trained(tmp_path / "cut", hook=Decay(), keep=stop)
    hook = Decay()
    resumed = trained(tmp_path / "cut", hook=hook, resume=True)
    assert_same(weights(whole), weights(resumed))
    assert hook.seen == list(range(1, CONFIG.epochs + 1))
    assert hook.factor == pytest.approx(0.9**CONFIG.epochs)


def test_the_optimiser_is_chosen_and_belongs_to_the_training(tmp_path):
    decaying = replace(CONFIG, optimizer="adamw", weight_decay=1.0)
    plain, decayed = (trained(tmp_path / c.optimizer, c) for c in (CONFIG, decaying))
    norms = [sum(float(value.square().sum()) for value in weights(run).values()) for run in (plain, decayed)]
    assert norms[1] < norms[0]
    with pytest.raises(ValueError, match="'optimizer': 'adamw'"):
        trained(tmp_path / "adam", decaying, resume=True)
    with pytest.raises(ValueError, match="needs one of adam, adamw"):
        TrainingConfig(optimizer="sgd")


PAIR = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_training import CONFIG, trained
trained(Path(sys.argv[2]), CONFIG, devices=2)
"""


@pytest.mark.slow
def test_two_devices_share_the_batches_and_learn_one_model(tmp_path, request):
    alone = trained(tmp_path / "alone")
    (tmp_path / "pair.py").write_text(PAIR)
    command = [sys.executable, "pair.py", str(request.path.parent), str(tmp_path / "two")]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=300)
    together = [float(row["validation_loss"]) for row in rows(tmp_path / "two")]
    assert len(together) == CONFIG.epochs
    assert together[-1] < together[0]
    assert together[-1] == pytest.approx(alone.history[-1]["validation_loss"], rel=0.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_simulates_what_a_cpu_does(tmp_path):
    from deepstruc_lib.scattering import PRESETS, simulate

    run, alone = trained(tmp_path / "gpu", device="cuda"), trained(tmp_path / "cpu")
    losses = [one.history[-1]["validation_loss"] for one in (run, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=0.2)
    resumed = trained(tmp_path / "gpu", device="cuda", resume=True)
    assert_same(weights(run), weights(resumed))
    positions = torch.from_numpy(corpus("mlg").positions[:4, :19])
    curves = [simulate(positions.to(where), PRESETS["mlg"]).cpu() for where in ("cuda", "cpu")]
    torch.testing.assert_close(*curves, atol=1e-3, rtol=1e-3)


def few(**changes):
    return replace(Experiment(SMALL, TrainingConfig(batch_size=4, epochs=2, patience=9), entries=9), **changes)


def test_an_experiment_is_not_resumed_from_anothers_checkpoint(tmp_path):
    options = {"device": "cpu", "progress": False, "command": "deepstruc train few"}
    few().train(tmp_path, **options)
    for other in (few(held_out=("FCC(2,2,2)",)), few(model=replace(SMALL, kind="dae")), few(entries=8)):
        with pytest.raises(ValueError, match="another training"):
            other.train(tmp_path, resume=True, **options)
    with pytest.raises(ValueError, match="needs resume"):
        few().train(tmp_path, **options)
    card = load_model(tmp_path).card
    assert (card.outcome["epochs"], card.model["kind"], card.training["entries"]) == (2, "cvae", 9)


def test_an_experiment_sees_nothing_of_a_shape_that_is_held_out():
    whole, without = few(entries=None), few(entries=None, held_out=("FCC(3,4,4)",))
    for part in ("train", "validation"):
        sizes = set(whole.part(part).n_atoms)
        assert sizes - set(without.part(part).n_atoms) == {87}
    assert len(few().part("train")) == 9
    by_shape = few(split="shape", entries=None)
    assert not set(by_shape.part("train").n_atoms) & set(by_shape.part("test").n_atoms)


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
    Experiment(SMALL, CONFIG).store(tmp_path, run, command="as told")
    model = load_model(tmp_path)
    assert_same(run.best_weights, model.network.state_dict())
    assert model.card.command == "as told"
    assert model.card.outcome["best_epoch"] == run.best_epoch
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
