# %% [markdown]
# # An encoder of your own, of torchvision, or of timm
#
# An encoder is any `nn.Module` from views to one vector per item, `(n, d)`. Everything else, methods, losses,
# scores and export, works with it as with the encoders that are built in.

# %%
import timm
import torch
import torchvision
from sklearn.datasets import load_digits
from torch import nn

import counterpoint as cp

digits = load_digits()
pictures = (digits.images[:300] * 255 / 16).astype("uint8")  # (300, 8, 8)
labels = digits.target[:300]
torch.manual_seed(0)  # for the weights that networks begin with

# %% [markdown]
# ## A module
#
# Pictures come as `(n, channels, height, width)`, standardised: grey ones with one channel.


# %%
def small() -> nn.Module:
    """(n, 1, 8, 8) -> (n, 64)."""
    first, second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, stride=2)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(288, 64))


# %% [markdown]
# ## A network of torchvision
#
# Take off its classifier, and give it one channel.

# %%
squeezed = torchvision.models.mobilenet_v3_small(weights=None)
squeezed.features[0][0] = nn.Conv2d(1, 16, 3, padding=1, bias=False)
squeezed.classifier = nn.Identity()

# %% [markdown]
# ## A network of timm
#
# `num_classes=0` takes off its classifier. By name, without a module: `encoder="timm:resnet18"`; and with
# weights that you have, `encoder="timm:resnet18", weights="resnet18.safetensors"`. Nothing is downloaded.

# %%
tiny = timm.create_model("test_efficientnet", in_chans=1, num_classes=0)

# %%
for name, encoder in {"own": small(), "torchvision": squeezed, "timm": tiny}.items():
    model = cp.fit(pictures, encoder=encoder, epochs=1, out=f"runs/{name}", overwrite=True, quiet=True)
    print(f"{name:12} {model.embed(pictures).vectors.shape[1]:4} numbers for each picture")

# %% [markdown]
# ## Saved and loaded
#
# The weights are in the run folder; a module of your own is built by you.

# %%
model = cp.load("runs/own", encoder=small())

# %% [markdown]
# ## A network that others trained
#
# `epochs=0` takes an encoder as it comes, and `evaluate` scores any network, beside itself with weights drawn
# at random.

# %%
scores = cp.evaluate(model, pictures, labels=labels, quiet=True)
print(scores["headline"]["sentence"])
