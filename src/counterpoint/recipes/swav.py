"""SwAV, Caron et al. 2020, arXiv:2006.09882: the run of 800 epochs with six local views.

With batches of 256 the authors took a rate of 0.6 and a queue; in proportion to the batch it is 0.3 here.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

IMAGENET = Published(
    source="facebookresearch/swav, scripts/swav_800ep_pretrain.sh; Caron et al. 2020, arXiv:2006.09882, appendix A",
    figure="linear probe, top-1 of ImageNet: 75.3 % (the authors' README)",
    departs=(
        "local views have 96 pixels and 0.05 to 0.14 of the picture, here 112 and 0.035 to 0.25; prototypes stand "
        "still for 313 steps; biases and norms are adapted by LARS and decayed"
    ),
    choices={
        "method": "swav(epsilon=0.05, prototypes=3000)",
        "encoder": "resnet50",
        "view_size": 224,
        "views": "simclr(scale=0.14, colour=1.0, blur=0.5)",
        "local_views": 6,
        "temperature": 0.1,
        "head_layers": 2,
        "head_hidden": 2048,
        "head_outputs": 128,
        "batch_size": 4096,
        "epochs": 800,
        "optimizer": "lars(momentum=0.9, trust=0.001)",
        "learning_rate": 0.3,
        "scaling": "linear",
        "schedule": "cosine(end=0.001)",
        "warmup": 10 / 800,
        "weight_decay": 1e-6,
    },
)
