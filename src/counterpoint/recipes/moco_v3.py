"""MoCo v3, Chen et al. 2021, arXiv:2104.02057: the ResNet-50 of 1,000 epochs."""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="facebookresearch/moco-v3, CONFIG.md and main_moco.py; Chen et al. 2021, arXiv:2104.02057",
    figure="linear probe, top-1 of ImageNet: 74.6 % (CONFIG.md)",
    departs=(
        "the two views differ (blur 1.0 and 0.1, solarize 0 and 0.2), here both are the mean of them; saturation "
        "changes half as much"
    ),
    choices={
        "method": "moco_v3(momentum=0.996, hidden=4096)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.2, colour=0.5, blur=0.55, solarize=0.1)",
        "temperature": 1.0,
        "head_layers": 2,
        "head_hidden": 4096,
        "head_outputs": 256,
        "batch_size": 4096,
        "epochs": 1000,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 0.3,
        "scaling": "linear",
        "schedule": "cosine",
        "warmup": 10 / 1000,
        "weight_decay": 1.5e-6,
    },
)
