"""SimCLR and MoCo from their parts, without the verbs: every choice is an object that you can replace.

Run it with ``python examples/own_loop_parts.py``; it takes half a minute on one processor.
"""

import sys
from functools import partial

import numpy as np
import torch

from counterpoint.data.labels import encode
from counterpoint.data.subset import Subset
from counterpoint.encoders.conv2d import conv2d
from counterpoint.evaluation.knn import weighted_knn
from counterpoint.heads import mlp_head
from counterpoint.interfaces import Method
from counterpoint.methods.moco import MoCo
from counterpoint.methods.simclr import SimCLR
from counterpoint.modalities.image import Images
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from counterpoint.objectives.info_nce import info_nce
from counterpoint.training.config import Recipe
from counterpoint.training.diagnostics import judge
from counterpoint.training.loop import RunOptions, train


def network() -> tuple[torch.nn.Module, torch.nn.Module]:
    """A small encoder for grey pictures of 28 pixels and a head for it, always with the same weights."""
    torch.manual_seed(0)
    return conv2d(1, 28, width=16), mlp_head(512, hidden=128, outputs=64)


def accuracy(method: Method, images: Images, known: Subset, asked: Subset) -> float:
    """How often the nearest neighbours among known items agree with the label of an asked one."""
    model = Model(method.encoder, images)
    labels, classes = encode(known.labels)
    guessed = weighted_knn(model.represent(known), labels, model.represent(asked), classes=len(classes))
    return float((guessed == encode(asked.labels, classes)[0]).mean())


def main(epochs: int = 10) -> None:
    """Train both methods on 1,000 pictures and ask about 500 others."""
    images, items = Images.learn("sample:fashion", DataOptions(views="grey"))
    known, asked = Subset(items, np.arange(1000)), Subset(items, np.arange(1000, 1500))
    objective = partial(info_nce, temperature=0.1)
    recipe = Recipe(steps=epochs * (len(known) // 100), batch_size=100)
    notes = {"objective": "info_nce", "temperature": 0.1}

    for method in (SimCLR(*network(), objective), MoCo(*network(), objective, queue=500)):
        before = accuracy(method, images, known, asked)
        course = train(method, known, images, recipe, RunOptions(notes=notes))
        after = accuracy(method, images, known, asked)
        print(f"{type(method).__name__}: neighbours agree for {before:.1%} before and {after:.1%} after training")
        for verdict in judge(course.records.all):
            print(f"    {verdict.sentence}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
