"""VICReg, Bardes et al. 2021, arXiv:2105.04906."""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="facebookresearch/vicreg, main_vicreg.py; Bardes et al. 2021, arXiv:2105.04906, section 4",
    figure="linear probe, top-1 of ImageNet: 73.2 % after 1,000 epochs (the authors' README)",
    departs=(
        "the two views differ (blur 1.0 and 0.1, solarize 0 and 0.2), here both are the mean of them; saturation "
        "changes half as much"
    ),
    choices={
        "method": "vicreg(invariance=25.0, variance=25.0, covariance=1.0)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.08, colour=0.5, blur=0.55, solarize=0.1)",
        "head_layers": 3,
        "head_hidden": 8192,
        "head_outputs": 8192,
        "batch_size": 2048,
        "epochs": 1000,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 0.2,
        "scaling": "linear",
        "schedule": "cosine(end=0.001)",
        "warmup": 10 / 1000,
        "weight_decay": 1e-6,
    },
)
