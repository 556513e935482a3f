# %% [markdown]
# # SimCLR and MoCo from their parts
#
# What `cp.fit` assembles by name, assembled by hand: every part is an object that you can replace. For people who
# develop methods; `docs/journey.md` explains the code, folder by folder.

# %%
from functools import partial

import numpy as np
import torch

from counterpoint.data.labels import encode
from counterpoint.data.subset import Subset
from counterpoint.encoders.conv2d import conv2d
from counterpoint.evaluation.knn import weighted_knn
from counterpoint.heads import mlp_head
from counterpoint.interfaces import Method
from counterpoint.methods.moco import MoCo
from counterpoint.methods.simclr import SimCLR
from counterpoint.modalities.image import Images
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from counterpoint.objectives.info_nce import info_nce
from counterpoint.training.config import TrainConfig
from counterpoint.training.diagnostics import judge
from counterpoint.training.loop import RunOptions, train

EPOCHS, BATCH = 2, 100

# %% [markdown]
# ## The data
#
# The modality opens a source and measures what it needs of it, such as the mean and standard deviation of the
# pixels.

# %%
images, items = Images.fit("sample:fashion-test", DataOptions(views="grey"))
train_items, test_items = Subset(items, np.arange(600)), Subset(items, np.arange(600, 1000))

# %% [markdown]
# ## The networks
#
# An encoder for grey images of 28 x 28 pixels and its head, with the same initial weights for both methods.


# %%
def networks() -> tuple[torch.nn.Module, torch.nn.Module]:
    """An encoder and its head."""
    torch.manual_seed(0)
    return conv2d(1, 28, width=8), mlp_head(512, hidden=128, outputs=64)


# %% [markdown]
# ## The score
#
# kNN accuracy on the test items.


# %%
def accuracy(method: Method) -> float:
    """The share of test items that kNN classifies correctly."""
    model = Model(method.encoder, images)
    labels, classes = encode(train_items.labels)
    predicted = weighted_knn(model.represent(train_items), labels, model.represent(test_items), classes=len(classes))
    return float((predicted == encode(test_items.labels, classes)[0]).mean())


# %% [markdown]
# ## The two methods
#
# They differ in which vectors are compared; the objective, the data and the loop are the same. Two epochs end in
# seconds and teach almost nothing, as the verdicts say. With `EPOCHS = 60`, under a minute, SimCLR reaches 70 %
# instead of 65 %.

# %%
objective = partial(info_nce, temperature=0.1)
config = TrainConfig(steps=EPOCHS * len(train_items) // BATCH, batch_size=BATCH)
options = RunOptions(notes={"objective": "info_nce", "temperature": 0.1})

for method in (SimCLR(*networks(), objective), MoCo(*networks(), objective, queue=300)):
    before = accuracy(method)
    state = train(method, train_items, images, config, options)
    print(f"{type(method).__name__}: {before:.1%} kNN accuracy before training, {accuracy(method):.1%} after")
    for verdict in judge(state.records.all):
        print(f"    {verdict.sentence}")
