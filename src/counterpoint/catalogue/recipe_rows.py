"""The rows of the catalogue for published recipes."""

from __future__ import annotations

from counterpoint.catalogue.rows import Row

RECIPES: dict[str, Row] = {
    "simclr-imagenet-resnet50": Row(
        "counterpoint.recipes.simclr:IMAGENET", "SimCLR on ImageNet, 800 epochs of batch 4,096.", "image"
    ),
    "simclr-cifar10-resnet18": Row(
        "counterpoint.recipes.simclr:CIFAR10", "SimCLR on CIFAR-10, 1,000 epochs of batch 512.", "image"
    ),
    "simclr_v2-imagenet-resnet50": Row(
        "counterpoint.recipes.simclr:V2_IMAGENET", "SimCLRv2 on ImageNet, 800 epochs of batch 4,096.", "image"
    ),
    "moco_v1-imagenet-resnet50": Row(
        "counterpoint.recipes.moco:V1_IMAGENET", "MoCo on ImageNet, 200 epochs of batch 256.", "image"
    ),
    "moco_v2-imagenet-resnet50": Row(
        "counterpoint.recipes.moco:V2_IMAGENET", "MoCo v2 on ImageNet, 200 epochs of batch 256.", "image"
    ),
    "moco_v3-imagenet-resnet50": Row(
        "counterpoint.recipes.moco_v3:IMAGENET", "MoCo v3 on ImageNet, 1,000 epochs of batch 4,096.", "image"
    ),
    "byol-imagenet-resnet50": Row(
        "counterpoint.recipes.byol:IMAGENET", "BYOL on ImageNet, 1,000 epochs of batch 4,096.", "image"
    ),
    "simsiam-imagenet-resnet50": Row(
        "counterpoint.recipes.simsiam:IMAGENET", "SimSiam on ImageNet, 100 epochs of batch 512.", "image"
    ),
    "simsiam-cifar10-resnet18": Row(
        "counterpoint.recipes.simsiam:CIFAR10", "SimSiam on CIFAR-10, 800 epochs of batch 512.", "image"
    ),
    "barlow_twins-imagenet-resnet50": Row(
        "counterpoint.recipes.barlow_twins:IMAGENET",
        "Barlow Twins on ImageNet, 1,000 epochs of batch 2,048.",
        "image",
    ),
    "vicreg-imagenet-resnet50": Row(
        "counterpoint.recipes.vicreg:IMAGENET", "VICReg on ImageNet, 1,000 epochs of batch 2,048.", "image"
    ),
    "swav-imagenet-resnet50": Row(
        "counterpoint.recipes.swav:IMAGENET", "SwAV on ImageNet, 800 epochs of batch 4,096.", "image"
    ),
    "dino-imagenet-resnet50": Row(
        "counterpoint.recipes.dino:IMAGENET", "DINO on ImageNet, 800 epochs of batch 4,080.", "image"
    ),
    "nnclr-imagenet-resnet50": Row(
        "counterpoint.recipes.nnclr:IMAGENET", "NNCLR on ImageNet, 1,000 epochs of batch 4,096.", "image"
    ),
    "sup_con-cifar10-resnet50": Row(
        "counterpoint.recipes.sup_con:CIFAR10", "SupCon on CIFAR-10, 1,000 epochs of batch 1,024.", "image"
    ),
    "simcse-wikipedia-bert_base": Row(
        "counterpoint.recipes.simcse:WIKIPEDIA", "SimCSE on Wikipedia sentences, 1 epoch of batch 64.", "text"
    ),
    "simcse-nli-bert_base": Row(
        "counterpoint.recipes.simcse:NLI", "SimCSE on pairs of NLI, 3 epochs of batch 512.", "text"
    ),
}
