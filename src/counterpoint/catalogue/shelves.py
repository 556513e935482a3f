"""The rows of the catalogue: every part by its name, where it lives, and one sentence. A new part is a new row."""

from __future__ import annotations

from counterpoint.catalogue.recipe_rows import RECIPES
from counterpoint.catalogue.rows import Row as Row

SHELVES: dict[str, dict[str, Row]] = {
    "method": {
        "simclr": Row(
            "counterpoint.methods.simclr:SimCLR",
            "Two views of an item are positives, all other views of the batch negatives.",
        ),
        "moco": Row("counterpoint.methods.moco:MoCo", "Contrast with keys of an EMA encoder; negatives from a queue."),
        "byol": Row(
            "counterpoint.methods.byol:BYOL", "Predicts the EMA encoder's projection of the other view; no negatives."
        ),
        "simsiam": Row(
            "counterpoint.methods.simsiam:SimSiam", "BYOL without the EMA encoder: stop-gradient and a predictor."
        ),
        "barlow_twins": Row(
            "counterpoint.methods.barlow_twins:BarlowTwins",
            "Cross-correlation of the views' dimensions near the identity.",
        ),
        "vicreg": Row("counterpoint.methods.vicreg:VICReg", "Invariance, variance and covariance terms; no negatives."),
        "moco_v3": Row(
            "counterpoint.methods.moco_v3:MoCoV3", "Contrast with an EMA encoder and a predictor; in-batch negatives."
        ),
        "nnclr": Row(
            "counterpoint.methods.nnclr:NNCLR", "The positive is the nearest neighbour in a queue of earlier items."
        ),
        "swav": Row(
            "counterpoint.methods.swav:SwAV", "Predicts the prototype assignment of the other view (Sinkhorn)."
        ),
        "dino": Row(
            "counterpoint.methods.dino:DINO", "Self-distillation: a student matches an EMA teacher's sharpened outputs."
        ),
        "simcse": Row(
            "counterpoint.methods.simcse:SimCSE", "Text pairs, or one text under two dropouts; in-batch negatives."
        ),
        "cosent": Row(
            "counterpoint.methods.cosent:CoSENT",
            "Ranks the similarity of text pairs as their scores do. Needs scores.",
            "text",
        ),
        "clip": Row("counterpoint.methods.clip:CLIP", "Symmetric InfoNCE over pairs, both directions."),
        "skipgram": Row(
            "counterpoint.methods.skipgram:SkipGram", "word2vec's skip-gram with negative sampling.", "text"
        ),
        "sup_con": Row(
            "counterpoint.methods.sup_con:SupCon",
            "Items of one class are positives (supervised contrast). Needs labels.",
        ),
        "triplet": Row("counterpoint.methods.triplet:Triplet", "Triplets by class with a margin. Needs labels."),
        "siamese": Row(
            "counterpoint.methods.siamese:Siamese", "Siamese networks: same or different. Needs pairs or labels."
        ),
        "cross_entropy": Row(
            "counterpoint.methods.cross_entropy:CrossEntropy", "A supervised classifier, as a baseline. Needs labels."
        ),
        "joint": Row(
            "counterpoint.methods.joint:Joint", "InfoNCE plus cross-entropy where labels are. Needs some labels."
        ),
        "csi": Row(
            "counterpoint.methods.csi:CSI",
            "Turned pictures are items of their own; for anomalies of one kind of normal pictures.",
            "image",
        ),
    },
    "objective": {
        "info_nce": Row(
            "counterpoint.objectives.info_nce:info_nce", "Softmax cross-entropy of the positive against the negatives."
        ),
        "sup_con": Row(
            "counterpoint.objectives.sup_con:sup_con", "Several positives, averaged outside the log (L_out)."
        ),
        "sup_con_in": Row(
            "counterpoint.objectives.sup_con_in:sup_con_in", "Several positives, averaged inside the log (L_in)."
        ),
        "decoupled": Row(
            "counterpoint.objectives.decoupled:decoupled", "InfoNCE without the positive in the denominator."
        ),
        "debiased": Row(
            "counterpoint.objectives.debiased:debiased",
            "InfoNCE corrected for false negatives by a class prior.",
            "",
            ("cosine",),
        ),
        "hard": Row(
            "counterpoint.objectives.hard:hard",
            "Debiased InfoNCE with hard negatives reweighted.",
            "",
            ("cosine",),
        ),
        "n_pair": Row(
            "counterpoint.objectives.n_pair:n_pair",
            "InfoNCE of inner products, without a temperature.",
            "",
            ("dot", "cosine"),
        ),
        "sigmoid": Row("counterpoint.objectives.sigmoid:sigmoid", "Binary cross-entropy of every pair (SigLIP)."),
        "margin": Row(
            "counterpoint.objectives.margin:margin",
            "Positives close, negatives at least a margin away.",
            "",
            ("euclidean",),
        ),
        "triplet": Row("counterpoint.objectives.triplet:triplet", "Hinge over all triplets."),
        "triplet_hard": Row(
            "counterpoint.objectives.triplet_hard:triplet_hard",
            "Hinge of the hardest positive and the hardest negative.",
        ),
        "triplet_semi_hard": Row(
            "counterpoint.objectives.triplet_semi_hard:triplet_semi_hard",
            "Hinge with semi-hard negatives.",
        ),
        "spectral": Row(
            "counterpoint.objectives.spectral:spectral",
            "Spectral contrastive loss: positives aligned, negatives orthogonal.",
            "",
            ("dot", "cosine"),
        ),
        "align_uniform": Row(
            "counterpoint.objectives.align_uniform:align_uniform",
            "Alignment of positives plus uniformity on the sphere.",
            "",
            ("cosine",),
        ),
    },
    "negatives": {
        "hardest": Row("counterpoint.negatives.hardest:hardest", "The k hardest negatives of each anchor."),
        "ring": Row("counterpoint.negatives.ring:ring", "Negatives of medium similarity, between two quantiles."),
        "sampled": Row("counterpoint.negatives.sampled:sampled", "k of them, drawn anew in every step."),
        "mixed": Row("counterpoint.negatives.mixed:mixed", "All, plus mixtures of the hardest (MoCHi)."),
        "other_labels": Row(
            "counterpoint.negatives.other_labels:other_labels", "Negatives of other classes only. Needs labels."
        ),
        "cancelled": Row("counterpoint.negatives.cancelled:Cancelled", "Without suspected false negatives."),
        "attracted": Row("counterpoint.negatives.attracted:Attracted", "Suspected false negatives become positives."),
        "queue": Row("counterpoint.negatives.queue:QueueNegatives", "All, plus a queue of vectors of earlier batches."),
        "bank": Row("counterpoint.negatives.bank:Bank", "All, plus a memory bank with one vector per item."),
    },
    "temperature": {
        "learned": Row("counterpoint.temperatures.learned:Learned", "Learned with the weights."),
        "scheduled": Row(
            "counterpoint.temperatures.scheduled:Scheduled", "Cosine schedule between a low and a high value."
        ),
    },
    "similarity": {
        "cosine": Row("counterpoint.comparison:cosine", "The cosine of the angle between two vectors."),
        "dot": Row("counterpoint.comparison:dot", "The inner product of two vectors."),
        "euclidean": Row("counterpoint.comparison:euclidean", "Negative squared Euclidean distance."),
        "uncertain": Row("counterpoint.temperatures.uncertain:uncertain", "Cosine with a temperature per item."),
    },
    "modality": {
        "image": Row("counterpoint.modalities.image:Images", "Photos and pictures, grey or in colour."),
        "text": Row("counterpoint.modalities.text:Text", "Sentences, documents: lines, files, a column."),
        "series": Row("counterpoint.modalities.series:Series", "Time series of one or more channels."),
        "windows": Row("counterpoint.modalities.windows:Windows", "Windows of long series, by --window."),
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
        "window_conv": Row(
            "counterpoint.encoders.window_conv:window_conv", "Windows of series: four convolutions.", "windows"
        ),
        "transformer": Row(
            "counterpoint.encoders.transformer:transformer", "Text: a small transformer, from scratch.", "text"
        ),
        "bag": Row("counterpoint.encoders.bag:bag", "Text on a CPU: weighted mean of token embeddings.", "text"),
        "lookup": Row("counterpoint.encoders.lookup:lookup", "Text: mean of word embeddings.", "text"),
        "mlp": Row("counterpoint.encoders.mlp:mlp", "Tables: a multilayer perceptron.", "table"),
    },
    "views": {
        "simclr": Row(
            "counterpoint.views.image_views:simclr",
            "Images: crop, flip, colour jitter, grayscale, as SimCLR on CIFAR-10.",
            "image",
        ),
        "small": Row(
            "counterpoint.views.image_views:small", "Small colour images: the same plus random erasing.", "image"
        ),
        "photo": Row("counterpoint.views.image_views:photo", "Views above 64 pixels: the same plus blur.", "image"),
        "grey": Row(
            "counterpoint.views.image_views:grey", "Grey images: larger crops, brightness, random erasing.", "image"
        ),
        "upright": Row(
            "counterpoint.views.image_views:upright", "Letters and digits: no flip, a small rotation.", "image"
        ),
        "waves": Row(
            "counterpoint.views.series_views:Waves", "Series: crop in time, scaling, jitter, masking.", "series"
        ),
        "near": Row("counterpoint.views.window_views:Near", "Windows of series: shifted by a few steps.", "windows"),
        "corrupt": Row(
            "counterpoint.views.table_views:Corrupt", "Tables: some features take other rows' values (SCARF).", "table"
        ),
        "words": Row("counterpoint.views.text_views:Words", "Text: a span of words, some dropped.", "text"),
        "dropout": Row(
            "counterpoint.views.text_views:dropout", "Text: unchanged but for the encoder's dropout.", "text"
        ),
        "heavy": Row(
            "counterpoint.views.image_views:heavy",
            "Long runs: small crops, strong colour jitter, blur, solarize.",
            "image",
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
        "adagrad": Row("counterpoint.training.adagrad:adagrad", "Adagrad with one rate per row of an embedding table."),
    },
    "schedule": {
        "cosine": Row("counterpoint.training.schedules:cosine", "Cosine decay to 0, or to end; the default."),
        "linear": Row("counterpoint.training.schedules:linear", "Linear decay to 0, or to end."),
        "steps": Row("counterpoint.training.schedules:steps", "Steps down by a factor at given shares of the run."),
        "constant": Row("counterpoint.training.schedules:constant", "Constant."),
    },
    "scaling": {
        "sqrt": Row(
            "counterpoint.training.schedules:square_root", "With the square root of the batch size; the default."
        ),
        "linear": Row("counterpoint.training.schedules:in_proportion", "In proportion to the batch size."),
        "none": Row("counterpoint.training.schedules:unscaled", "Not scaled by the batch size."),
    },
    "scorer": {
        "knn": Row(
            "counterpoint.anomaly_detection.knn:knn", "Mean cosine distance to the k nearest normal items; the default."
        ),
        "mahalanobis": Row(
            "counterpoint.anomaly_detection.mahalanobis:mahalanobis", "Mahalanobis distance with a shrunk covariance."
        ),
        "pca_residual": Row(
            "counterpoint.anomaly_detection.pca_residual:pca_residual",
            "Distance to the main directions of normal items.",
        ),
        "isolation_forest": Row(
            "counterpoint.anomaly_detection.isolation_forest:isolation_forest", "How few random cuts isolate an item."
        ),
        "three_sigma": Row(
            "counterpoint.anomaly_detection.three_sigma:three_sigma",
            "The largest deviation of any feature, in standard ones.",
        ),
    },
    "recipe": RECIPES,
}
