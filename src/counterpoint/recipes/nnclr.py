"""NNCLR, Dwibedi et al. 2021, arXiv:2104.14548."""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source=(
        "Dwibedi et al. 2021, arXiv:2104.14548, section 4.1; queue, temperature and head read in the documentation of "
        "VISSL; rate, decay and length not verified"
    ),
    figure="linear probe, top-1 of ImageNet: 75.6 % after 1,000 epochs (abstract)",
    departs=(
        "the two views differ (blur 1.0 and 0.1, solarize 0 and 0.2), here both are the mean of them; saturation "
        "changes half as much"
    ),
    choices={
        "method": "nnclr(queue=98304, hidden=4096)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.08, colour=0.5, blur=0.55, solarize=0.1)",
        "temperature": 0.1,
        "head_layers": 3,
        "head_hidden": 2048,
        "head_outputs": 256,
        "batch_size": 4096,
        "epochs": 1000,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 0.3,
        "scaling": "linear",
        "schedule": "cosine",
        "warmup": 10 / 1000,
        "weight_decay": 1e-6,
    },
)
