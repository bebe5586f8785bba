"""Fits linear models: strengths of the regularisation are chosen on the validation part, and nothing else is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial.distance import pdist
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge

from deepstruc_lib.corpora import Corpus
from deepstruc_lib.models.conditions import own_pdfs
from deepstruc_lib.models.linear.weights import LinearWeights
from deepstruc_lib.models.rescaled import rescaled_pdfs
from deepstruc_lib.particles import Recipe, unit_positions

# Inverse strengths of the logistic regression, and strengths of the ridge.
LOGISTIC = (3e3, 3e4, 3e5)
RIDGE = (1e-9, 1e-7, 1e-5, 1e-3)
_MOST_STEPS = 2000
# A point of the curve that hardly varies among the shapes may tell neighbouring ones apart; divided by its whole
# standard deviation it would weigh as much as a peak. On the validation parts the root was better than both ends.
_SCALING = 0.5
# The logarithm may leave its trained range by this part of it on either side.
_MARGIN = 1 / 3
# Below this a probability counts as this in the logarithm.
_LEAST = 1e-12
# A point that never varies, such as zeros beyond the data, must not divide by zero.
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Table:
    """Entries of a corpus as a linear model reads them."""

    part: Corpus
    curves: Float[ndarray, "entries x"]
    first_peaks: Float[ndarray, " entries"]

    @classmethod
    def of(cls, part: Corpus) -> "Table":
        """The entries under the corpus' own conditions."""
        return cls(part, *rescaled_pdfs(own_pdfs(part)))

    @property
    def logarithms(self) -> Float[ndarray, " entries"]:
        """Of bond length / first peak."""
        return np.log(self.part.bond_lengths / self.first_peaks)


def fit_linear(
    training: Table, validation: Table, logistic: Sequence[float] = LOGISTIC, ridge: Sequence[float] = RIDGE
) -> tuple[LinearWeights, dict[str, Any]]:
    """The weights, and the strengths that were chosen with what they gave on the validation part.

    Raises:
        ValueError: There are fewer than two shapes to tell apart.
    """
    shapes, first = np.unique(training.part.shape_ids, return_index=True)
    if len(shapes) < 2:
        raise ValueError(f"{len(training.curves)} entries of {len(shapes)} shape: needs two shapes or more")
    recipes = [training.part.recipe(entry) for entry in first]
    slopes, offsets, chosen = _chosen_logistic(training, validation, recipes, logistic)
    likeliest = (validation.curves @ slopes.T + offsets).argmax(axis=1)
    bonds, more = _chosen_ridge(training, validation, likeliest, ridge)
    weights = LinearWeights(
        shapes=tuple(recipe.name for recipe in recipes),
        shape_slopes=slopes,
        shape_offsets=offsets,
        **bonds,
        bond_range=_ranges(training, shapes),
        n_atoms=np.array([float(recipe.n_atoms) for recipe in recipes]),
        diameters=np.array([pdist(unit_positions(recipe)).max() for recipe in recipes]),
    )
    return weights, {"shapes": len(shapes), **chosen, **more}


def _chosen_logistic(
    training: Table, validation: Table, recipes: Sequence[Recipe], strengths: Sequence[float]
) -> tuple[Float[ndarray, "shapes x"], Float[ndarray, " shapes"], dict[str, Any]]:
    """The regression that gives the validation entries' true shapes the highest probability, as a mean logarithm.

    Where the validation part is of shapes that training does not have, it is the true motifs' probability.
    """
    shapes = np.unique(training.part.shape_ids)
    right = validation.part.shape_ids[:, None] == shapes
    known = bool(right.any(axis=1).all())
    if not known:
        motifs = np.array([recipe.motif for recipe in recipes])
        right = np.array([validation.part.recipe(entry).motif for entry in range(len(right))])[:, None] == motifs
    tried = []
    for strength in strengths:
        slopes, offsets = _logistic(training, strength)
        probability = (softmax(validation.curves @ slopes.T + offsets, axis=1) * right).sum(axis=1)
        tried.append((float(-np.log(np.maximum(probability, _LEAST)).mean()), strength, slopes, offsets))
    loss, strength, slopes, offsets = min(tried, key=lambda one: one[0])
    judged = {"judged_by": "shape" if known else "motif", "validation_loss": loss}
    return slopes, offsets, {"logistic_inverse_strength": strength, **judged}


def _logistic(training: Table, strength: float) -> tuple[Float[ndarray, "shapes x"], Float[ndarray, " shapes"]]:
    """Slopes and offsets for curves as they are; the fit itself is on scaled ones."""
    mean, scale = training.curves.mean(axis=0), (training.curves.std(axis=0) + _TINY) ** _SCALING
    model = LogisticRegression(C=strength, max_iter=_MOST_STEPS)
    model.fit((training.curves - mean) / scale, training.part.shape_ids)
    slopes, offsets = model.coef_, model.intercept_
    if len(slopes) == 1:  # of two shapes only the second has its own slopes
        slopes, offsets = (np.concatenate([-array, array]) / 2 for array in (slopes, offsets))
    slopes = slopes / scale
    return slopes, offsets - slopes @ mean


def _chosen_ridge(
    training: Table, validation: Table, likeliest: Int[ndarray, " entries"], strengths: Sequence[float]
) -> tuple[dict[str, ndarray], dict[str, Any]]:
    """The ridge regressions with the least error of log(bond length) on the validation part, at the likeliest shape."""
    tried = []
    for strength in strengths:
        slopes, offsets = _ridge(training, strength)
        found = (validation.curves * slopes[likeliest]).sum(axis=1) + offsets[likeliest]
        error = float(np.sqrt(np.mean((found - validation.logarithms) ** 2)))
        tried.append((error, strength, {"bond_slopes": slopes, "bond_offsets": offsets}))
    error, strength, bonds = min(tried, key=lambda one: one[0])
    return bonds, {"ridge_strength": strength, "validation_log_bond_error": error}


def _ridge(training: Table, strength: float) -> tuple[Float[ndarray, "shapes x"], Float[ndarray, " shapes"]]:
    models = []
    for shape in np.unique(training.part.shape_ids):
        own = training.part.shape_ids == shape
        models.append(Ridge(alpha=strength).fit(training.curves[own], training.logarithms[own]))
    return np.stack([model.coef_ for model in models]), np.array([float(model.intercept_) for model in models])


def _ranges(training: Table, shapes: Int[ndarray, " shapes"]) -> Float[ndarray, "shapes 2"]:
    """Lowest and highest log(bond length / first peak) of each shape, and a margin."""
    own = [training.logarithms[training.part.shape_ids == shape] for shape in shapes]
    limits = np.array([(values.min(), values.max()) for values in own])
    return limits + np.diff(limits, axis=1) * np.array([-_MARGIN, _MARGIN])
