# %% [markdown]
# # Questions and answers: a search that is learned from pairs
#
# Pairs of a question and its answer, from a made-up shop. `clip` learns to find the partner, from both sides,
# and search uses what it has learned. Put a data frame, a .csv or a .jsonl file with two columns in its
# place.

# %%
import itertools

import pandas as pd

import counterpoint as cp

things = ["lamp", "chair", "kettle", "mirror", "carpet", "clock", "shelf", "radio", "vase", "curtain"]
colours = ["red", "blue", "green", "white", "black"]
cases = {
    "When will my {thing} arrive?": "Parcels with a {thing} take three days.",
    "Can I give the {thing} back?": "A {thing} is taken back within a month.",
    "My {thing} came broken.": "We are sorry, and send another {thing}.",
    "Does the {thing} come in {colour}?": "You find the {thing} in {colour} in our list of colours.",
}
rows = [
    {"question": question.format(thing=thing, colour=colour), "answer": answer.format(thing=thing, colour=colour)}
    for (question, answer), thing, colour in itertools.product(cases.items(), things, colours)
]
pairs = pd.DataFrame(rows).drop_duplicates(ignore_index=True)
asked = pairs.sample(frac=0.25, random_state=0)
learned = pairs.drop(asked.index)
print(len(learned), "pairs to learn from,", len(asked), "to ask about")

# %%
model = cp.fit(learned, pairs="question,answer", method="clip", epochs=20, batch_size=16, quiet=True)

# %% [markdown]
# ## Is the right answer found?
#
# Every question looks for its answer among all answers that it has not learned from, beside TF-IDF, BM25 and
# chance. The words of these are much the same on both sides, which is what those two live from.

# %%
result = cp.evaluate_retrieval(model, asked, pairs=("question", "answer"), quiet=True)
print(result)

# %% [markdown]
# ## Search
#
# By any text; it need not be among those that are searched.

# %%
answers = pairs["answer"].unique().tolist()
print(cp.search(model, answers, like="Help, the kettle came broken!", k=3))
