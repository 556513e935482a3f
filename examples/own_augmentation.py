# %% [markdown]
# # An augmentation of your own
#
# The encoder becomes invariant to whatever the augmentation changes. Here the images are stripes. If views may be
# rotated by 90 degrees, horizontal and vertical stripes get similar embeddings.

# %%
import numpy as np
import torch

import counterpoint as cp

random = np.random.default_rng(0)
vertical = np.arange(120) % 2
place = np.arange(16)
waves = 127.5 + 127.5 * np.sin(place * random.uniform(0.8, 1.6, (120, 1)) + random.uniform(0, 6, (120, 1)))
horizontal = waves[:, :, None].repeat(16, axis=2)
pictures = np.where(vertical[:, None, None] == 1, horizontal.transpose(0, 2, 1), horizontal)
pictures = pictures.astype(np.uint8)

# %% [markdown]
# ## An augmentation is a callable
#
# For images it takes one Pillow image and returns one, or a tensor `(c, h, w)`. It may draw from the generators of
# torch, NumPy or Python: they are first seeded from the seed, the epoch and the item, so runs are reproducible.


# %%
def shifted(picture):
    """Stripes shifted cyclically, with noise."""
    pixels = np.roll(np.array(picture), torch.randint(16, (2,)).tolist(), axis=(0, 1))
    noise = 20 * torch.randn(pixels.shape)
    return (torch.from_numpy(pixels) + noise).clamp(0, 255).to(torch.uint8)[None]


def rotated(picture):
    """The same, rotated by 90 degrees half of the time."""
    return shifted(picture.rotate(90 * int(torch.randint(2, ()))))


# %% [markdown]
# ## What each of them makes the encoder learn
#
# How similar is an image to itself rotated by 90 degrees, and to the other images of its orientation?

# %%
for views in (shifted, rotated):
    model = cp.fit(pictures, views=views, epochs=15, batch_size=40, width=8, quiet=True)
    z = model.embed(pictures).vectors
    rotation = model.embed(np.rot90(pictures, axes=(1, 2)).copy()).vectors
    itself = (z * rotation).sum(axis=1).mean()
    others = (z @ z.T)[vertical[:, None] == vertical].mean()
    print(f"views {views.__name__:8} itself rotated {itself:.2f}, others of its orientation {others:.2f}")

# %% [markdown]
# `cp.lab` measures, before training, how much every transform changes items, and its report shows the views. For
# texts the callable maps text to text, for series and tables a whole batch and its keys to views; see
# `docs/adding.md`.
