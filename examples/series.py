# %% [markdown]
# # Time series: short bursts at random times
#
# 240 recordings of a sensor. Each has one short burst from one of four machines, which differ in its frequency. Its
# time and amplitude are random. The views change just those, so the encoder learns to ignore them.

# %%
import numpy as np

import counterpoint as cp

random = np.random.default_rng(0)
machine = np.arange(240) % 4
start = random.uniform(0, 72, (240, 1))
loudness = random.uniform(0.5, 2, (240, 1))
place = np.clip((np.arange(96) - start) / 24, 0, 1)  # 0 before the burst, 1 after it
bursts = loudness * np.sin(np.pi * place) * np.sin(2 * np.pi * (1.5 + 1.5 * machine[:, None]) * place)
recordings = (bursts + random.normal(0, 0.2, bursts.shape)).astype(np.float32)[:, None]
print(recordings.shape)  # (items, channels, steps)

# %%
model = cp.fit(recordings, epochs=20, width=8, quiet=True)

# %% [markdown]
# ## Better than the raw series?
#
# A linear probe fails on the raw series: step by step, two bursts of one machine have little in common. kNN works as
# long as some burst of the same machine came at about the same time.

# %%
scores = cp.evaluate(model, recordings, labels=machine, quiet=True)
print(scores)

# %% [markdown]
# ## Groups stay together
#
# Recordings of one day resemble each other for other reasons than the machine. If a day is in both train and test set,
# the score is too high. `groups` holds out whole days; it works with models and with vectors.

# %%
day = np.arange(240) // 12
z = model.embed(recordings)
held_out = cp.evaluate(z, machine, groups=day, quiet=True)
print(f"linear probe, whole days held out: {held_out['linear']['value']:.1%}")
