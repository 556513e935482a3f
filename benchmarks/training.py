"""Views per second and accuracy of SimCLR here and in lightly, at the same work: ``measure``.

Both train ``conv2d`` with a head of two layers on the bundled pictures, grown to 32 x 32 in three channels: batch 256,
SGD, NT-Xent at temperature 0.1, fp32, the same number of epochs. lightly does it as its SimCLR example does, with its
own transform in a DataLoader of two workers. Ours once more with torchvision's views tells whether fast views cost
accuracy. Then both train for longer, lightly as before, ours by its defaults (views, AdamW, bf16 where it is faster) in
a fifth of the time, and the accuracies are compared.

    python benchmarks/training.py [--quick]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from counterpoint.data.labels import encode
from counterpoint.data.samples import read_sample
from counterpoint.encoders.conv2d import conv2d
from counterpoint.evaluation.intervals import paired_interval, score_interval
from counterpoint.evaluation.linear import linear_probe
from counterpoint.heads import mlp_head
from counterpoint.methods.simclr import SimCLR
from counterpoint.modalities.image import Images
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from counterpoint.objectives.info_nce import info_nce
from counterpoint.training.config import TrainConfig
from counterpoint.training.devices import choose_precision, keep_freed_memory
from counterpoint.training.loop import RunOptions, train
from counterpoint.training.optimizers import sgd

BATCH, RATE, DECAY = 256, 0.1, 5e-4

LONG, LONG_DEFAULTS = 36, 24
"""Epochs of lightly's long run and of our defaults."""

PROBED = 4
"""Epochs between two points of a long course."""


def pictures(name: str, count: int) -> tuple[np.ndarray, list[str]]:
    """Bundled pictures (n, 32, 32, 3) and their classes."""
    images, classes = read_sample(name)
    grown = np.pad(images[:count], ((0, 0), (2, 2), (2, 2)))
    return np.repeat(grown[..., None], 3, axis=3), classes[:count]


class Task:
    """The pictures, and the probe that both systems are judged by."""

    def __init__(self, count: int) -> None:
        self.known, first = pictures("sample:fashion", count)
        self.asked, second = pictures("sample:fashion-test", 1000)
        self.labels, classes = encode(first)
        self.answers = encode(second, classes)[0]
        self.images, self.items = Images.fit(self.known, DataOptions(views="simclr"))
        self.others = self.images.open(self.asked)

    def correct(self, encoder: nn.Module) -> np.ndarray:
        """Which test pictures a linear probe on this encoder gets right."""
        model = Model(encoder.eval(), self.images)
        guessed = linear_probe(model.represent(self.items), self.labels, model.represent(self.others))
        encoder.train()
        return guessed == self.answers


def networks() -> tuple[nn.Module, nn.Module]:
    """The encoder and its head, always with the same weights."""
    torch.manual_seed(0)
    return conv2d(3, 32).to(memory_format=torch.channels_last), mlp_head(512)


def of_torchvision() -> Callable[[Any], Tensor]:
    """The views of ``simclr`` as torchvision makes them, one picture at a time."""
    from torchvision.transforms import v2

    return v2.Compose(
        [
            v2.RandomResizedCrop(32, scale=(0.2, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
            v2.RandomGrayscale(0.2),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )


def ours(task: Task, epochs: int, views: Any = "simclr") -> tuple[float, np.ndarray]:
    """Views per second of our loop, and what a probe gets right after it."""
    images, _ = Images.fit(task.known, DataOptions(views=views))
    encoder, head = networks()
    method = SimCLR(encoder, head, info_nce)
    steps = epochs * (len(task.items) // BATCH)
    recipe = TrainConfig(steps, BATCH, sgd, RATE, DECAY)
    course = train(method, task.items, images, recipe, RunOptions())
    return 2 * BATCH * steps / course.seconds, task.correct(encoder)


TrainState = tuple[list[float], list[float]]
"""Seconds of training, without those of probing, and the accuracy of a probe, after every few epochs."""


def theirs(task: Task, epochs: int) -> tuple[float, np.ndarray, TrainState]:
    """The same of lightly's SimCLR example, and its course."""
    from lightly.loss import NTXentLoss
    from lightly.transforms import SimCLRTransform
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    transform = SimCLRTransform(input_size=32, gaussian_blur=0.0, cj_strength=0.5, min_scale=0.2)

    class Views(Dataset[Any]):
        def __len__(self) -> int:
            return len(task.known)

        def __getitem__(self, row: int) -> list[Tensor]:
            made: list[Tensor] = transform(Image.fromarray(task.known[row]))
            return made

    encoder, head = networks()
    both = nn.Sequential(encoder, head).train()
    loader = DataLoader(Views(), BATCH, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)
    criterion = NTXentLoss(temperature=0.1)
    optimizer = torch.optim.SGD(both.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=epochs * len(loader), pct_start=0.05, cycle_momentum=False
    )
    taken = 0.0
    seconds: list[float] = []
    reached: list[float] = []
    for epoch in range(epochs):
        start = time.perf_counter()
        for first, second in loader:
            loss = criterion(both(first), both(second))
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        taken += time.perf_counter() - start
        if epoch % PROBED == PROBED - 1 or epoch == epochs - 1:
            right = task.correct(encoder)
            seconds.append(taken)
            reached.append(float(right.mean()))
    return 2 * BATCH * len(loader) * epochs / taken, right, (seconds, reached)


def encoder_alone(turns: int) -> float:
    """Views per second of encoder, head and optimiser on tensors that are ready, with a loss that costs nothing."""
    encoder, head = networks()
    both = nn.Sequential(encoder, head).train()
    optimizer = torch.optim.SGD(both.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    views = torch.randn(2 * BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(turns):
        start = time.perf_counter()
        optimizer.zero_grad()
        both(views).square().mean().backward()
        optimizer.step()
        taken.append(time.perf_counter() - start)
    return 2 * BATCH / float(np.median(taken))


def defaults(task: Task, epochs: int) -> tuple[np.ndarray, TrainState]:
    """What a probe gets right after our defaults, and their course."""
    images, items = Images.fit(task.known, DataOptions())
    encoder, head = networks()
    probing = 0.0
    seconds: list[float] = []
    reached: list[float] = []
    began = time.perf_counter()

    def probe(method: nn.Module, epoch: int) -> dict[str, float]:
        nonlocal probing
        if epoch % PROBED == PROBED - 1 or epoch == epochs - 1:
            start = time.perf_counter()
            seconds.append(start - began - probing)
            reached.append(float(task.correct(encoder).mean()))
            probing += time.perf_counter() - start
        return {}

    precision = choose_precision("auto", torch.device("cpu"))
    recipe = TrainConfig(epochs * (len(items) // BATCH), BATCH, precision=precision)
    train(SimCLR(encoder, head, info_nce), items, images, recipe, RunOptions(each_epoch=probe))
    return task.correct(encoder), (seconds, reached)


def measure(quick: bool, say: Callable[[str], None] = lambda line: None) -> list[dict[str, object]]:
    """Rows of views per second, accuracy with its interval, and seconds to the same accuracy."""
    keep_freed_memory()
    epochs, task = (1, Task(1536)) if quick else (6, Task(6000))
    untrained = task.correct(networks()[0])
    alone = encoder_alone(8 if quick else 20)
    say(f"encoder alone {alone:.0f}")
    speed, right = ours(task, epochs)
    say(f"counterpoint {speed:.0f}")
    slow, slow_right = ours(task, epochs, of_torchvision())
    say(f"with torchvision's views {slow:.0f}")
    peer_speed, peer_right, peer_course = theirs(task, epochs)
    peer_long = peer_right
    say(f"lightly {peer_speed:.0f}")
    gap = paired_interval(right, peer_right)
    long_right, course = defaults(task, 1 if quick else LONG_DEFAULTS)
    say(f"defaults {course}")
    if not quick:
        _, peer_long, peer_course = theirs(task, LONG)
        say(f"lightly for longer {peer_course}")
    return [
        {"name": "training", "system": "encoder alone", "views_per_second": alone},
        {"name": "training", "system": "untrained", "accuracy": score_interval(untrained)._asdict()},
        {
            "name": "training",
            "system": "counterpoint",
            "views_per_second": speed,
            "accuracy": score_interval(right)._asdict(),
        },
        {
            "name": "training",
            "system": "lightly",
            "views_per_second": peer_speed,
            "accuracy": score_interval(peer_right)._asdict(),
        },
        {"name": "training", "system": "counterpoint minus lightly", "accuracy": gap._asdict()},
        {
            "name": "training",
            "system": "with torchvision's views",
            "views_per_second": slow,
            "accuracy": score_interval(slow_right)._asdict(),
        },
        {
            "name": "training",
            "system": "our views minus torchvision's",
            "accuracy": paired_interval(right, slow_right)._asdict(),
        },
        {"name": "course", "system": "lightly", "seconds": peer_course[0], "accuracy": peer_course[1]},
        {"name": "course", "system": "counterpoint, defaults", "seconds": course[0], "accuracy": course[1]},
        {"name": "after the courses", "accuracy": paired_interval(long_right, peer_long)._asdict()},
    ]


if __name__ == "__main__":
    for row in measure("--quick" in sys.argv, print):
        print(row)
