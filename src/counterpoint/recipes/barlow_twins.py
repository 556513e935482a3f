"""Barlow Twins, Zbontar et al. 2021, arXiv:2103.03230.

Biases and norms learn at 0.0048 where weights do at 0.2, a share of 0.024.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="facebookresearch/barlowtwins, main.py; Zbontar et al. 2021, arXiv:2103.03230, section 2.2",
    figure="linear probe, top-1 of ImageNet: 73.5 % after 1,000 epochs (the authors' README)",
    departs=(
        "the two views differ (blur 1.0 and 0.1, solarize 0 and 0.2), here both are the mean of them; saturation "
        "changes half as much"
    ),
    choices={
        "method": "barlow_twins(weight=0.0051)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.08, colour=0.5, blur=0.55, solarize=0.1)",
        "head_layers": 3,
        "head_hidden": 8192,
        "head_outputs": 8192,
        "batch_size": 2048,
        "epochs": 1000,
        "optimizer": "lars(momentum=0.9, trust=0.001, biases=0.024)",
        "learning_rate": 0.2,
        "scaling": "linear",
        "schedule": "cosine(end=0.001)",
        "warmup": 10 / 1000,
        "weight_decay": 1e-6,
    },
)
