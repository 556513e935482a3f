# %% [markdown]
# # In scikit-learn
#
# `Contrast` is a transformer and `ContrastClassifier` a classifier: they go into pipelines, cross-validation
# and grid searches, and take arrays, data frames, texts and pictures.

# %%
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

import counterpoint as cp

digits = load_digits()
pictures = (digits.images[:300] * 255 / 16).astype("uint8")  # (300, 8, 8)
train, test, train_labels, test_labels = train_test_split(pictures, digits.target[:300], random_state=0)

# %% [markdown]
# ## A step of a pipeline
#
# The encoder learns from the pictures alone; the labels go to the step after it.

# %%
pipeline = make_pipeline(cp.Contrast(epochs=3, width=8), LogisticRegression(max_iter=1000))
pipeline.fit(train, train_labels)
print(f"{pipeline.score(test, test_labels):.1%} of {len(test)} test pictures are right")

# %% [markdown]
# ## Searched like any other step

# %%
search = GridSearchCV(pipeline, {"contrast__temperature": [0.1, 0.5]}, cv=2)
search.fit(train[:100], train_labels[:100])
print(search.best_params_)

# %% [markdown]
# ## Few labels
#
# As in `sklearn.semi_supervised`, -1 is a label that nobody knows. The encoder learns from all rows, the
# classifier from those that have a label.

# %%
known = np.where(np.arange(len(train)) < 60, train_labels, -1)
classifier = cp.ContrastClassifier(epochs=3, width=8, frozen=True).fit(train, known)
print(f"{classifier.score(test, test_labels):.1%} of {len(test)} test pictures are right, with 60 labels")
