"""Images per second of ``Model.embed`` beside a plain torch loop over the same network, both in fp32 on the processor.

The images lie in memory as uint8 at 32 x 32 pixels; both end with vectors in memory. ``embed`` asks the C library to
keep freed memory, for the whole process, so the plain loop has that too: alone it is up to a tenth slower.

    python benchmarks/embedding.py [--quick]
"""

import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from counterpoint.encoders.conv2d import conv2d
from counterpoint.modalities.image import Images, Sight
from counterpoint.model import Model

SIZE = 32
TURNS = 3
MEAN, DEVIATION = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]


def networks():
    """The small conv net of this package, and a ResNet-18 as timm has it."""
    import timm

    torch.manual_seed(0)
    return {
        "conv2d": conv2d(3, SIZE),
        "timm:resnet18": timm.create_model("resnet18", pretrained=False, num_classes=0),
    }


def ours(network: nn.Module, images: np.ndarray) -> np.ndarray:
    sight = Sight(3, SIZE, None, MEAN, DEVIATION, "small", None)
    return Model(network, Images(sight)).embed(images).vectors


def plain(network: nn.Module, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """What one writes who has a network and images: batches, normalised, through the network, unit length."""
    mean, deviation = torch.tensor(MEAN)[:, None, None], torch.tensor(DEVIATION)[:, None, None]
    network.eval()
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            batch = torch.from_numpy(images[start : start + batch_size]).permute(0, 3, 1, 2).float() / 255
            vectors.append(functional.normalize(network((batch - mean) / deviation), dim=1))
    return torch.cat(vectors).numpy()


SYSTEMS = {"counterpoint": ours, "plain torch": plain}


def measure(quick: bool) -> list[dict]:
    """One row for each network and system: the best of three turns, taken in turn so that both see the same machine."""
    rows = []
    for name, network in networks().items():
        count = {"conv2d": 4000, "timm:resnet18": 2000}[name] // (5 if quick else 1)
        images = np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
        best = dict.fromkeys(SYSTEMS, float("inf"))
        vectors = {}
        for _ in range(TURNS):
            for system, embed in SYSTEMS.items():
                start = time.perf_counter()
                vectors[system] = embed(network, images)
                best[system] = min(best[system], time.perf_counter() - start)
        assert np.abs(vectors["counterpoint"] - vectors["plain torch"]).max() < 1e-4
        rows += [
            {"name": "embed", "encoder": name, "system": system, "images": count, "images_per_second": count / seconds}
            for system, seconds in best.items()
        ]
    return rows


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv):
        print(f"{row['encoder']:15} {row['system']:13} {row['images_per_second']:9,.0f} images per second")
