# %% [markdown]
# # A loss of your own
#
# An objective is a function. It gets some whole rows of the comparison, a `Tile` with `similarity`, `positive` and
# `negative` (each anchors x candidates), and returns one loss per anchor. The package is not changed.

# %%
import numpy as np
import torch
from torch.nn import functional

import counterpoint as cp
from counterpoint.comparison import Tile

# %% [markdown]
# ## The loss
#
# Every pair is classified on its own, positive or negative:
#
#     loss_i = mean_p log(1 + e^{(1/2 - s_ip)/t}) + mean_k log(1 + e^{(s_ik - 1/2)/t})
#
# A parameter `temperature` gets the plan's value. Because a loss sees whole rows and nothing else, it is exact when
# computed in pieces: batches beyond memory and several processes need no extra code.


# %%
def logistic(tile: Tile, *, temperature: float = 0.1) -> torch.Tensor:
    """One loss per anchor (n,)."""
    excess = (tile.similarity - 0.5) / temperature
    pull = mean(functional.softplus(-excess), tile.positive)
    push = mean(functional.softplus(excess), tile.negative)
    return pull + push


def mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The mean of the chosen values of each row; 0 where none is."""
    return values.masked_fill(~chosen, 0.0).sum(dim=1) / chosen.sum(dim=1).clamp(min=1)


# %% [markdown]
# ## In a loop of your own
#
# A loss is named as `module:function`; here the module is this script. With two identical views of three items:

# %%
views = torch.eye(3)
print(cp.contrastive_loss(views, views, objective="__main__:logistic"))

# %% [markdown]
# ## In a training
#
# With any method and any modality. To load such a run elsewhere, put the function into a module that can be
# imported, such as `losses:logistic`, and trust it: `cp.load(folder, trust=True)`.

# %%
random = np.random.default_rng(0)
classes = np.arange(300) % 3
rows = random.normal(0, 1, (300, 12)) + 1.5 * np.eye(3)[classes].repeat(4, axis=1)

for objective in ("info_nce", "__main__:logistic"):
    model = cp.fit(rows.astype(np.float32), objective=objective, epochs=10, quiet=True)
    scores = cp.evaluate(model, rows.astype(np.float32), labels=classes, quiet=True)
    print(f"{objective:20} linear probe {scores['linear']['value']:.1%}")
