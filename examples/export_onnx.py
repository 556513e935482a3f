# %% [markdown]
# # Export to ONNX
#
# One file with the whole network, for servers, phones and browsers, without torch and without this package.

# %%
import json

import numpy as np
import onnxruntime

import counterpoint as cp

PICTURES = "sample:fashion-test"
cp.fit(PICTURES, epochs=1, width=8, out="runs/pictures", overwrite=True, quiet=True)
classifier = cp.finetune("runs/pictures", PICTURES, per_class=5, deliver="probe", quiet=True)

# %% [markdown]
# The exported network is compared with torch before the file is written; the largest difference is in the result.

# %%
written = cp.export(classifier, "clothes.onnx", quiet=True)
print(f"{written['bytes']:,} bytes, differs from torch by {written['deviation']:.1e} at most")

# %% [markdown]
# ## Use it without this package
#
# The file contains what is needed to prepare inputs: a description of the input, its settings, the classes.

# %%
session = onnxruntime.InferenceSession("clothes.onnx")
notes = json.loads(session.get_modelmeta().custom_metadata_map["counterpoint"])
print(notes["input"]["recipe"])

# %%
mean, deviation = (np.float32(notes["settings"][name]) for name in ("mean", "deviation"))
picture = np.zeros((1, 1, 28, 28), dtype=np.float32)  # one grey picture, in [0, 1]
picture[:, :, 4:26, 10:18] = 0.8  # a bar, rather like trousers
(probabilities,) = session.run(["probabilities"], {"views": (picture - mean) / deviation})
print(notes["classes"][probabilities.argmax()], f"{probabilities.max():.0%}")
