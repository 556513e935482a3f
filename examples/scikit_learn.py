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
# The encoder is trained on the images alone; the labels are used by the next step.

# %%
pipeline = make_pipeline(cp.Contrast(epochs=3, width=8), LogisticRegression(max_iter=1000))
pipeline.fit(train, train_labels)
print(f"accuracy {pipeline.score(test, test_labels):.1%} on {len(test)} test images")

# %% [markdown]
# ## In a grid search

# %%
search = GridSearchCV(pipeline, {"contrast__temperature": [0.1, 0.5]}, cv=2)
search.fit(train[:100], train_labels[:100])
print(search.best_params_)

# %% [markdown]
# ## Few labels
#
# As in `sklearn.semi_supervised`, -1 means unlabelled. The encoder is trained on all rows, the classifier on the
# labelled ones.

# %%
some_labels = np.where(np.arange(len(train)) < 60, train_labels, -1)
classifier = cp.ContrastClassifier(epochs=3, width=8, frozen=True).fit(train, some_labels)
print(f"accuracy {classifier.score(test, test_labels):.1%} on {len(test)} test images, with 60 labels")
