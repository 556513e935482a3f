# %% [markdown]
# # Which method, and which settings?
#
# Both questions are answered on your own data, with confidence intervals: a method is called better only if the
# difference is significant. The runs here are too short for that; pass `minutes=` for a real comparison.

# %%
import numpy as np

import counterpoint as cp

random = np.random.default_rng(0)
classes = np.arange(120) % 4
time = np.linspace(0, 1, 32)
phase = random.uniform(0, 6, (120, 1, 1))
series = np.sin(2 * np.pi * (2 + classes)[:, None, None] * time + phase) + random.normal(0, 0.5, (120, 1, 32))
series = series.astype(np.float32)

# %% [markdown]
# ## Compare methods
#
# Every method gets the same encoder, views, epochs and seeds, and is evaluated on the same test set. Options of a
# method follow in brackets, other choices after its name.

# %%
compared = cp.compare(
    series,
    ["simclr", "moco(queue=128)"],
    labels=classes,
    epochs=3,
    seeds=2,
    width=8,
    out="runs/compared",
    overwrite=True,
    quiet=True,
)
print(compared)

# %% [markdown]
# ## Tune one method
#
# Temperature, learning rate, strength of the views, head, objective and batch size are searched around their
# defaults. Poor plans are stopped early. At the end the best plan and the default are retrained with new seeds, to
# check that the best one was not just lucky; `repeats=0` skips this to save time.

# %%
tuned = cp.tune(
    series, labels=classes, epochs=4, trials=2, repeats=0, width=8, out="runs/tuned", overwrite=True, quiet=True
)
print(tuned["sentence"])
print(tuned["command"])
