"""The headline: whether a model is of use, said first, and the one thing to do next where that is not shown."""

from __future__ import annotations

import pytest

from counterpoint.evaluation.verdict import headline

LEARNING = [{"step": step, "seconds": 6.0 * step, "loss": 5 - step / 30, "accuracy": 0.7} for step in range(1, 101)]
LEARNED = [{**each, "loss": 1.0} for each in LEARNING]


def interval(value, reach=0.03):
    return {"value": value, "low": value - reach, "high": value + reach}


def scores(raw, untrained=0.3, *, items=500):
    differences = {"raw": interval(raw), "untrained": interval(untrained), "chance": interval(0.5)}
    return {"linear": {"differences": differences, "comparisons": 6}, "sizes": {"test": items}}


CORRECTED = "(linear probe, corrected for 6 comparisons)"
BETTER, WORSE = "by 20.0 points (17.0 to 23.0)", "by 5.0 points (2.0 to 8.0)"


@pytest.mark.parametrize(
    ("raw", "untrained", "level", "sentence"),
    [
        (0.2, 0.2, "good", f"Better than raw features {BETTER} and the untrained encoder {BETTER} {CORRECTED}."),
        (
            0.2,
            0.0,
            "warning",
            f"Better than raw features {BETTER} {CORRECTED}, but not yet than the untrained encoder.",
        ),
        (0.01, 0.0, "warning", f"Not yet better than raw features and the untrained encoder {CORRECTED}."),
        (-0.05, 0.2, "bad", f"Worse than raw features {WORSE} {CORRECTED}."),
    ],
)
def test_a_claim_is_made_of_intervals(raw, untrained, level, sentence):
    result = headline(scores(raw, untrained))
    assert result["level"] == level
    assert result["sentence"] == sentence


@pytest.mark.parametrize(
    ("raw", "records", "verdicts", "advice"),
    [
        (0.0, LEARNING, [], "train longer, twice as long takes about 20 minutes here"),
        (0.0, LEARNED, [], "try other views or another method, see counterpoint lab and counterpoint compare"),
        (0.02, LEARNED, [], "test it on more items, about 1,200 show a gain of 2.0 points"),
        (0.0, [{**LEARNED[0], "accuracy": 0.1}] * 50, [], "choose weaker views, the positive is found for 10%"),
        (0.0, [{**LEARNED[0], "accuracy": 1.0}] * 50, [], "choose stronger views, the positive is found for 100%"),
        (0.0, LEARNED, [{"level": "bad", "kind": "total collapse"}], "mend the training first, whose verdict is total"),
        (0.0, LEARNED, [{"level": "bad"}], "try other views or another method"),
        (0.0, LEARNED, [{"level": "warning", "kind": "short"}], "train longer, twice as long takes about 20 minutes"),
    ],
)
def test_what_to_do_next_follows_from_what_is_known(raw, records, verdicts, advice):
    assert f": {advice}" in headline(scores(raw), records, verdicts)["sentence"]


def test_a_classifier_of_several_classes_is_held_against_the_most_frequent_answer():
    result = {"classifier": {"value": 0.7, "low": 0.6, "high": 0.8, "chance": 0.4}}
    assert headline(result)["sentence"] == "Better than chance, 40.0%: the classifier has 70.0% (60.0 to 80.0)."
    result["classifier"]["low"] = 0.3
    assert headline(result)["level"] == "warning"
