"""SupCon, Khosla et al. 2020, arXiv:2004.11362, as its authors' code trains on CIFAR-10.

They give a rate of 0.5 for batches of 1,024 and no scaling; here it is in proportion to the batch.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

CIFAR10 = Published(
    source="HobbitLong/SupContrast, README and main_supcon.py",
    figure="linear probe, top-1 of CIFAR-10: 96.0 % (the README)",
    departs="the head has no batch normalisation; biases and norms are decayed",
    choices={
        "method": "sup_con",
        "encoder": "resnet50",
        "view_size": 32,
        "views": "simclr(scale=0.2, colour=0.5, blur=0.0)",
        "temperature": 0.1,
        "head_layers": 2,
        "head_hidden": 2048,
        "head_outputs": 128,
        "batch_size": 1024,
        "epochs": 1000,
        "optimizer": "sgd(momentum=0.9, nesterov=False)",
        "learning_rate": 0.125,
        "scaling": "linear",
        "schedule": "cosine(end=0.001)",
        "warmup": 10 / 1000,
        "weight_decay": 1e-4,
    },
)
