"""DINO, Caron et al. 2021, arXiv:2104.14294: the ResNet-50.

The README's command for a ResNet-50 of 100 epochs uses SGD; the released network was trained with LARS, as its
arguments say, which are taken.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source=(
        "facebookresearch/dino, the arguments of its ResNet-50, read in a copy for 100 epochs; batch and length not "
        "verified"
    ),
    figure="linear probe, top-1 of ImageNet: 75.3 %, 20 neighbours 67.5 % (the authors' README)",
    departs=(
        "the teacher's temperature rises from 0.04 to 0.07 over 50 epochs, here it is 0.07; local views have 96 pixels "
        "and 0.05 to 0.14 of the picture, here 112 and 0.035 to 0.25; views differ in blur and solarize; the head is "
        "frozen for an epoch"
    ),
    choices={
        "method": "dino(sharper=0.07, momentum=0.996, centring=0.9, prototypes=60000)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.14, colour=0.5, blur=0.55, solarize=0.1)",
        "local_views": 6,
        "temperature": 0.1,
        "head_layers": 3,
        "head_hidden": 2048,
        "head_outputs": 256,
        "batch_size": 4080,
        "epochs": 800,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 0.3,
        "scaling": "linear",
        "schedule": "cosine(end=0.001)",
        "warmup": 10 / 800,
        "weight_decay": 1e-6,
    },
)
