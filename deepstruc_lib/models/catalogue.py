"""Everything that can be trained, by name: the experiments of all kinds."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from deepstruc_lib.corpora import Corpus
from deepstruc_lib.models.linear.experiments import EXPERIMENTS as LINEAR
from deepstruc_lib.models.mlg.experiments import EXPERIMENTS as MLG


@runtime_checkable
class Experiment(Protocol):
    """One model to train, of any kind."""

    kind: ClassVar[str]

    @property
    def corpus(self) -> str:
        """What it learns from."""
        ...

    @property
    def split(self) -> str:
        """Whose training and validation parts it learns from."""
        ...

    @property
    def held_out(self) -> tuple[str, ...]:
        """Names of the shapes that are kept out of these."""
        ...

    @property
    def varied(self) -> int:
        """How often each entry comes again with a PDF under other conditions."""
        ...

    def part(self, name: str) -> Corpus:
        """Entries of one part, train, validation or test."""
        ...

    def changed(self, *, seed: int = 0, epochs: int | None = None, entries: int | None = None) -> "Experiment":
        """The same with another seed, or smaller: to try something out.

        Raises:
            ValueError: The kind does not know epochs, and was given some.
        """
        ...

    def train(
        self,
        folder: Path,
        *,
        device: str = "auto",
        devices: int = 1,
        resume: bool = False,
        progress: bool = True,
        **facts: Any,
    ) -> object:
        """Train into a folder that `load_model` then reads.

        Raises:
            ValueError: The folder holds another training, or an option is not for this kind.
        """
        ...


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType({**MLG, **LINEAR})
