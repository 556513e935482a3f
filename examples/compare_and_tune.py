# %% [markdown]
# # Which method, and which settings?
#
# Both questions are answered on your own data, with intervals: a method that is ahead by luck is not called
# better. The runs here are so short that nothing will be; give `minutes=` for a real answer.

# %%
import numpy as np

import counterpoint as cp

random = np.random.default_rng(0)
kind = np.arange(120) % 4
time = np.linspace(0, 1, 32)
phase = random.uniform(0, 6, (120, 1, 1))
series = np.sin(2 * np.pi * (2 + kind)[:, None, None] * time + phase) + random.normal(0, 0.5, (120, 1, 32))
series = series.astype(np.float32)

# %% [markdown]
# ## Compare methods
#
# Every method is given the same encoder, views, epochs and seeds, and is asked about the same items. Options
# stand in brackets, choices of a method's own behind it.

# %%
compared = cp.compare(
    series,
    ["simclr", "moco(queue=128)"],
    labels=kind,
    epochs=3,
    seeds=2,
    width=8,
    out="runs/compared",
    overwrite=True,
    quiet=True,
)
print(compared)

# %% [markdown]
# ## Search the settings of one
#
# Temperature, learning rate, strength of the views, head, objective and batch are searched around the usual
# ones. Poor plans are given up early. At the end the best one and the usual one are trained anew with fresh
# seeds, to tell whether it was better or lucky; `repeats=0` leaves that out, for it takes time.

# %%
tuned = cp.tune(
    series, labels=kind, epochs=4, trials=2, repeats=0, width=8, out="runs/tuned", overwrite=True, quiet=True
)
print(tuned["sentence"])
print(tuned["command"])
