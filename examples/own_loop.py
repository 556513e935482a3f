# %% [markdown]
# # The loss and the augmentations in your own training loop
#
# You have a loop in plain torch and want contrast in it: no plan, no run folder, two functions.

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
# ## A network and an optimiser, as you have them

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
# `image_views` makes two views of every picture of a batch; a digit must not be mirrored. They are a function
# of the seed alone, so the loop can be repeated. `contrastive_loss` is InfoNCE, or any objective by name, and
# never builds the 2n x 2n table; labels, a queue of negatives and several processes are arguments of the same
# function.

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
# ## What has been learned
#
# A linear probe on vectors that nobody showed a label.

# %%
with torch.no_grad():
    vectors = encoder(pictures / 255).numpy()
probe = LogisticRegression(max_iter=2000).fit(vectors[:1000], digits.target[:1000])
print(f"{probe.score(vectors[1000:], digits.target[1000:]):.1%} of 797 digits are right")

# %% [markdown]
# `cp.evaluate(vectors, labels, source=pictures)` says the same with intervals, beside the pixels as a
# baseline.
