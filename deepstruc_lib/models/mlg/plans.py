"""The models of the MLG paper that are released: how each is built, on what it is trained, and how."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from deepstruc_lib.corpora import PARTS, Corpus, corpus
from deepstruc_lib.models.mlg.dataset import ParticleDataset
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig
from deepstruc_lib.models.training.state import TrainingConfig
from deepstruc_lib.scattering import PRESETS

CORPUS = "mlg"
SETTINGS = PRESETS["mlg"]


@dataclass(frozen=True)
class Plan:
    """One model to train.

    Args:
        model: The network and its loss.
        training: Steps, rates and limits.
        without: Number of atoms of the shape that is kept out of training and validation; none where 0.
        varied: How often each entry of training and validation comes again with a PDF under other conditions.
        stored_rank: The decoder's last layer is stored with this rank, where it is not 0.
    """

    model: CVAEConfig
    training: TrainingConfig
    without: int = 0
    varied: int = 0
    stored_rank: int = 0

    def build(self) -> ConditionalAutoencoder:
        """The untrained network."""
        return ConditionalAutoencoder(self.model)

    def part(self, name: str) -> Corpus:
        """Entries of one part of the random split, train, validation or test, less the shape that is kept out."""
        whole = corpus(CORPUS)
        return whole.subset(whole.where("random", name) & (whole.n_atoms != self.without))

    def table(self, name: str) -> ParticleDataset:
        """The same part as a network reads it."""
        varied, seed = (0, 0) if name == "test" else (self.varied, PARTS.index(name))
        return ParticleDataset(self.part(name), self.model.n_satellites, self.model.n_atoms, varied, seed)


# Architecture, loss, optimiser, batch and patience of doi:10.26434/chemrxiv.12662222.v1. There patience alone ended a
# training; here it also ends after as many epochs as take half an hour on one core.
_PUBLISHED = Plan(
    CVAEConfig(), TrainingConfig(batch_size=20, learning_rate=5e-5, epochs=300, patience=50), stored_rank=64
)
# The same corpus and idea. A small β makes a bad structure cost more than an informative latent space, half of the
# structures are asked for by the PDF alone, large steps are cooled down at the end; narrow layers keep it small, and
# PDFs under other conditions let it read more than its corpus.
_BEST = Plan(
    CVAEConfig(encoder=(64, 64), prior=(256, 128), decoder=(128, 256, 384, 64), beta=1e-2, hybrid=0.5),
    TrainingConfig(batch_size=100, learning_rate=1e-3, epochs=100, patience=100, schedule="cosine", warmup=1),
    varied=3,
)


def _variant(plan: Plan, without: int = 0, **changes: object) -> Plan:
    return replace(plan, model=replace(plan.model, **changes), without=without)  # type: ignore[arg-type]


PLANS = MappingProxyType(
    {
        "mlg-cvae": _BEST,
        "mlg-dae": _variant(_BEST, kind="dae"),
        "mlg-cvae-pdf": _variant(_BEST, pdf_weight=10.0),
        **{f"mlg-cvae-without-{n_atoms}": _variant(_BEST, without=n_atoms) for n_atoms in (19, 43, 63, 87, 93)},
        "mlg-cvae-published": _PUBLISHED,
        "mlg-dae-published": _variant(_PUBLISHED, kind="dae"),
        "mlg-cvae-published-h8": _variant(_PUBLISHED, latent=8),
    }
)
