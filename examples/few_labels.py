# %% [markdown]
# # Few labels: 5 of each class instead of 100
#
# 1,000 images, of which we use 50 labels. The encoder is trained on all images without labels, then a classifier
# on the 50 labels, and then it is distilled into a smaller network.

# %%
import counterpoint as cp

PICTURES = "sample:fashion-test"

# %% [markdown]
# ## Train on all images, without labels

# %%
cp.fit(PICTURES, epochs=2, width=8, out="runs/pictures", overwrite=True, quiet=True)

# %% [markdown]
# ## Train a classifier on the few labels
#
# `per_class=5` draws five labels of each class; `labels=` names the labels that you have. By default `deliver` is
# "best": a linear probe and a fine-tuned encoder are compared by cross-validation. Here we use the probe.

# %%
classifier = cp.finetune("runs/pictures", PICTURES, per_class=5, deliver="probe", quiet=True)
predictions = cp.predict(classifier, PICTURES, quiet=True)
for prediction in predictions[:5]:
    print(f"{prediction.name}  {prediction.label:12} {prediction.probability:.0%}")

# %% [markdown]
# ## How accurate is it?
#
# The images whose labels it was trained on are excluded, by name.

# %%
scores = cp.evaluate(classifier, PICTURES, quiet=True)
print(scores["headline"]["sentence"])
print(f"accuracy {scores['classifier']['value']:.1%} on the other images")

# %% [markdown]
# ## Distil it into a smaller network
#
# The student learns the predictions for all 1,000 images, not only the 50 labels. After four epochs it reproduces
# little more than half of them.

# %%
student = cp.distill(classifier, PICTURES, encoder="conv2d", width=4, epochs=4, quiet=True)
same = cp.predict(student, PICTURES, quiet=True).labels == predictions.labels
print(f"the student agrees with its teacher on {same.mean():.0%} of the images")

# %% [markdown]
# `cp.semi(PICTURES, per_class=5, minutes=8, out="runs/clothes")` does all of this at once, and measures accuracy by
# label budget. The images to label next are those with the least certain predictions.

# %%
uncertain = predictions.probabilities.max(axis=1).argsort()[:5]
for row in uncertain:
    print(predictions.names[row], predictions.labels[row], f"{predictions.probabilities[row].max():.0%}")
