# %% [markdown]
# # Questions and answers: search trained on pairs
#
# Pairs of a question and its answer, from a made-up shop. `clip` trains the encoder to retrieve the partner in both
# directions. Replace the data by a data frame, a .csv or a .jsonl file with two columns.

# %%
import itertools

import pandas as pd

import counterpoint as cp

products = ["lamp", "chair", "kettle", "mirror", "carpet", "clock", "shelf", "radio", "vase", "curtain"]
colours = ["red", "blue", "green", "white", "black"]
cases = {
    "When will my {product} arrive?": "Parcels with a {product} take three days.",
    "Can I give the {product} back?": "A {product} is taken back within a month.",
    "My {product} came broken.": "We are sorry, and send another {product}.",
    "Does the {product} come in {colour}?": "You find the {product} in {colour} in our list of colours.",
}
rows = [
    {
        "question": question.format(product=product, colour=colour),
        "answer": answer.format(product=product, colour=colour),
    }
    for (question, answer), product, colour in itertools.product(cases.items(), products, colours)
]
pairs = pd.DataFrame(rows).drop_duplicates(ignore_index=True)
test = pairs.sample(frac=0.25, random_state=0)
train = pairs.drop(test.index)
print(len(train), "pairs to train on,", len(test), "to test")

# %%
model = cp.fit(train, pairs="question,answer", method="clip", epochs=20, batch_size=16, quiet=True)

# %% [markdown]
# ## Retrieval accuracy
#
# Every test question retrieves its answer among all test answers, next to TF-IDF, BM25 and chance. Here questions and
# answers share most of their words, which favours those two.

# %%
result = cp.evaluate_retrieval(model, test, pairs=("question", "answer"), quiet=True)
print(result)

# %% [markdown]
# ## Search
#
# The query can be any text.

# %%
answers = pairs["answer"].unique().tolist()
print(cp.search(model, answers, like="Help, the kettle came broken!", k=3))
