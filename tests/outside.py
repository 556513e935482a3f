"""Parts that are none of the package, for tests."""

from torch import nn


def perceptron(columns):
    return nn.Sequential(nn.Linear(columns, 8), nn.ReLU())
