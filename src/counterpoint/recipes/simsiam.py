"""SimSiam, Chen & He 2020, arXiv:2011.10566."""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="Chen & He 2020, arXiv:2011.10566, section 3; facebookresearch/simsiam, README and main_simsiam.py",
    figure="linear probe, top-1 of ImageNet: 68.1 % after 100 epochs (the README)",
    departs="the predictor's rate does not fall; biases and norms are decayed",
    choices={
        "method": "simsiam",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.2, colour=0.5, blur=0.5)",
        "head_layers": 3,
        "head_hidden": 2048,
        "head_outputs": 2048,
        "batch_size": 512,
        "epochs": 100,
        "optimizer": "sgd(momentum=0.9, nesterov=False)",
        "learning_rate": 0.05,
        "scaling": "linear",
        "schedule": "cosine",
        "warmup": 0.0,
        "weight_decay": 1e-4,
    },
)

CIFAR10 = Published(
    source="Chen & He 2020, arXiv:2011.10566, appendix D, read in reproductions such as PatrickHua/SimSiam",
    figure="linear probe, top-1 of CIFAR-10: 91.8 % after 800 epochs (appendix D)",
    departs="biases and norms are decayed",
    choices={
        **IMAGENET.choices,
        "encoder": "resnet18",
        "view_size": 32,
        "views": "simclr(scale=0.2, colour=0.5, blur=0.0)",
        "head_layers": 2,
        "epochs": 800,
        "learning_rate": 0.03,
        "weight_decay": 5e-4,
    },
)
