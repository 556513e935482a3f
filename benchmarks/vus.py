"""Whether our volumes under the surface equal those of the package ``vus`` 0.0.6.

    pip download --no-deps vus==0.0.6 && unzip vus-0.0.6-py3-none-any.whl 'vus/utils/metrics.py'
    python benchmarks/vus.py vus/utils/metrics.py

The package needs tensorflow, its metrics do not: only that file is run, which you download and trust. Compared are 30
random series of 200 to 3,000 steps with 1 to 6 events, windows of up to 60 steps, a third of them with tied scores.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np

from counterpoint.evaluation.surface import volumes


def main() -> None:
    for absent in ("pandas", "tqdm"):  # imported there and not used
        sys.modules.setdefault(absent, types.SimpleNamespace(tqdm=None))  # type: ignore[arg-type]
    space: dict[str, object] = {}
    exec(compile(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[1], "exec"), space)
    theirs = space["metricor"]()  # type: ignore[operator]
    random, apart = np.random.default_rng(0), 0.0
    for trial in range(30):
        steps = int(random.integers(200, 3000))
        event = np.zeros(steps, dtype=bool)
        for _ in range(random.integers(1, 7)):
            first = random.integers(0, steps - 30)
            event[first : first + random.integers(1, 60)] = True
        score = random.normal(size=steps) + event * random.normal(1, 1)
        score = np.round(score, 1) if trial % 3 == 0 else score
        window = int(random.integers(0, 60))
        *_, roc, precision = theirs.RangeAUC_volume_opt(event.astype(int), score, window)
        ours = volumes(event, score, window=window)
        apart = max(apart, abs(ours.precision - precision), abs(ours.roc - roc))
    print(f"largest difference {apart:.1e}")


if __name__ == "__main__":
    main()
