"""What few labels are worth, with a student of a fraction of the size beside the others.

python benchmarks/few_labels.py RUN TRAIN TEST OUT.json [--labels A.npy,B.npy] [--budgets 10 1%] [--draws 5]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import counterpoint as cp
from counterpoint.evaluation.linear import linear_probe
from counterpoint.evaluation.repeats import difference_over_draws, score_over_draws
from counterpoint.plans import DistillPlan
from counterpoint.setup.label_budget import read_budget
from counterpoint.storage.files import write_json
from counterpoint.verbs.label_budgets import compared, from_scratch, rows_of, scored, student_of, tuned
from counterpoint.verbs.label_efficiency import efficiency_table, parted


def main() -> None:
    requested_record = arguments()
    model = cp.load(requested_record.run)
    known, asked = parted(model, requested_record.train, requested_record.test, requested_record.labels, seed=0)
    h, h_asked = model.represent(known.items), model.represent(asked.items)
    rows, cells = [], []
    for budget in map(read_budget, requested_record.budgets):
        right: dict[str, list[np.ndarray]] = {}
        for seed in range(requested_record.draws):
            chosen = rows_of(known, budget, seed=seed)
            some = known.of(chosen)
            teacher = tuned(model, some, seed)
            student, *smaller = (
                student_of(teacher, model, known, DistillPlan(seed=seed, epochs=epochs, width=width))
                for epochs, width in (
                    (requested_record.epochs, None),
                    (requested_record.epochs + 1, requested_record.width),
                )
                if width != 0
            )
            answers = {
                "scratch": answered(from_scratch(model, some, seed), asked),
                "linear": linear_probe(h[chosen], some.labels, h_asked, seed=seed),
                "tuned": answered(teacher, asked),
                "distilled": answered(student, asked),
            }
            if smaller:
                answers["small"] = answered(smaller[0], asked)
            for name, each in answers.items():
                right.setdefault(name, []).append(each == asked.labels)
            said = ", ".join(f"{name} {result[-1].mean():.4f}" for name, result in right.items())
            print(f"{budget}, seed {seed}: {said}", flush=True)
        stacked = {name: np.stack(result) for name, result in right.items()}
        small = stacked.pop("small", None)
        cells.append(stacked)
        rows.append({"budget": str(budget), "labels": len(chosen), "ways": scored(stacked)})
        if small is not None:
            rows[-1]["small"] = {
                **score_over_draws(small)._asdict(),
                "against_its_teacher": difference_over_draws(small.astype(float) - stacked["tuned"])._asdict(),
                "parameters": [sum(p.numel() for p in each.model.encoder.parameters()) for each in (teacher, *smaller)],
            }
        differences = compared(cells)
        for row, each in zip(rows, differences, strict=True):
            row["differences"] = each
        result = {
            "rows": rows,
            "comparisons": sum(map(len, differences)),
            "left_out": [],
            "draws": requested_record.draws,
            "asked": len(asked.items),
        }
        write_json(requested_record.out, result)
        print(efficiency_table(result), rows[-1].get("small", ""), sep="\n", flush=True)


def answered(classifier: cp.Classifier, asked: object) -> np.ndarray:
    return classifier.scores(asked.items).argmax(axis=1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("run", "train", "test"):
        parser.add_argument(name)
    parser.add_argument("out", type=Path)
    parser.add_argument("--labels")
    parser.add_argument("--budgets", nargs="+", default=["10", "1%"])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3, help="of a student of the same network; others have one more")
    parser.add_argument("--width", type=int, default=14, help="of the small student; 0 for none")
    return parser.parse_args()


if __name__ == "__main__":
    main()
