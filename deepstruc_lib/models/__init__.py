"""What proposes structures: one folder a kind, one contract for all, training, and the released weights."""

from typing import TYPE_CHECKING

from deepstruc_lib.lazy import export_lazily

if TYPE_CHECKING:
    from deepstruc_lib.models.cards import Card
    from deepstruc_lib.models.catalogue import EXPERIMENTS, Experiment
    from deepstruc_lib.models.contract import Answer, Distribution, Estimates, LatentProposer, Proposal, Proposer
    from deepstruc_lib.models.mlg.dataset import ParticleDataset, Particles
    from deepstruc_lib.models.mlg.generate import Structures, generate, structures
    from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig, Decoded
    from deepstruc_lib.models.reading import Reads
    from deepstruc_lib.models.records import Record
    from deepstruc_lib.models.released import load_model, released_models
    from deepstruc_lib.models.training.loop import train
    from deepstruc_lib.models.training.state import TrainingConfig, TrainingState

__all__ = [
    "EXPERIMENTS",
    "Answer",
    "CVAEConfig",
    "Card",
    "ConditionalAutoencoder",
    "Decoded",
    "Distribution",
    "Estimates",
    "Experiment",
    "LatentProposer",
    "ParticleDataset",
    "Particles",
    "Proposal",
    "Proposer",
    "Reads",
    "Record",
    "Structures",
    "TrainingConfig",
    "TrainingState",
    "generate",
    "load_model",
    "released_models",
    "structures",
    "train",
]

export_lazily(__name__)
