# %% [markdown]
# # Few labels: 5 of each class instead of 100
#
# 1,000 pictures, of which we pretend to know 50. The encoder learns from all pictures without labels, then a
# classifier learns from the 50, then a smaller network learns to answer as the classifier does.

# %%
import counterpoint as cp

PICTURES = "sample:fashion-test"

# %% [markdown]
# ## Learn from everything, without labels

# %%
cp.fit(PICTURES, epochs=2, width=8, out="runs/pictures", overwrite=True, quiet=True)

# %% [markdown]
# ## Learn from the few labels
#
# `per_class=5` draws five labels of each class; `labels=` names those that you have. `deliver` is "best"
# unless you say otherwise: a linear probe and a fine-tuned encoder are compared by cross-validation. Here we
# take the probe.

# %%
classifier = cp.finetune("runs/pictures", PICTURES, per_class=5, deliver="probe", quiet=True)
answers = cp.predict(classifier, PICTURES, quiet=True)
for answer in answers[:5]:
    print(f"{answer.name}  {answer.label:12} {answer.probability:.0%}")

# %% [markdown]
# ## How often is it right?
#
# The pictures whose labels it has learned from are left out by their names.

# %%
scores = cp.evaluate(classifier, PICTURES, quiet=True)
print(scores["headline"]["sentence"])
print(f"right for {scores['classifier']['value']:.1%} of the others")

# %% [markdown]
# ## A smaller network that answers in the same way
#
# It learns from the answers to all 1,000 pictures, not from 50 labels. Four passes teach it little more than half of
# them.

# %%
student = cp.distill(classifier, PICTURES, encoder="conv2d", width=4, epochs=4, quiet=True)
same = cp.predict(student, PICTURES, quiet=True).labels == answers.labels
print(f"the student agrees with its teacher on {same.mean():.0%} of the pictures")

# %% [markdown]
# `cp.semi(PICTURES, per_class=5, minutes=8, out="runs/clothes")` does all of this in one go, and says what
# the labels are worth. Whom to label next: the pictures of which the classifier is least sure.

# %%
unsure = answers.probabilities.max(axis=1).argsort()[:5]
for row in unsure:
    print(answers.names[row], answers.labels[row], f"{answers.probabilities[row].max():.0%}")
