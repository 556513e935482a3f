"""MoCo, He et al. 2020, arXiv:1911.05722, and its version 2, Chen et al. 2020, arXiv:2003.04297."""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

V1_IMAGENET = Published(
    source="He et al. 2020, arXiv:1911.05722, section 3.3; facebookresearch/moco, README and main_moco.py",
    figure="linear probe, top-1 of ImageNet: 60.8 % (+- 0.2, five runs, the README)",
    departs="hue changes by up to 0.4 of a turn and colours always change; biases and norms are decayed",
    choices={
        "method": "moco(queue=65536, momentum=0.999, groups=8)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.2, colour=0.5, blur=0.0)",
        "temperature": 0.07,
        "head_layers": 1,
        "head_outputs": 128,
        "batch_size": 256,
        "epochs": 200,
        "optimizer": "sgd(momentum=0.9, nesterov=False)",
        "learning_rate": 0.03,
        "scaling": "linear",
        "schedule": "steps(at=(0.6, 0.8), by=0.1)",
        "warmup": 0.0,
        "weight_decay": 1e-4,
    },
)

V2_IMAGENET = Published(
    source="Chen et al. 2020, arXiv:2003.04297, section 3; facebookresearch/moco, README and main_moco.py",
    figure="linear probe, top-1 of ImageNet: 67.5 % (+- 0.1, five runs, the README)",
    departs="the head has no batch normalisation; biases and norms are decayed",
    choices={
        **V1_IMAGENET.choices,
        "views": "simclr(scale=0.2, colour=0.5, blur=0.5)",
        "temperature": 0.2,
        "head_layers": 2,
        "head_hidden": 2048,
        "schedule": "cosine",
    },
)
