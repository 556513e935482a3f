"""BYOL, Grill et al. 2020, arXiv:2006.07733: the preset of 1,000 epochs.

The authors' presets of 100 and 300 epochs have a rate of 0.45 and 0.3, a decay of 1e-6 and a momentum of 0.99.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="google-deepmind/deepmind-research, byol/configs/byol.py; Grill et al. 2020, arXiv:2006.07733, section 3.3",
    figure="linear probe, top-1 of ImageNet: 74.4 % (the authors' README)",
    departs=(
        "the two views differ (blur 1.0 and 0.1, solarize 0 and 0.2), here both are the mean of them; saturation "
        "changes half as much"
    ),
    choices={
        "method": "byol(momentum=0.996, hidden=4096)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.08, colour=0.5, blur=0.55, solarize=0.1)",
        "head_layers": 2,
        "head_hidden": 4096,
        "head_outputs": 256,
        "batch_size": 4096,
        "epochs": 1000,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 0.2,
        "scaling": "linear",
        "schedule": "cosine",
        "warmup": 10 / 1000,
        "weight_decay": 1.5e-6,
    },
)
