"""Batching of concurrent requests."""

import asyncio
import threading

import pytest

from counterpoint.errors import InputError
from counterpoint.serving.batching import BatchWorker
from counterpoint.serving.http_errors import Busy
from counterpoint.serving.result_cache import ResultCache


def test_queries_that_wait_are_processed_in_batches_with_errors_of_their_own():
    sizes, gate = [], threading.Event()

    def process(queries):
        gate.wait()
        sizes.append(len(queries))
        return [InputError(f"{query} is odd") if query % 2 else 10 * query for query in queries]

    worker = BatchWorker(process, max_batch=4, max_queue=100, timeout=10)

    async def send():
        waiting = [asyncio.ensure_future(worker(query)) for query in range(8)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    results = asyncio.run(send())
    worker.close()
    assert results[::2] == [0, 20, 40, 60]
    assert [str(result) for result in results[1::2]] == ["1 is odd", "3 is odd", "5 is odd", "7 is odd"]
    assert sum(sizes) == 8
    assert max(sizes) <= 4
    assert len(sizes) < 8


def test_a_full_queue_and_a_late_result_are_refused():
    gate = threading.Event()

    def process(queries):
        gate.wait()
        return queries

    worker = BatchWorker(process, max_batch=1, max_queue=2, timeout=0.05)

    async def send():
        waiting = [asyncio.ensure_future(worker("a")) for _ in range(5)]
        return await asyncio.gather(*waiting, return_exceptions=True)

    refused = asyncio.run(send())
    gate.set()
    worker.close()
    assert all(isinstance(each, Busy) for each in refused)
    assert {str(each).split(".")[0] for each in refused} >= {"2 requests are waiting already"}
    assert any(str(each).startswith("There was no result within 0.05 seconds") for each in refused)


def test_an_error_reaches_its_requests_and_the_worker_goes_on():
    def process(queries):
        if "fault" in queries:
            raise KeyError("fault")
        return queries

    worker = BatchWorker(process, max_batch=1, max_queue=2, timeout=30)

    async def send():
        with pytest.raises(KeyError):
            await worker("fault")
        return await worker("b")

    assert asyncio.run(send()) == "b"
    worker.close()


def test_a_result_that_is_not_ready_is_refused_for_now():
    gate = threading.Event()
    cache = ResultCache(timeout=0.01)

    async def send():
        with pytest.raises(Busy, match="still being computed"):
            await cache("key", gate.wait)
        gate.set()

    asyncio.run(send())
    cache.close()


def test_a_result_is_computed_once_unless_that_failed():
    computed = []
    cache = ResultCache(timeout=30)

    def compute():
        computed.append(None)
        if len(computed) == 1:
            raise InputError("once")
        return "result"

    async def send():
        with pytest.raises(InputError, match="once"):
            await cache("key", compute)
        return [await cache("key", compute) for _ in range(3)]

    assert asyncio.run(send()) == ["result"] * 3
    cache.close()
    assert len(computed) == 2
