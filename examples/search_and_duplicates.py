# %% [markdown]
# # Search a collection, and remove duplicates
#
# Collections contain copies: uploaded again, saved at another quality, cropped at the edge. Here we hide twenty such
# copies among 1,000 images of digits, and find them again.

# %%
import numpy as np
from sklearn.datasets import load_digits

import counterpoint as cp

digits = load_digits()
pictures = np.kron(digits.images[:1000], np.ones((2, 2)))  # 8 x 8 pixels, twice as large
pictures = (pictures * 255 / 16).astype(np.uint8)

random = np.random.default_rng(0)
copied = random.choice(1000, 20, replace=False)
darker = (pictures[copied] * 0.9).astype(np.uint8)
collection = np.concatenate([pictures, darker])

# %%
model = cp.fit(collection, epochs=3, width=8, quiet=True)

# %% [markdown]
# ## Search
#
# By an item of the collection, by several, or by items from outside.

# %%
z = model.embed(collection)
for hit in cp.search(z, like=0, k=5):
    print(f"{hit.similarity:.3f}  item {hit.index}, a {digits.target[hit.index]}")

# %% [markdown]
# ## Copies
#
# No threshold is needed: artificial copies are made of the items, and their distances to the originals give every pair
# a probability of being a copy.

# %%
result = cp.duplicates(model, collection, quiet=True)
print(result)

# %%
pairs = {tuple(sorted(pair.index)) for pair in result.pairs}
hidden = {(int(original), 1000 + number) for number, original in enumerate(copied)}
print(f"{len(pairs & hidden)} of the {len(hidden)} hidden copies are among the {len(pairs)} pairs")

# %% [markdown]
# ## Keep one of each

# %%
kept = sorted(set(range(result.items)) - {item for group in result.groups for item in group.index[1:]})
print(f"{len(kept)} of {result.items} items are left")
