# %% [markdown]
# # Your own encoder, or one from torchvision or timm
#
# An encoder is any `nn.Module` from views to one vector per item, `(n, d)`. Methods, objectives, evaluation and
# export work with it as with the built-in encoders.

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
torch.manual_seed(0)  # for the initial weights

# %% [markdown]
# ## A module
#
# Images arrive as `(n, channels, height, width)`, standardised; grey ones have one channel.


# %%
def small() -> nn.Module:
    """(n, 1, 8, 8) -> (n, 64)."""
    first, second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, stride=2)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(288, 64))


# %% [markdown]
# ## A torchvision network
#
# Remove its classifier, and give it one input channel.

# %%
squeezed = torchvision.models.mobilenet_v3_small(weights=None)
squeezed.features[0][0] = nn.Conv2d(1, 16, 3, padding=1, bias=False)
squeezed.classifier = nn.Identity()

# %% [markdown]
# ## A timm network
#
# `num_classes=0` removes its classifier. By name, without a module: `encoder="timm:resnet18"`; with weights in a file:
# `encoder="timm:resnet18", weights="resnet18.safetensors"`. Nothing is downloaded.

# %%
tiny = timm.create_model("test_efficientnet", in_chans=1, num_classes=0)

# %%
for name, encoder in {"own": small(), "torchvision": squeezed, "timm": tiny}.items():
    model = cp.fit(pictures, encoder=encoder, epochs=1, out=f"runs/{name}", overwrite=True, quiet=True)
    print(f"{name:12} {model.embed(pictures).vectors.shape[1]:4} dimensions per image")

# %% [markdown]
# ## Saved and loaded
#
# The weights are in the run folder; you build the module.

# %%
model = cp.load("runs/own", encoder=small())

# %% [markdown]
# ## A pretrained network
#
# `fit` with `epochs=0` uses a pretrained encoder as it is. `evaluate` scores any network, next to the same network with
# random weights.

# %%
scores = cp.evaluate(model, pictures, labels=labels, quiet=True)
print(scores["headline"]["sentence"])
