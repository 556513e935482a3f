"""SimCLR, Chen et al. 2020, arXiv:2002.05709, and SimCLRv2, arXiv:2006.10029.

Of ImageNet the paper gives two scalings: 0.3 in proportion to the batch, its default (section 2.2), and 0.075 times the
square root (appendix B.1), better for small batches and few epochs and as good at batch 4,096: that one is taken.  The
authors' README had a decay of 1e-6 for CIFAR-10 first and has 1e-4 now: that one is taken, with the paper's head of two
layers, of which the code has three since.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="Chen et al. 2020, arXiv:2002.05709, section 2.2, appendices A and B.1; google-research/simclr, README",
    figure="linear probe, top-1 of ImageNet: 69.1 % after 800 epochs (table B.1)",
    departs="the head ends in a batch normalisation",
    choices={
        "method": "simclr",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.08, colour=1.0, blur=0.5)",
        "temperature": 0.1,
        "head_layers": 2,
        "head_hidden": 2048,
        "head_outputs": 128,
        "batch_size": 4096,
        "epochs": 800,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 1.2,
        "scaling": "sqrt",
        "schedule": "cosine",
        "warmup": 10 / 800,
        "weight_decay": 1e-6,
    },
)

CIFAR10 = Published(
    source="google-research/simclr, README; Chen et al. 2020, arXiv:2002.05709, appendix B.9",
    figure="linear probe, top-1 of CIFAR-10: about 91 % (the README)",
    departs="the head ends in a batch normalisation",
    choices={
        **IMAGENET.choices,
        "encoder": "resnet18",
        "view_size": 32,
        "views": "simclr(scale=0.08, colour=0.5, blur=0.0)",
        "temperature": 0.5,
        "head_hidden": 512,
        "batch_size": 512,
        "epochs": 1000,
        "learning_rate": 1.0,
        "scaling": "linear",
        "warmup": 10 / 1000,
        "weight_decay": 1e-4,
    },
)

V2_IMAGENET = Published(
    source=(
        "Chen et al. 2020, arXiv:2006.10029, section 3.1, read as a command for google-research/simclr, run.py; "
        "warm-up not verified"
    ),
    figure="linear probe, top-1 of ImageNet: 71.7 % (the README of google-research/simclr)",
    departs="the head ends in a batch normalisation",
    choices={
        **IMAGENET.choices,
        "head_layers": 3,
        "learning_rate": 1.6,
        "warmup": 0.05,
        "weight_decay": 1e-4,
    },
)
