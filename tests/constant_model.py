"""Stands in for trained weights: a network that answers every PDF with the same particle, exactly."""

from math import log
from pathlib import Path

import numpy as np
import torch
from torch import nn

from deepstruc_lib.geometry import distance_rows, satellites, to_unit_sphere
from deepstruc_lib.models import CVAEConfig, TrainingConfig, TrainingState
from deepstruc_lib.models.mlg.experiments import SHAPES, Experiment

SMALL = CVAEConfig(encoder=(4,), prior=(4,), upsampling=(3,), decoder=(8,))
SURE = 10.0


def store_constant_model(folder: Path, positions: np.ndarray, without: int = 0) -> None:
    """The model in a folder; `without` the shape of so many atoms, as its card says."""
    experiment = Experiment(SMALL, TrainingConfig(), (SHAPES[without],) if without else ())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = experiment.build()
    sphere = to_unit_sphere(positions)
    rows = distance_rows(sphere.positions, satellites(SMALL.n_satellites), SMALL.n_atoms)
    presence = np.where(np.arange(SMALL.n_atoms) < len(positions), SURE, -SURE)
    # The radius is that of an untrained network, 5 Å, times what the last output says.
    outputs = np.append(np.column_stack([rows, presence]).ravel(), log(sphere.radius / 5.0))
    last = network.decode_rows[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.from_numpy(outputs))
    generators = torch.Generator(), torch.Generator()
    history = [{"epoch": 1, "loss": 1.0}]
    weights = network.state_dict()
    run = TrainingState(
        network, None, *generators, epoch=1, best_epoch=1, best_loss=1.0, best_weights=weights, history=history
    )
    experiment.store(folder, run, command="deepstruc train constant")
