# %% [markdown]
# # Images: train, score, search
#
# This needs no data of yours: `sample:fashion-test` is 1,000 images of clothes that ship with the package. Replace
# it by a folder of photos, an array `(n, h, w, c)` or a data frame.

# %%
import counterpoint as cp

PICTURES = "sample:fashion-test"

# %% [markdown]
# ## Train
#
# No labels are used. Choices that are not given, such as the method (SimCLR) and the batch size, are made for the
# data and the machine, and printed. Three epochs end in seconds, with a warning that the run is short; `minutes=3`
# plans a useful training for your machine.

# %%
model = cp.fit(PICTURES, epochs=3, width=8, out="runs/images", overwrite=True)

# %% [markdown]
# ## Is it any good?
#
# The sample has labels, which are used from here on. Each score is compared with three baselines: the same network
# before training, raw pixels, and chance. Intervals are 95 %. After so short a training expect little.

# %%
scores = cp.evaluate("runs/images", PICTURES, quiet=True)
print(scores)

# %% [markdown]
# The same values for a program:

# %%
print(scores["headline"]["sentence"])
print(f"linear probe {scores['linear']['value']:.1%}, kNN {scores['knn']['value']:.1%}")

# %% [markdown]
# ## Search
#
# Embeddings are unit vectors with the names of their items. The most similar to the first image:

# %%
z = model.embed(PICTURES)
print(z.vectors.shape, z.vectors.dtype)
print(cp.search(z, like=0, k=5))

# %% [markdown]
# ## One page with all of it
#
# The verdict, the scores, a map, nearest neighbours, the curves and the plan, in one file that opens from disk.

# %%
print(cp.report("runs/images", quiet=True))
