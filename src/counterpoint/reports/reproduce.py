"""The command, or the call, that repeats a run; a run with a time budget is repeated for its number of epochs."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

from counterpoint.plans import Plan
from counterpoint.plans.data_options import AS_IT_IS

SETTLED_BY_TIME = ("batch_size", "warmup", "precision")
"""Choices that depend on the machine and its load, so that they are stated."""


def again(plan: Mapping[str, Any], steps: int) -> str:
    """The command or call; empty where the plan does not contain enough. ``steps`` is the number of steps of the run.

    >>> plan = {"command": "counterpoint fit photos --minutes 3 --out run", "steps_per_epoch": 10,
    ...         "asked": {"minutes": 3.0}, "settled": {"batch_size": 64, "warmup": 0.2, "precision": "fp32"}}
    >>> again(plan, 70)
    'counterpoint fit photos --out run --epochs 7 --batch-size 64 --warmup 0.2 --precision fp32'
    >>> again({**plan, "command": None, "source": "photos"}, 70)
    "cp.fit('photos', epochs=7, batch_size=64, warmup=0.2, precision='fp32')"
    >>> again({"source": "a.csv", "steps_per_epoch": 10, "data": {"without": "y"}, "asked": {"epochs": 2}}, 20)
    "cp.fit('a.csv', without='y', epochs=2)"
    """
    test, settled = plan.get("asked", {}), plan.get("settled", {})
    timed = bool(test.get("minutes")) and steps > 0 and "steps_per_epoch" in plan
    made = {name: settled[name] for name in SETTLED_BY_TIME if name in settled} if timed else {}
    if timed:
        made = {"epochs": math.ceil(steps / plan["steps_per_epoch"]), **made}
    if plan.get("command"):
        words = _without(shlex.split(plan["command"]), {f"--{name.replace('_', '-')}" for name in ("minutes", *made)})
        words += [word for name, value in made.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        return shlex.join(words) if timed else str(plan["command"])
    if "steps_per_epoch" not in plan or not plan.get("source") or plan.get("classes"):
        return ""  # labels passed as an object are not recorded
    usual = {**Plan().record(), **AS_IT_IS.record()}
    options = {**plan.get("data", {}), **test}
    chosen = {name: value for name, value in options.items() if value != usual.get(name) and name != "minutes"}
    named = [f"{name}={value!r}" for name, value in {**chosen, **made}.items()]
    return f"cp.fit({', '.join([repr(plan['source']), *named])})"


def _without(words: list[str], options: set[str]) -> list[str]:
    """The words of a command without these options and their values."""
    kept: list[str] = []
    skipped = False
    for word in words:
        if skipped or word.partition("=")[0] in options:
            skipped = not skipped and "=" not in word
            continue
        kept.append(word)
    return kept
