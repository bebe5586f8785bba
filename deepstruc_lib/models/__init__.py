"""What proposes structures: one folder a kind, one contract for all, training, and the released weights."""

from importlib import import_module

# Loaded on first use: a model that needs no torch does not wait for it.
_EXPORTS = {
    "EXPERIMENTS": "catalogue",
    "Answer": "contract",
    "Card": "cards",
    "CVAEConfig": "mlg.network",
    "ConditionalAutoencoder": "mlg.network",
    "Decoded": "mlg.network",
    "Distribution": "contract",
    "Estimates": "contract",
    "Experiment": "catalogue",
    "LatentProposer": "contract",
    "ParticleDataset": "mlg.dataset",
    "Particles": "mlg.dataset",
    "Proposal": "contract",
    "Proposer": "contract",
    "Reads": "reading",
    "Record": "records",
    "Structures": "mlg.generate",
    "TrainingConfig": "training.state",
    "TrainingState": "training.state",
    "generate": "mlg.generate",
    "load_model": "released",
    "released_models": "released",
    "structures": "mlg.generate",
    "train": "training.loop",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
