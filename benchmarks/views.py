"""How many views of images a second: ours, and the same work by lightly, kornia and torchvision, as they are used.

    python benchmarks/views.py [--quick]

Everyone makes two views of every picture: a random box of 20 to 100 % of the area, mirror, SimCLR's change of colour at
strength 0.5 for 80 % and grey for 20 % of the views; at 96 and 224 pixels half of them blurred. lightly runs in a
DataLoader with two workers on Pillow images in memory, a turn being an epoch of at least four batches; kornia on whole
batches of floats; torchvision on one tensor after the other. In three rounds each system takes turns for a second, at
least one, so that other work on the machine disturbs them all; the best turn counts. On a busy machine systems that
use several threads together lose most: each waits for the slowest of its threads.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Setting(NamedTuple):
    size: int
    stored: int
    blur: float
    batch: int
    """Pictures that are looked at together by the systems that take batches."""
    ours: int
    """Pictures in one turn of ours, and"""
    slow: int
    """in one turn of the others; of torchvision a quarter."""


SETTINGS = (
    Setting(32, 32, 0.0, 256, 2048, 1024),
    Setting(96, 120, 0.5, 256, 512, 256),
    Setting(224, 256, 0.5, 64, 128, 64),
)
ROUNDS = 3
Maker = Callable[[Setting, Tensor], Callable[[], int]]
"""From a setting and its pictures to one turn, which returns how many views it made."""


def counterpoint(setting: Setting, pictures: Tensor) -> Callable[[], int]:
    from counterpoint import image_views

    augmentation = image_views(setting.size, preset=f"simclr(blur={setting.blur})")

    def turn() -> int:
        made = 0
        for step, batch in enumerate(pictures.split(setting.batch)):
            first, second = augmentation(batch, seed=step)
            made += len(first) + len(second)
        return made

    return turn


def lightly(setting: Setting, pictures: Tensor) -> Callable[[], int]:
    from lightly.transforms import SimCLRTransform
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    transform = SimCLRTransform(
        input_size=setting.size, cj_strength=0.5, min_scale=0.2, gaussian_blur=setting.blur, normalize=None
    )

    class InMemory(Dataset):
        held = [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in pictures[: setting.slow]]  # noqa: RUF012

        def __len__(self) -> int:
            return len(self.held)

        def __getitem__(self, index: int) -> list[Tensor]:
            return transform(self.held[index])

    loader: Any = DataLoader(InMemory(), batch_size=min(256, setting.slow // 4), num_workers=2, persistent_workers=True)

    def turn() -> int:
        return sum(len(first) + len(second) for first, second in loader)

    return turn


def kornia(setting: Setting, pictures: Tensor) -> Callable[[], int]:
    from kornia import augmentation

    side = setting.size
    changes = [
        augmentation.RandomResizedCrop((side, side), scale=(0.2, 1.0), same_on_batch=False),
        augmentation.RandomHorizontalFlip(same_on_batch=False),
        augmentation.ColorJiggle(0.4, 0.4, 0.4, 0.1, p=0.8, same_on_batch=False),
        augmentation.RandomGrayscale(p=0.2, same_on_batch=False),
    ]
    if setting.blur:
        kernel = odd(side)
        sigma = (0.1, 2.0)
        changes.append(augmentation.RandomGaussianBlur((kernel, kernel), sigma, p=setting.blur, same_on_batch=False))
    augmentation = torch.nn.Sequential(*changes)
    some = pictures[: setting.slow]

    def turn() -> int:
        made = 0
        with torch.no_grad():
            for batch in some.split(min(setting.batch, setting.slow)):
                made += sum(len(augmentation(batch.float() / 255)) for _ in range(2))
        return made

    return turn


def torchvision(setting: Setting, pictures: Tensor) -> Callable[[], int]:
    from torchvision.transforms import v2

    changes = [
        v2.RandomResizedCrop(setting.size, scale=(0.2, 1.0), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(0.2),
        v2.RandomApply([v2.GaussianBlur(odd(setting.size), (0.1, 2.0))], p=setting.blur),
        v2.ToDtype(torch.float32, scale=True),
    ]
    augmentation = v2.Compose(changes)
    some = pictures[: setting.slow // 4]

    def turn() -> int:
        return len(torch.stack([augmentation(picture) for picture in some for _ in range(2)]))

    return turn


def odd(side: int) -> int:
    """SimCLR's width of a blur, a tenth of the view, as an odd number."""
    return side // 10 | 1


SYSTEMS: dict[str, Maker] = {
    "counterpoint": counterpoint,
    "lightly": lightly,
    "kornia": kornia,
    "torchvision": torchvision,
}


def photo_like(count: int, side: int) -> Tensor:
    """Pictures with large and small structure, bytes (n, 3, side, side)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
    return (smooth * 220).add_(torch.rand(count, 3, side, side, generator=generator).mul_(35)).to(torch.uint8)


def best_of_a_second(turn: Callable[[], int]) -> float:
    """Views a second of the best turn."""
    best, end = 0.0, time.perf_counter() + 1
    while not best or time.perf_counter() < end:
        start = time.perf_counter()
        made = turn()
        best = max(best, made / (time.perf_counter() - start))
    return best


def measure(quick: bool = False) -> list[dict[str, Any]]:
    """One row per size and system: name, size, system, views_per_second."""
    warnings.filterwarnings("ignore", module="kornia|lightly|torch")
    rows = []
    for setting in SETTINGS[:1] if quick else SETTINGS:
        if quick:
            setting = setting._replace(ours=1024, slow=512)
        pictures = photo_like(max(setting.ours, setting.slow), setting.stored)
        turns = {name: maker(setting, pictures) for name, maker in SYSTEMS.items()}
        for turn in turns.values():
            turn()
        best = dict.fromkeys(turns, 0.0)
        for name in [*turns] * ROUNDS:
            best[name] = max(best[name], best_of_a_second(turns[name]))
        rows += [
            {"name": "views", "size": setting.size, "system": name, "views_per_second": round(speed, 1)}
            for name, speed in best.items()
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="32 pixels only, fewer pictures")
    rows = measure(parser.parse_args().quick)
    ours = {row["size"]: row["views_per_second"] for row in rows if row["system"] == "counterpoint"}
    print(f"{'pixels':>6}  {'system':<14}{'views/s':>10}  counterpoint is")
    for row in rows:
        ratio = ours[row["size"]] / row["views_per_second"]
        print(f"{row['size']:>6}  {row['system']:<14}{row['views_per_second']:>10,.0f}  {ratio:6.1f} x as fast")


if __name__ == "__main__":
    main()
