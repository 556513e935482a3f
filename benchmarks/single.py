"""Milliseconds for one item at a time, as in a service: ``embed`` of a text and of a picture of 64 pixels, ``search``.

The models are the usual ones of their kind of data at their full size, trained for a single epoch, which changes no
figure here. One thread, and the time of the processor, which neighbours on the machine change little; the median of
many turns, and the first turn beside it, which pays for what is computed once.

    python benchmarks/single.py [--quick]
"""

import statistics
import sys
import time

import numpy as np
import torch
from PIL import Image

import counterpoint as cp
from counterpoint.embeddings import Embeddings

SIDE = 64
ITEMS = 100_000


def texts(count: int) -> list[str]:
    """Texts of twelve words of a vocabulary of 20,000."""
    random = np.random.default_rng(0)
    letters = random.choice(list("abcdefghijklmnoprstuvwz"), (20_000, 6))
    words = ["".join(word) for word in letters]
    return [" ".join(words[place] for place in row) for row in random.integers(0, len(words), (count, 12))]


def measure(quick: bool) -> list[dict]:
    """One row for each thing that is done to one item."""
    torch.set_num_threads(1)
    turns = 10 if quick else 50
    some = texts(4_000 if quick else 20_000)
    pictures = np.random.default_rng(0).integers(0, 256, (64, SIDE, SIDE, 3), dtype=np.uint8)
    text, image = cp.fit(some, epochs=1, batch_size=1024), cp.fit(pictures, epochs=1, modality="image")
    vectors = np.random.default_rng(0).normal(size=(ITEMS, 256)).astype(np.float32)
    z = Embeddings(vectors, [str(row) for row in range(ITEMS)])
    photo = Image.fromarray(pictures[0])
    work = {
        "embed a text": lambda: text.embed(some[:1]),
        "embed a picture in an array": lambda: image.embed(pictures[:1]),
        "embed a Pillow image": lambda: image.embed([photo]),
        f"search {ITEMS:,} by a vector": lambda: cp.search(z, like=vectors[0]),
        f"search {ITEMS:,} by a name": lambda: cp.search(z, like="99"),
    }
    return [{"name": name, **timed(do, turns)} for name, do in work.items()]


def timed(do, turns: int) -> dict:
    """Milliseconds of the first turn and of the median of those that follow."""
    seconds = []
    for _ in range(turns + 1):
        start = time.process_time()
        do()
        seconds.append(time.process_time() - start)
    return {"milliseconds": 1000 * statistics.median(seconds[1:]), "first": 1000 * seconds[0]}


if __name__ == "__main__":
    print(f"{torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}")
    for row in measure("--quick" in sys.argv):
        print(f"{row['name']:30} {row['milliseconds']:8.2f} ms   first {row['first']:8.2f} ms")
