"""Networks that propose structures, their training, and the released weights."""

from deepstruc_lib.models.cvae import ConditionalAutoencoder, CVAEConfig, Decoded
from deepstruc_lib.models.generate import Structures, generate, structures
from deepstruc_lib.models.mlg import PLANS, Plan
from deepstruc_lib.models.particles import Particles, ParticleTable
from deepstruc_lib.models.released import TrainedModel, load_model, released_models, store_model, train_plan
from deepstruc_lib.models.run import Run, TrainingConfig
from deepstruc_lib.models.train import train

__all__ = [
    "PLANS",
    "CVAEConfig",
    "ConditionalAutoencoder",
    "Decoded",
    "ParticleTable",
    "Particles",
    "Plan",
    "Run",
    "Structures",
    "TrainedModel",
    "TrainingConfig",
    "generate",
    "load_model",
    "released_models",
    "store_model",
    "structures",
    "train",
    "train_plan",
]
