# %% [markdown]
# # A table: what does contrast add to the columns?
#
# 569 samples of breast tissue with 30 measurements each (from scikit-learn), and whether a tumour was
# malignant. Views of a row are the row with some of its cells taken from other rows. On tables the columns
# themselves are a strong baseline, so the question is whether a trained encoder is better than those.

# %%
from sklearn.datasets import load_breast_cancer

import counterpoint as cp

frame = load_breast_cancer(as_frame=True).frame
frame["malignant"] = frame.pop("target").map({0: "yes", 1: "no"})
print(frame.iloc[:3, :4])

# %% [markdown]
# ## What would be learned from?
#
# `plan` trains nothing. It says how every column is read; the column of labels is never learned from.

# %%
plan = cp.plan(frame, labels="malignant", quiet=True)
print(plan)

# %% [markdown]
# ## Train, and ask whether it was worth it
#
# Where the first line says "not yet better", the columns serve as well as they are. That is an answer, too.

# %%
model = cp.fit(frame, labels="malignant", epochs=30, quiet=True)
scores = cp.evaluate(model, frame, labels="malignant", quiet=True)
print(scores)

# %% [markdown]
# ## The rows most alike
#
# A nearest neighbour is a case to look up: what became of those that were most like this one?

# %%
for hit in cp.search(model.embed(frame), like=0, k=5):
    print(f"{hit.similarity:.3f}  row {hit.index}, malignant: {frame['malignant'][hit.index]}")
