# %% [markdown]
# # A table: is the encoder better than the raw columns?
#
# 569 samples of breast tissue with 30 measurements each (from scikit-learn), and whether the tumour was malignant. A
# view of a row replaces some of its cells by those of other rows. On tables the raw columns are a strong baseline, so
# the question is whether a trained encoder is better.

# %%
from sklearn.datasets import load_breast_cancer

import counterpoint as cp

frame = load_breast_cancer(as_frame=True).frame
frame["malignant"] = frame.pop("target").map({0: "yes", 1: "no"})
print(frame.iloc[:3, :4])

# %% [markdown]
# ## How is the table read?
#
# `plan` trains nothing. It shows how every column is read; the label column is never a feature.

# %%
plan = cp.plan(frame, labels="malignant", quiet=True)
print(plan)

# %% [markdown]
# ## Train and evaluate
#
# If the first line says "Not yet better", use the raw columns.

# %%
model = cp.fit(frame, labels="malignant", epochs=30, quiet=True)
scores = cp.evaluate(model, frame, labels="malignant", quiet=True)
print(scores)

# %% [markdown]
# ## The most similar rows
#
# What was the diagnosis of the samples most similar to this one?

# %%
for hit in cp.search(model.embed(frame), like=0, k=5):
    print(f"{hit.similarity:.3f}  row {hit.index}, malignant: {frame['malignant'][hit.index]}")
