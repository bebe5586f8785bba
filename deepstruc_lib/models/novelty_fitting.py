"""Fits what recognises PDFs that are unlike those of a training.

For released models again: `python -m deepstruc_lib.models.novelty_fitting [NAME ...]`, all of them where no name is
given. Their weights stay as they are.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora import PARTS, Corpus
from deepstruc_lib.files import PDF
from deepstruc_lib.models.conditions import varied_pdfs
from deepstruc_lib.models.novelty import Novelty, store_novelty
from deepstruc_lib.models.released import RELEASED, released_models
from deepstruc_lib.models.rescaled import rescaled_pdfs

# Directions in which the curves of a shape differ from each other. With 32 a truncated decahedron may still pass for a
# whole one; from 64 on more change little.
_DIRECTIONS = 64
# Share of the validation PDFs that are flagged: a fifth of what is allowed for the test set, which may be small.
_FLAGGED = 0.01


def fit_novelty(training: Sequence[PDF], shapes: Int[ndarray, " pdfs"], validation: Sequence[PDF]) -> Novelty:
    """What is like the PDFs of a training, and from where on another is unlike.

    Args:
        training: As the model learned from them, of all conditions.
        shapes: Number of the shape of each.
        validation: Of the same conditions; these set the threshold.

    Raises:
        ValueError: There are fewer PDFs than directions, or none for validation.
    """
    if len(training) <= _DIRECTIONS or not validation or len(training) != len(shapes):
        counts = f"{len(training)} PDFs of {len(shapes)} shapes and {len(validation)} for validation"
        raise ValueError(f"{counts}: needs more than {_DIRECTIONS}, a shape for each, and some for validation")
    curves, _ = rescaled_pdfs(training)
    _, members = np.unique(shapes, return_inverse=True)
    means = np.stack([curves[members == shape].mean(axis=0) for shape in range(members.max() + 1)])
    differences = curves - means[members]
    variances, vectors = np.linalg.eigh(differences.T @ differences / len(differences))
    rest, kept = variances[:-_DIRECTIONS], variances[-_DIRECTIONS:]
    arrays = (means, vectors[:, -_DIRECTIONS:].T, kept, rest.mean(keepdims=True), np.zeros(1))
    novelty = Novelty(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))
    threshold = np.quantile(novelty.distances(validation), 1 - _FLAGGED)
    return replace(novelty, threshold=np.full(1, threshold, dtype=np.float32))


def fit_to_parts(training: Corpus, validation: Corpus, varied: int) -> Novelty:
    """The same for parts of a corpus under its own conditions, and so many times under varied ones.

    A structure that a part lists twice counts once.

    Raises:
        ValueError: As `fit_novelty`.
    """
    training, validation = (
        part.subset(np.unique(part.structure_ids, return_index=True)[1]) for part in (training, validation)
    )
    learned = _under_conditions(training, varied, PARTS.index("train"))
    checked = _under_conditions(validation, varied, PARTS.index("validation"))
    return fit_novelty(learned, np.tile(training.shape_ids, 1 + varied), checked)


def _under_conditions(part: Corpus, varied: int, seed: int) -> list[PDF]:
    curves = np.concatenate([part.pdfs[None], varied_pdfs(part, varied, seed)])
    return [PDF(r=part.r, g=g) for g in curves.reshape(-1, len(part.r))]


def refit(names: Sequence[str]) -> None:
    """Fit and store it for released models.

    Raises:
        ValueError: One is not among the experiments.
    """
    from deepstruc_lib.models.catalogue import EXPERIMENTS  # whose linear models need this module

    unknown = sorted(set(names) - set(EXPERIMENTS))
    if unknown:
        raise ValueError(f"model {', '.join(unknown)}: needs one of {', '.join(EXPERIMENTS)}")
    fitted: dict[tuple[object, ...], Novelty] = {}
    for name in names:
        experiment = EXPERIMENTS[name]
        data = (experiment.kind, experiment.corpus, experiment.split, experiment.held_out, experiment.varied)
        if data not in fitted:
            training, validation = (experiment.part(part) for part in ("train", "validation"))
            fitted[data] = fit_to_parts(training, validation, experiment.varied)
        store_novelty(RELEASED / name, fitted[data])


if __name__ == "__main__":
    refit(sys.argv[1:] or released_models())
