"""Networks that propose structures, their training, and the released weights."""

from deepstruc_lib.models.mlg.dataset import ParticleDataset, Particles
from deepstruc_lib.models.mlg.generate import Structures, generate, structures
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig, Decoded
from deepstruc_lib.models.mlg.plans import PLANS, Plan
from deepstruc_lib.models.released import TrainedModel, load_model, released_models, store_model, train_plan
from deepstruc_lib.models.training.loop import train
from deepstruc_lib.models.training.state import TrainingConfig, TrainingState

__all__ = [
    "PLANS",
    "CVAEConfig",
    "ConditionalAutoencoder",
    "Decoded",
    "ParticleDataset",
    "Particles",
    "Plan",
    "Structures",
    "TrainedModel",
    "TrainingConfig",
    "TrainingState",
    "generate",
    "load_model",
    "released_models",
    "store_model",
    "structures",
    "train",
    "train_plan",
]
