# %% [markdown]
# # Images: train, score, search
#
# Nothing here needs data of your own: `sample:fashion-test` is 1,000 pictures of clothes that ship with the
# package. Put a folder of photos, an array `(n, h, w, c)` or a data frame in its place.

# %%
import counterpoint as cp

PICTURES = "sample:fashion-test"

# %% [markdown]
# ## Train
#
# No labels are used. What is not said here, such as the method (SimCLR) and the size of a batch, fits the
# data and the machine, and is printed. Three passes end in seconds and say so; `minutes=3` plans a useful
# training for your machine.

# %%
model = cp.fit(PICTURES, epochs=3, width=8, out="runs/images", overwrite=True)

# %% [markdown]
# ## Is it any good?
#
# The pictures carry labels, which are used from here on. A score stands beside three baselines: the same
# network before training, the pixels themselves, and chance. Intervals are 95 %. After so short a training
# expect no triumph.

# %%
scores = cp.evaluate("runs/images", PICTURES, quiet=True)
print(scores)

# %% [markdown]
# The same as numbers, for a program:

# %%
print(scores["headline"]["sentence"])
print(f"linear probe {scores['linear']['value']:.1%}, neighbours {scores['knn']['value']:.1%}")

# %% [markdown]
# ## Search
#
# Embeddings are unit vectors with the names of their items. The most alike to the first picture:

# %%
z = model.embed(PICTURES)
print(z.vectors.shape, z.vectors.dtype)
print(cp.search(z, like=0, k=5))

# %% [markdown]
# ## One page with all of it
#
# The verdict, the scores, a map, a gallery of neighbours, the curves and the plan, in one file that opens
# from disk.

# %%
print(cp.report("runs/images", quiet=True))
