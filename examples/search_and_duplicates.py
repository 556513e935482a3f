# %% [markdown]
# # Search a collection, and clean it of copies
#
# Collections hold the same thing twice: uploaded again, saved at another quality, cut at the edge. Here we
# hide twenty such copies among 1,000 pictures of digits, and find them again.

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
# By one of the items, by several, or by things that the collection does not hold.

# %%
z = model.embed(collection)
for hit in cp.search(z, like=0, k=5):
    print(f"{hit.similarity:.3f}  item {hit.index}, a {digits.target[hit.index]}")

# %% [markdown]
# ## Copies
#
# No threshold is chosen: copies are planted among the items, and how close those come to their originals says
# how likely a pair is a copy. Every pair has its probability.

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
