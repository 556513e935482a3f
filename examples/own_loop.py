# %% [markdown]
# # The loss and the augmentations in your own training loop
#
# Two functions add contrastive learning to a loop in plain torch, without a plan or a run folder.

# %%
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

import counterpoint as cp

digits = load_digits()
pictures = torch.from_numpy((digits.images * 255 / 16).astype("uint8"))[:, None]  # (1797, 1, 8, 8)
pictures = pictures.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)  # 16 x 16 pixels

# %% [markdown]
# ## Your network and optimiser

# %%
torch.manual_seed(0)
encoder = nn.Sequential(
    nn.Conv2d(1, 16, 3, stride=2),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 64),
)
head = nn.Sequential(nn.ReLU(), nn.Linear(64, 32))
optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=2e-3)

# %% [markdown]
# ## The loop
#
# `image_views` makes two views of every image of a batch; digits must not be mirrored. They are a function of the
# image and the seed, so the loop is reproducible. `contrastive_loss` is InfoNCE, or any objective by name, and never
# builds the 2n x 2n similarity matrix; it also takes labels and a queue of negatives, and works in several processes.

# %%
augment = cp.image_views(16, preset="grey(mirror=0)")

for step in range(60):
    batch = pictures[torch.randperm(len(pictures))[:256]]
    first, second = augment(batch, seed=step)
    loss = cp.contrastive_loss(head(encoder(first)), head(encoder(second)), temperature=0.2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step:3}  loss {loss.item():.3f}")

# %% [markdown]
# ## A linear probe
#
# The encoder never saw a label.

# %%
with torch.no_grad():
    vectors = encoder(pictures / 255).numpy()
probe = LogisticRegression(max_iter=2000).fit(vectors[:1000], digits.target[:1000])
print(f"accuracy {probe.score(vectors[1000:], digits.target[1000:]):.1%} on 797 test digits")

# %% [markdown]
# `cp.evaluate(vectors, labels, source=pictures)` does the same with intervals, next to raw pixels as a baseline.
