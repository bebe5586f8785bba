"""How near structures made from PDFs come to the true ones: number of atoms, positions, and the PDF they give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.stats import ttest_rel

from deepstruc_lib.corpora import Corpus
from deepstruc_lib.corpora.splits import shuffled
from deepstruc_lib.geometry import align
from deepstruc_lib.scattering import PDFSettings, simulate

# Å. With the right number of atoms and a mean error below this, a structure counts as solved.
SOLVED_MAE = 0.3
# Structures in one call of the simulator.
_BATCH = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was made of the PDFs of a test set; arrays have a value for each of its entries.

    The PDF of a structure is simulated like the input, on the corpus' r grid (for mlg the paper's 300 points), at the
    scale it comes with: nothing is fitted.

    Args:
        model: Who made the structures.
        corpus: Whose PDFs.
        split: Which test set.
        n_true: Atoms of the true structure.
        n_atoms: Atoms of the structure made.
        bond_lengths: Of the true structure, Å.
        r_p: Mean squared difference of the two PDFs, a point, Å⁻⁴.
        pearson: Their correlation.
        rw: √(Σ(G−G_made)²/ΣG²).
        mae: Mean absolute difference of the coordinates after rigid alignment, Å; infinite for a wrong number of atoms.
        radius_error: Relative error of the farthest atom's distance from the centroid.
        seconds_per_pdf: Time to make the structures, all in one batch.
        right_family: Whether the family is right; None where structures have none.
        right_motif: Likewise for the motif.
    """

    model: str
    corpus: str
    split: str
    n_true: Int[ndarray, " entries"]
    n_atoms: Int[ndarray, " entries"]
    bond_lengths: Float[ndarray, " entries"]
    r_p: Float[ndarray, " entries"]
    pearson: Float[ndarray, " entries"]
    rw: Float[ndarray, " entries"]
    mae: Float[ndarray, " entries"]
    radius_error: Float[ndarray, " entries"]
    seconds_per_pdf: float
    right_family: Bool[ndarray, " entries"] | None = None
    right_motif: Bool[ndarray, " entries"] | None = None

    def __len__(self) -> int:
        return len(self.n_true)

    def first(self, count: int) -> "Evaluation":
        """Only the first entries in a random order that depends on their number alone."""
        return self.only(np.array(random_order(len(self))[:count]))

    def only(self, entries: Int[ndarray, " chosen"]) -> "Evaluation":
        """Only these entries."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **{key: value[entries] for key, value in values.items() if isinstance(value, ndarray)})

    def summary(self) -> dict[str, Any]:
        """Figures of the whole test set, for JSON; shares from 0 to 1, None where a figure does not apply.

        mae_median is over all structures, those with a wrong number of atoms being infinitely wrong; mae_mean is over
        the others.
        """
        exact = self.n_atoms == self.n_true
        median = float(np.median(self.mae))
        return {
            "model": self.model,
            "corpus": self.corpus,
            "split": self.split,
            "n": len(self),
            "exact_n": float(exact.mean()),
            "solved": float((self.mae < SOLVED_MAE).mean()),
            "family": None if self.right_family is None else float(self.right_family.mean()),
            "motif": None if self.right_motif is None else float(self.right_motif.mean()),
            "mae_median": median if np.isfinite(median) else None,
            "mae_mean": float(self.mae[exact].mean()) if exact.any() else None,
            "rw_median": float(np.median(self.rw)),
            "r_p": float(self.r_p.mean()),
            "r_p_std": float(self.r_p.std()),
            "pearson": float(self.pearson.mean()),
            "pearson_std": float(self.pearson.std()),
            "seconds_per_pdf": self.seconds_per_pdf,
        }


def random_order(count: int) -> list[int]:
    """Entries from 0 in an order that is the same on every machine: of which the first stand for all."""
    return shuffled([str(entry) for entry in range(count)])


def compare(
    model: str,
    split: str,
    truth: Corpus,
    made: Sequence[Float[ndarray, "_ 3"] | None],
    seconds: float,
    progress: Progress | None = None,
) -> Evaluation:
    """Measures of the structures made for the entries of a corpus.

    Args:
        model: Who made them.
        split: Which entries these are.
        truth: Entries, with the PDFs that the structures were made from.
        made: Positions in Å, in the order of the entries; None where there is no structure, which then has 0 atoms
            and a PDF of zero.
        seconds: That making all of them took.
        progress: Called with the number of structures compared, and of all.

    Raises:
        ValueError: There are more or fewer structures than entries.
    """
    if len(made) != len(truth):
        raise ValueError(f"{len(made)} structures for {len(truth)} entries: needs one for each")
    measured = truth.pdfs.astype(float)
    simulated = np.zeros_like(measured)
    there = [entry for entry, positions in enumerate(made) if positions is not None]
    if there:
        simulated[there] = simulated_pdfs([positions for positions in made if positions is not None], truth.settings)
    squared = (measured - simulated) ** 2
    mae, radius_error = np.full(len(truth), np.inf), np.full(len(truth), -1.0)
    for entry, positions in enumerate(made):
        true = truth.positions[entry, : truth.n_atoms[entry]].astype(float)
        if positions is not None:
            radius_error[entry] = _radius(positions) / _radius(true) - 1
            mae[entry] = align(positions, true).mae if len(positions) == len(true) else np.inf
        if progress:
            progress(entry + 1, len(truth))
    return Evaluation(
        model=model,
        corpus=truth.name,
        split=split,
        n_true=truth.n_atoms,
        n_atoms=np.array([0 if positions is None else len(positions) for positions in made]),
        bond_lengths=truth.bond_lengths,
        r_p=squared.mean(axis=1),
        pearson=_correlations(measured, simulated),
        rw=np.sqrt(squared.sum(axis=1) / (measured**2).sum(axis=1)),
        mae=mae,
        radius_error=radius_error,
        seconds_per_pdf=seconds / len(truth),
    )


def simulated_pdfs(particles: Sequence[Float[ndarray, "_ 3"]], settings: PDFSettings) -> Float[ndarray, "particles r"]:
    """G(r) of particles of any sizes, Å⁻², computed to the letter as those of the corpora."""
    n_atoms = torch.tensor([len(positions) for positions in particles])
    padded = torch.zeros(len(particles), int(n_atoms.max()), 3)
    for row, positions in zip(padded, particles, strict=True):
        row[: len(positions)] = torch.from_numpy(positions - positions.mean(axis=0))
    present = (torch.arange(padded.shape[1]) < n_atoms[:, None]).float()
    curves = [
        simulate(some, settings, occupancies=mask, transform="diffpy")
        for some, mask in zip(padded.split(_BATCH), present.split(_BATCH), strict=True)
    ]
    return torch.cat(curves).double().numpy()


def _correlations(one: Float[ndarray, "rows r"], other: Float[ndarray, "rows r"]) -> Float[ndarray, " rows"]:
    one, other = (rows - rows.mean(axis=1, keepdims=True) for rows in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    # A curve without any swing is correlated with none.
    return (one * other).sum(axis=1) / np.where(size > 0, size, 1.0)


def _radius(positions: Float[ndarray, "atoms 3"]) -> float:
    return float(np.linalg.norm(positions - positions.mean(axis=0), axis=1).max())


class PairedTest(NamedTuple):
    """Student's t of a difference of pairs, and the two-tailed probability of one as large by chance."""

    t: float
    p: float


def paired_t_test(one: Evaluation, other: Evaluation, measure: str = "r_p") -> PairedTest:
    """Whether two evaluations of the same entries differ in the mean of a measure: t > 0 where `one` has more.

    Raises:
        ValueError: The entries are not the same, a value is not finite, or the two do not differ anywhere.
    """
    if not all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("n_true", "bond_lengths")):
        raise ValueError(f"{one.model} and {other.model} were evaluated on other entries: needs the same, in one order")
    values = getattr(one, measure), getattr(other, measure)
    if not np.isfinite(values).all():
        raise ValueError(f"{measure} is infinite for some structures: needs a measure that all of them have")
    if np.array_equal(*values):
        raise ValueError(f"{one.model} and {other.model} have the same {measure} everywhere: needs two that differ")
    result: Any = ttest_rel(*values)
    return PairedTest(float(result.statistic), float(result.pvalue))
