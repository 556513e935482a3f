"""The shelves of the catalogue: every part by its name, where it lives, and one sentence. New parts are new rows."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """Where a part lives, as ``module:name``, what it does in one sentence, and what it is limited to."""

    target: str
    summary: str
    only: str = ""
    """The only kind of data that the part is for; empty for all."""
    similarities: tuple[str, ...] = ()
    """The similarities that an objective can take, the usual first; empty for all of them, with cosine as usual."""


SHELVES: dict[str, dict[str, Row]] = {
    "method": {
        "simclr": Row("counterpoint.methods.simclr:SimCLR", "Two views of an item agree among all views of a batch."),
        "moco": Row("counterpoint.methods.moco:MoCo", "A query finds its key among a queue of earlier keys."),
        "byol": Row("counterpoint.methods.byol:BYOL", "Predicts what a slow copy makes of the other view."),
        "simsiam": Row("counterpoint.methods.simsiam:SimSiam", "Predicts what it makes of the other view itself."),
        "barlow_twins": Row(
            "counterpoint.methods.barlow_twins:BarlowTwins", "Numbers of a vector agree between views, and not else."
        ),
        "vicreg": Row("counterpoint.methods.vicreg:VICReg", "Views agree; numbers of a vector vary, each on its own."),
        "moco_v3": Row("counterpoint.methods.moco_v3:MoCoV3", "Finds what a slow copy makes of the other view."),
        "nnclr": Row("counterpoint.methods.nnclr:NNCLR", "An item agrees with the nearest of earlier items."),
        "swav": Row("counterpoint.methods.swav:SwAV", "Views of an item fall into the same of many clusters."),
        "dino": Row("counterpoint.methods.dino:DINO", "A student says what its slow, sharper copy says."),
        "simcse": Row("counterpoint.methods.simcse:SimCSE", "An anchor finds its partner in a batch."),
        "cosent": Row(
            "counterpoint.methods.cosent:CoSENT", "Pairs are as alike, in order, as people say. Needs scores.", "text"
        ),
        "clip": Row("counterpoint.methods.clip:CLIP", "Partners find each other in a batch, from both sides."),
        "skipgram": Row(
            "counterpoint.methods.skipgram:SkipGram", "A word tells the words around it from others.", "text"
        ),
        "sup_con": Row("counterpoint.methods.sup_con:SupCon", "Views of all items of a class agree. Needs labels."),
        "triplet": Row(
            "counterpoint.methods.triplet:Triplet", "Own class nearer than others by a margin. Needs labels."
        ),
        "siamese": Row("counterpoint.methods.siamese:Siamese", "Pairs are near or apart. Needs pairs or labels."),
        "cross_entropy": Row("counterpoint.methods.cross_entropy:CrossEntropy", "Name the classes. Needs labels."),
        "joint": Row("counterpoint.methods.joint:Joint", "Contrast and classes in one loss. Needs some labels."),
    },
    "objective": {
        "info_nce": Row("counterpoint.objectives.info_nce:info_nce", "Pick the positive out of its negatives."),
        "sup_con": Row("counterpoint.objectives.sup_con:sup_con", "Pick each positive out of all others, for labels."),
        "sup_con_in": Row("counterpoint.objectives.sup_con_in:sup_con_in", "Pick any positive out of all others."),
        "decoupled": Row("counterpoint.objectives.decoupled:decoupled", "InfoNCE, the positive not among its rivals."),
        "debiased": Row(
            "counterpoint.objectives.debiased:debiased",
            "InfoNCE, some negatives taken for positives.",
            "",
            ("cosine",),
        ),
        "hard": Row(
            "counterpoint.objectives.hard:hard",
            "Debiased InfoNCE, hard negatives weigh more.",
            "",
            ("cosine",),
        ),
        "n_pair": Row(
            "counterpoint.objectives.n_pair:n_pair", "InfoNCE of lengths, without temperature.", "", ("dot", "cosine")
        ),
        "sigmoid": Row("counterpoint.objectives.sigmoid:sigmoid", "Say of every pair by itself whether it matches."),
        "margin": Row(
            "counterpoint.objectives.margin:margin", "Positives close, negatives a margin away.", "", ("euclidean",)
        ),
        "triplet": Row("counterpoint.objectives.triplet:triplet", "Positives nearer than negatives, in all triplets."),
        "triplet_hard": Row(
            "counterpoint.objectives.triplet_hard:triplet_hard", "The furthest positive nearer than any negative."
        ),
        "triplet_semi_hard": Row(
            "counterpoint.objectives.triplet_semi_hard:triplet_semi_hard",
            "Each positive nearer than the next negative beyond it.",
        ),
        "spectral": Row(
            "counterpoint.objectives.spectral:spectral",
            "Positives aligned, negatives orthogonal.",
            "",
            ("dot", "cosine"),
        ),
        "align_uniform": Row(
            "counterpoint.objectives.align_uniform:align_uniform",
            "Positives close, all spread over the sphere.",
            "",
            ("cosine",),
        ),
    },
    "negatives": {
        "hardest": Row("counterpoint.negatives.hardest:hardest", "The k negatives most alike to the anchor."),
        "ring": Row("counterpoint.negatives.ring:ring", "Those neither most nor least alike to the anchor."),
        "sampled": Row("counterpoint.negatives.sampled:sampled", "k of them, drawn anew in every step."),
        "mixed": Row("counterpoint.negatives.mixed:mixed", "All, and points between the hardest of them."),
        "other_labels": Row(
            "counterpoint.negatives.other_labels:other_labels", "None of the anchor's own class. Needs labels."
        ),
        "cancelled": Row("counterpoint.negatives.cancelled:Cancelled", "Without those that may be of its class."),
        "attracted": Row("counterpoint.negatives.attracted:Attracted", "Those that may be of its class attract."),
        "queue": Row("counterpoint.negatives.queue:QueueNegatives", "All, and the last vectors of earlier batches."),
        "bank": Row("counterpoint.negatives.bank:Bank", "All, and a slowly moving vector of every other item."),
    },
    "temperature": {
        "learned": Row("counterpoint.temperatures.learned:Learned", "A weight that the loss moves."),
        "scheduled": Row("counterpoint.temperatures.scheduled:Scheduled", "Swings between low and high."),
    },
    "similarity": {
        "cosine": Row("counterpoint.comparison:cosine", "The cosine of the angle between two vectors."),
        "dot": Row("counterpoint.comparison:dot", "The inner product of two vectors."),
        "euclidean": Row("counterpoint.comparison:euclidean", "Minus the squared distance of two vectors."),
        "uncertain": Row(
            "counterpoint.temperatures.uncertain:uncertain", "Cosine, with a temperature of each item's own."
        ),
    },
    "modality": {
        "image": Row("counterpoint.modalities.image:Images", "Photos and pictures, grey or in colour."),
        "text": Row("counterpoint.modalities.text:Text", "Sentences, documents: lines, files, a column."),
        "series": Row("counterpoint.modalities.series:Series", "Measurements in the order of time, some channels."),
        "table": Row("counterpoint.modalities.table:Table", "Rows of numbers and categories."),
    },
    "encoder": {
        "conv2d": Row("counterpoint.encoders.conv2d:conv2d", "Images on a CPU: a small conv net.", "image"),
        "resnet18": Row(
            "counterpoint.encoders.resnet:resnet18", "Images: ResNet-18, small stem below 65 pixels.", "image"
        ),
        "resnet34": Row(
            "counterpoint.encoders.resnet:resnet34", "Images: ResNet-34, small stem below 65 pixels.", "image"
        ),
        "resnet50": Row(
            "counterpoint.encoders.resnet:resnet50", "Images: ResNet-50, small stem below 65 pixels.", "image"
        ),
        "resnet101": Row(
            "counterpoint.encoders.resnet:resnet101", "Images: ResNet-101, small stem below 65 pixels.", "image"
        ),
        "resnet152": Row(
            "counterpoint.encoders.resnet:resnet152", "Images: ResNet-152, small stem below 65 pixels.", "image"
        ),
        "sk_resnet50": Row(
            "counterpoint.encoders.sk_resnet:sk_resnet50", "Images: ResNet-50 with selective kernels.", "image"
        ),
        "sk_resnet101": Row(
            "counterpoint.encoders.sk_resnet:sk_resnet101", "Images: ResNet-101 with selective kernels.", "image"
        ),
        "sk_resnet152": Row(
            "counterpoint.encoders.sk_resnet:sk_resnet152", "Images: ResNet-152 with selective kernels.", "image"
        ),
        "conv1d": Row("counterpoint.encoders.conv1d:conv1d", "Series: dilated convolutions.", "series"),
        "transformer": Row(
            "counterpoint.encoders.transformer:transformer", "Text: a small transformer, from scratch.", "text"
        ),
        "bag": Row("counterpoint.encoders.bag:bag", "Text on a CPU: weighed mean of vectors of tokens.", "text"),
        "lookup": Row("counterpoint.encoders.lookup:lookup", "Text: mean of vectors of whole words.", "text"),
        "mlp": Row("counterpoint.encoders.mlp:mlp", "Tables: a multi-layer perceptron.", "table"),
    },
    "views": {
        "simclr": Row(
            "counterpoint.views.image_views:simclr",
            "Images: crop, mirror, colour, grey, as SimCLR on CIFAR-10.",
            "image",
        ),
        "small": Row(
            "counterpoint.views.image_views:small", "Small colour images: the same with a blanked box.", "image"
        ),
        "photo": Row("counterpoint.views.image_views:photo", "Views above 64 pixels: the same with blur.", "image"),
        "grey": Row("counterpoint.views.image_views:grey", "Grey images: larger crops, light, a blanked box.", "image"),
        "upright": Row(
            "counterpoint.views.image_views:upright", "Letters and digits: no mirror, a small turn.", "image"
        ),
        "waves": Row("counterpoint.views.series_views:Waves", "Series: crop in time, scale, noise, silence.", "series"),
        "corrupt": Row("counterpoint.views.table_views:Corrupt", "Tables: values of other rows.", "table"),
        "words": Row("counterpoint.views.text_views:Words", "Text: a run of words, some left out.", "text"),
        "dropout": Row(
            "counterpoint.views.text_views:dropout", "Text: unchanged but for the encoder's dropout.", "text"
        ),
        "heavy": Row(
            "counterpoint.views.image_views:heavy", "Long runs: small crops, strong colour, blur, solarize.", "image"
        ),
    },
    "tracker": {
        "tensorboard": Row("counterpoint.trackers.tensorboard:tensorboard", "Curves for TensorBoard."),
        "wandb": Row("counterpoint.trackers.wandb:wandb", "Curves for Weights & Biases, offline unless told."),
        "mlflow": Row("counterpoint.trackers.mlflow:mlflow", "Curves for MLflow, in the run folder unless told."),
    },
    "optimizer": {
        "adamw": Row("counterpoint.training.optimizers:adamw", "Adam with decoupled weight decay; the default."),
        "sgd": Row(
            "counterpoint.training.optimizers:sgd", "Stochastic gradient descent with momentum, Nesterov's or plain."
        ),
        "lars": Row("counterpoint.training.optimizers:lars", "Layer-wise adaptive rates, for batches above 1,024."),
        "adagrad": Row("counterpoint.training.adagrad:adagrad", "One rate for every row of a table; for words."),
    },
    "schedule": {
        "cosine": Row(
            "counterpoint.training.schedules:cosine", "Half a cosine down to nothing, or to end; the default."
        ),
        "linear": Row("counterpoint.training.schedules:linear", "A straight line down to nothing, or to end."),
        "steps": Row("counterpoint.training.schedules:steps", "A tenth, or by, at each of some shares of the run."),
        "constant": Row("counterpoint.training.schedules:constant", "The same to the end."),
    },
    "scaling": {
        "sqrt": Row("counterpoint.training.schedules:square_root", "With the square root of the batch; the default."),
        "linear": Row("counterpoint.training.schedules:in_proportion", "In proportion to the batch."),
        "none": Row("counterpoint.training.schedules:unscaled", "The same for every batch."),
    },
    "recipe": {
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
            "counterpoint.recipes.simcse:WIKIPEDIA", "SimCSE on sentences of Wikipedia, an epoch of batch 64.", "text"
        ),
        "simcse-nli-bert_base": Row(
            "counterpoint.recipes.simcse:NLI", "SimCSE on pairs of NLI, 3 epochs of batch 512.", "text"
        ),
    },
}
