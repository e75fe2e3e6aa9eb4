"""Logistic regression whose weights may be told their sign.

Where it is known that more of something can only speak for a second voice, a weight of the other sign would be an
accident of the scenes. scikit-learn has no such bounds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

Doubles = npt.NDArray[np.float64]


def fit(
    inputs: Doubles, truth: Doubles, weight: Doubles, penalty: float, at_least_zero: npt.NDArray[np.bool_]
) -> tuple[Doubles, float]:
    """[n, features] → weights and bias that minimise the weighted loss plus `penalty` / 2 times the squared weights."""
    sign = np.where(truth > 0, 1.0, -1.0)

    def loss(at: Doubles) -> tuple[float, Doubles]:
        margin = sign * (inputs @ at[:-1] + at[-1])
        value = weight @ np.logaddexp(0, -margin) + penalty / 2 * (at[:-1] @ at[:-1])
        slope = -weight * sign * expit(-margin)
        return float(value), np.concatenate([inputs.T @ slope + penalty * at[:-1], [slope.sum()]])

    bounds = [(0.0, None) if lowest else (None, None) for lowest in at_least_zero] + [(None, None)]
    found = minimize(loss, np.zeros(inputs.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:-1], float(found.x[-1])
