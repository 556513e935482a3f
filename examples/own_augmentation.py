# %% [markdown]
# # An augmentation of your own
#
# Which two views of an item are a positive pair decides what is learned: whatever an augmentation changes is
# forgotten. Here pictures are stripes. If views may be turned by a quarter, lying and standing stripes become
# alike.

# %%
import numpy as np
import torch

import counterpoint as cp

random = np.random.default_rng(0)
standing = np.arange(120) % 2
place = np.arange(16)
waves = 127.5 + 127.5 * np.sin(place * random.uniform(0.8, 1.6, (120, 1)) + random.uniform(0, 6, (120, 1)))
lying = waves[:, :, None].repeat(16, axis=2)
pictures = np.where(standing[:, None, None] == 1, lying.transpose(0, 2, 1), lying)
pictures = pictures.astype(np.uint8)

# %% [markdown]
# ## An augmentation is a callable
#
# For pictures it takes one Pillow image and returns one, or a tensor `(c, h, w)`. It may draw from the
# generators of torch, NumPy or Python: they are set from the seed, the epoch and the item first, so a run can
# be repeated.


# %%
def shifted(picture):
    """Stripes that begin anywhere, a little noisier."""
    pixels = np.roll(np.array(picture), torch.randint(16, (2,)).tolist(), axis=(0, 1))
    noise = 20 * torch.randn(pixels.shape)
    return (torch.from_numpy(pixels) + noise).clamp(0, 255).to(torch.uint8)[None]


def turned(picture):
    """The same, and perhaps turned by a quarter."""
    return shifted(picture.rotate(90 * int(torch.randint(2, ()))))


# %% [markdown]
# ## What each of them teaches
#
# How alike is a picture to itself turned by a quarter, and how alike to the others that are like it in direction?

# %%
for views in (shifted, turned):
    model = cp.fit(pictures, views=views, epochs=15, batch_size=40, width=8, quiet=True)
    z = model.embed(pictures).vectors
    quarter = model.embed(np.rot90(pictures, axes=(1, 2)).copy()).vectors
    itself = (z * quarter).sum(axis=1).mean()
    others = (z @ z.T)[standing[:, None] == standing].mean()
    print(f"views {views.__name__:8} itself turned {itself:.2f}, others of its direction {others:.2f}")

# %% [markdown]
# Before you train, look at what the views do: `cp.lab` measures for every change how far it moves items, and
# its report shows the views. Texts take a callable from text to text, series and tables one of a whole batch
# and its keys; see `docs/adding.md`.
