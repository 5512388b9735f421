"""The perceptrons of `models.perceptron`, under the name that the bench's labelers know."""

from __future__ import annotations

from models.perceptron import Fit, Mlp, Scaler, fit_classes, fit_probabilities, fit_regression

__all__ = ["Fit", "Mlp", "Scaler", "fit_classes", "fit_probabilities", "fit_regression"]
