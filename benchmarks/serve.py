"""How fast ``counterpoint serve`` answers concurrent searches, and how smoothly its map of many items moves.

A server in a process of its own, over vectors of random clusters as in ``index.py``. Each of ``--clients`` connections
sends one search after another, so that so many are always waiting; latencies are measured by the client, on the same
cores, and so is the processor time of both. ``like`` sends the row of an item, ``vector`` the numbers of a vector,
``where`` a row and a filter.

    OMP_NUM_THREADS=2 python benchmarks/serve.py                 # 100,000 x 128, 200 clients
    OMP_NUM_THREADS=2 python benchmarks/serve.py --map           # and the frames of the map, in headless Chromium

Frames are measured while the map is zoomed and moved, on the 2D canvas, which is used where there is no GPU, and with
WebGL 2, whose shaders run on the CPU there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch

import counterpoint as cp
from counterpoint.retrieval.index_building import Origin, Part, create
from counterpoint.retrieval.item_table import table_of_names

PER_CLUSTER, NOISE, K = 100, 0.3, 10
WARM_UP = 5  # searches of each client that are not counted


def write_index(folder: Path, count: int, length: int, seed: int) -> None:
    """An index of random clusters, with a label of every item for the filter."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((count // PER_CLUSTER, length), dtype=np.float32)
    cluster = random.integers(len(centres), size=count)
    vectors = centres[cluster] + NOISE * random.standard_normal((count, length), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = pa.array([f"{row:06}" for row in range(count)])
    labels = [f"class {each % 10}" for each in cluster]
    create(folder, [Part(vectors, table_of_names(names, labels=labels))], Origin())


class Server(NamedTuple):
    """The port and the process of a server."""

    port: int
    process: int

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(index: Path) -> Iterator[Server]:
    """A server of an index, in a process of its own."""
    command = [sys.executable, "-m", "counterpoint", "serve", str(index), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        try:
            yield Server(int(line.split("http://")[1].split("/")[0].rpartition(":")[2]), process.pid)
        finally:
            process.terminate()


async def search(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> int:
    """Send one search over an open connection; the length of the response."""
    head = f"POST /search HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    header = await reader.readuntil(b"\r\n\r\n")
    length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    response = await reader.readexactly(length)
    assert header.startswith(b"HTTP/1.1 200"), response
    return len(response)


async def latencies(port: int, bodies: list[list[bytes]]) -> np.ndarray:
    """Seconds of every search; each client sends its bodies one after another over one connection."""

    async def client(number: int) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        seconds = []
        for body in bodies[number]:
            start = time.perf_counter()
            await search(reader, writer, body)
            seconds.append(time.perf_counter() - start)
        writer.close()
        return seconds[WARM_UP:]

    return np.concatenate(await asyncio.gather(*[client(number) for number in range(len(bodies))]))


def queries(kind: str, index: cp.Index, arguments: argparse.Namespace) -> list[list[bytes]]:
    """For every client the bodies of its searches."""
    random = np.random.default_rng(arguments.seed)
    rows = random.integers(arguments.count, size=(arguments.clients, arguments.searches + WARM_UP))

    def body(row: int) -> bytes:
        record: dict[str, object] = {"k": K, "like": row}
        if kind == "vector":
            record = {"k": K, "vector": index.vector(row).tolist()}
        elif kind == "where":
            record["where"] = "label == 'class 3'"
        return json.dumps(record).encode()

    return [[body(int(row)) for row in client] for client in rows]


def measure_searches(server: Server, index: cp.Index, arguments: argparse.Namespace) -> None:
    print("query     searches  per second  p50 ms  p99 ms  slowest ms  CPU ms each: server, client")
    for kind in ("like", "vector", "where"):
        bodies = queries(kind, index, arguments)
        count, start = len(bodies) * len(bodies[0]), (time.perf_counter(), server.cpu(), time.process_time())
        seconds = asyncio.run(latencies(server.port, bodies))
        wall, server_cpu, client_cpu = np.subtract((time.perf_counter(), server.cpu(), time.process_time()), start)
        p50, p99, slowest = (1000 * np.quantile(seconds, share) for share in (0.5, 0.99, 1))
        times = f"{p50:8.0f}{p99:8.0f}{slowest:12.0f}{1000 * server_cpu / count:21.2f}{1000 * client_cpu / count:8.2f}"
        print(f"{kind:8}{len(seconds):10,}{count / wall:12,.0f}{times}")


FRAMES = """
const [renderer, done] = arguments;
const { ScatterMap } = await import("/page/map.js");
const { places } = await (await fetch("/map")).json();
const { categories } = await (await fetch("/map/categories?by=label")).json();
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind) {
  return kind === "webgl2" && renderer === "2d" ? null : getContext.call(this, kind);
};
const points = document.getElementById("points");
points.replaceWith(points.cloneNode());
const ignore = () => {};
const events = { pick: ignore, lasso: ignore, hover: ignore, cross: ignore };
const map = new ScatterMap(Float32Array.from(places, (value) => value / 65535), Uint8Array.from(categories), events);
const frames = [];
let last = 0;
function step(now) {
  if (last) frames.push(now - last);
  last = now;
  if (frames.length === 120) return done([map.overlay.dataset.renderer, frames]);
  map.zoom(frames.length % 60 < 30 ? 1.03 : 1 / 1.03);
  map.pan(2, 1);
  requestAnimationFrame(step);
}
requestAnimationFrame(step);
"""


def measure_map(port: int, folder: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests import browser as chromium

    if chromium.MISSING:
        raise SystemExit(chromium.MISSING)
    print(f"{'map':8} {'frames':>9} {'p50 ms':>11} {'p99 ms':>8}")
    for renderer in ("webgl2", "2d"):
        with chromium.started(folder / renderer) as browser:
            browser.set_script_timeout(300)
            browser.get(f"http://127.0.0.1:{port}/")
            chromium.until(browser, "'ready' in document.documentElement.dataset")
            kind, frames = browser.execute_async_script(f"(async () => {{ {FRAMES} }})(...arguments)", renderer)
            p50, p99 = np.quantile(frames, [0.5, 0.99])
            print(f"{kind:8} {len(frames):9,} {p50:11.0f} {p99:8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("count", 100_000), ("length", 128), ("clients", 200), ("searches", 50), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--map", action="store_true", help="measure the frames of the map, too")
    arguments = parser.parse_args()
    print(
        f"{arguments.count:,} x {arguments.length}, {arguments.clients} clients, {os.cpu_count()} CPUs, "
        f"{torch.backends.cpu.get_cpu_capability()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index")
        write_index(path, arguments.count, arguments.length, arguments.seed)
        with served(path) as server:
            measure_searches(server, cp.Index.open(path), arguments)
            if arguments.map:
                measure_map(server.port, Path(folder))


if __name__ == "__main__":
    main()
