"""Groups: what several items share is read beside them, parted by no split, and is the unit of intervals."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from counterpoint.classification.cross_validation import folds
from counterpoint.data.groups import advice, group_ids, of_later, read_groups, shared_groups, with_groups
from counterpoint.data.pairs import Pairs
from counterpoint.data.splits import budget, hold_out, is_labelled, split
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError, SourceError
from counterpoint.evaluation.intervals import difference_interval, paired_interval, score_interval
from counterpoint.evaluation.labelled import Labelled, held_out
from counterpoint.evaluation.linear import linear_probe
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.evaluation.repeats import difference_over_draws, score_over_draws
from counterpoint.interfaces import info_of
from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions, schema_of
from counterpoint.plans.data_options import ReadOptions, as_words
from counterpoint.setup.dataset import open_source
from counterpoint.setup.supervision import _kept, _parted
from counterpoint.setup.train_test import rows_apart
from tests.worlds import Named


def opened(source, groups, **options):
    listed = groups if not isinstance(groups, str) else None
    data = ReadOptions(groups=None if listed is not None else groups, **options)
    return open_source(source, DataOptions(data=data, groups=listed))


def table(count=24, groups=6, seed=0):
    """Rows of numbers with a patient each, who has several of them."""
    draws = np.random.default_rng(seed)
    return {
        "age": draws.normal(size=count),
        "dose": draws.normal(size=count),
        "patient": [f"p{row % groups}" for row in range(count)],
        "ill": [("no", "yes")[row % 2] for row in range(count)],
    }


def parted(groups, first, second):
    """Whether no group stands on both sides."""
    return not set(np.asarray(groups)[first]) & set(np.asarray(groups)[second])


# --- where groups come from


def test_a_column_of_groups_is_no_feature_and_its_role_is_kept(tmp_path):
    source = table()
    modality, items = opened(source, "patient")
    assert info_of(items).groups == source["patient"]
    assert {each.name: each.role for each in schema_of(modality).columns}["patient"] == "group"
    assert "patient  group of 6" in schema_of(modality).lines()
    assert "patient" not in modality.uses()
    assert items.take(np.arange(2)).shape[1] < 6
    again = Table.from_settings(modality.settings())
    later = of_later(again.open(table(8, 2)), again, table(8, 2))
    assert info_of(later).groups == ["p0", "p1"] * 4
    without = {name: cells for name, cells in table(8, 2).items() if name != "patient"}
    assert info_of(of_later(again.open(without), again, without)).groups is None
    assert info_of(of_later(again.open(without), again, without, groups=list("aabbccdd"))).groups == list("aabbccdd")


def test_a_schema_that_was_kept_before_groups_is_read_as_before():
    modality, _ = opened(table(), None)
    settings = dict(modality.settings())
    settings["options"] = {name: value for name, value in settings["options"].items() if name != "groups"}
    again = Table.from_settings(settings)
    assert again.schema() == modality.schema()
    assert info_of(of_later(again.open(table()), again, table())).groups is None


def test_the_schema_option_and_the_groups_option_say_the_same():
    said = [opened(table(), None, schema="patient:group"), opened(table(), "patient")]
    assert [info_of(of_later(items, modality, table())).groups for modality, items in said] == [table()["patient"]] * 2
    assert as_words(ReadOptions(groups="patient")) == ["--groups", "patient"]


def test_every_kind_of_source_says_its_groups(tmp_path):
    steps = np.random.default_rng(0).normal(size=(6, 12))
    wide = {"machine": list("aabbcc"), "label": list("xyxyxy"), **{f"t{step}": steps[:, step] for step in range(12)}}
    whose = np.repeat(np.arange(6), 12)
    long = {"id": whose, "time": np.tile(np.arange(12), 6), "value": steps.ravel(), "machine": whose // 2}
    texts = {"text": [f"this is a sentence about thing number {row}" for row in range(6)], "author": list("aabbcc")}
    array = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    pictures = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "groups.npy", np.asarray(list("aabbcc")))
    (tmp_path / "groups.csv").write_text("name,group\n" + "".join(f"{row},{'abc'[row // 2]}\n" for row in range(6)))
    for _name in "aabbcc":
        number = len(list(tmp_path.glob("*.png")))
        Image.fromarray(pictures[number]).save(tmp_path / f"{number}.png")
    rows = "".join(f"{row}.png,{'abc'[row // 2]}\n" for row in range(6))
    (tmp_path / "photos.csv").write_text("path,patient\n" + rows)
    for source, groups, options in (
        (wide, "machine", {}),
        (texts, "author", {}),
        (array, list("aabbcc"), {}),
        (array, np.asarray(list("aabbcc")), {}),
        (array, str(tmp_path / "groups.npy"), {}),
        (array, str(tmp_path / "groups.csv"), {}),
        (pictures, list("aabbcc"), {}),
        (tmp_path / "photos.csv", "patient", {}),
    ):
        _, items = opened(source, groups, **options)
        assert list(info_of(items).groups) == list("aabbcc"), groups
        assert group_ids(items).tolist() == [0, 0, 1, 1, 2, 2]
        assert list(info_of(Subset(items, np.asarray([5, 0]))).groups) == ["c", "a"]
    _, series = opened(long, "machine")
    assert info_of(series).groups == ["0", "0", "1", "1", "2", "2"]
    with pytest.raises(LabelError, match="The group changes within the series '0'"):
        opened(long | {"machine": np.arange(72) // 7}, "machine")


def test_the_folder_of_a_group_lies_below_that_of_the_class():
    for names, groups in (
        (["cat/anna/1.png", "cat/ben/1.png", "dog/anna/2.png"], ["anna", "ben", "anna"]),
        (["all/train/cat/anna/1.png", "all/train/dog/ben/1.png"], ["anna", "ben"]),
        (["anna/1.png", "ben/1.png", "ben/2.png"], ["anna", "ben", "ben"]),
    ):
        assert read_groups("folder", None, Named(*names)) == groups
    for names in (["1.png", "2.png"], ["cat/anna/1.png", "cat/2.png"]):
        with pytest.raises(LabelError, match="lie in no folder of a group"):
            read_groups("folder", None, Named(*names))


def test_what_is_wrong_with_groups_is_said(tmp_path):
    for source, groups, error, message in (
        (table(), "patent", SourceError, "There is no column 'patent'.*patient"),
        (np.eye(4), "patient", LabelError, "There is no column 'patient' to group items by"),
        (np.eye(4), [1, 2], LabelError, "Got 2 groups for 4 items. Give one group per item"),
        (np.eye(4), str(tmp_path / "none.npy"), SourceError, "none.npy"),
    ):
        with pytest.raises(error, match=message):
            opened(source, groups)
    pairs = {"question": [f"what is thing {row}" for row in range(8)], "answer": [f"it is {row}" for row in range(8)]}
    options = DataOptions(data=ReadOptions(groups="by"), pairs=("question", "answer"))
    with pytest.raises(LabelError, match="every row of pairs holds several"):
        open_source(pairs | {"by": list("aabbccdd")}, options)
    lacking = with_groups(Named("a", "b", "c"), ["x", None, "x"], None)
    with pytest.raises(LabelError, match=r"1 item has no group, of 3, first 'b'. Every item is of one group"):
        group_ids(lacking)
    assert group_ids(Named("a")) is None
    assert shared_groups(lacking, with_groups(Named("d", "e"), ["x", "y"], None)) == ["x"]


# --- splits


def labelled(class_ids, groups):
    items = Named(*map(str, range(len(class_ids))))
    return Labelled(items if groups is None else with_groups(items, groups, None), class_ids, ["a", "b", "c"])


def test_no_split_parts_a_group_and_every_class_stays_behind():
    draws = np.random.default_rng(0)
    for seed in range(6):
        groups = draws.integers(0, 12, 90)
        one = (groups % 3 + (draws.random(90) < 0.2)).astype(np.int64) % 3
        several = (draws.random((90, 3)) < 0.4).astype(np.int64)
        for class_ids in (one, several):
            kept, held = hold_out(class_ids, seed=seed, share=0.2, groups=groups)
            assert parted(groups, kept, held)
            assert (kept != held).all()
            assert 2 <= held.sum() <= 45
            assert len(np.unique(class_ids[kept], axis=0)) >= 3
            for fold in folds(class_ids, 3, seed=seed, groups=groups):
                assert parted(groups, fold.kept, fold.held)
        kept, held = split(one, seed=seed, most=30, groups=groups)
        assert parted(groups, kept, held)
        assert kept.sum() <= 33
        assert not (kept & held).any()
        assert [part.tolist() for part in split(one, seed=seed, groups=groups)] == [
            part.tolist() for part in split(one, seed=seed, groups=groups)
        ]
        sides = held_out(labelled(one, groups), seed=seed)
        names = [[int(name) for name in side.items.names] for side in sides]
        assert parted(groups, *names)
        some = np.where(draws.random(90) < 0.5, one, -1)
        rest, apart = rows_apart(labelled(some, groups), seed=seed)
        assert parted(groups, rest, apart)
        assert is_labelled(some[apart]).all()


def test_every_group_is_held_out_once_where_classes_allow():
    groups = np.repeat(np.arange(15), 6)
    parts = folds(np.arange(90) % 3, 3, seed=0, groups=groups)
    assert sorted(np.concatenate([part.held for part in parts]).tolist()) == list(range(90))
    only = np.where(groups == 4, 2, np.arange(90) % 2)
    held = np.concatenate([part.held for part in folds(only, 3, seed=0, groups=groups)])
    assert set(groups[held]) == set(range(15)) - {4}


def test_without_groups_the_rows_are_those_that_they_were():
    """Digests of what was drawn before there were groups."""
    draws = np.random.default_rng(3)
    one, several = draws.integers(0, 4, 97), (draws.random((97, 3)) < 0.4).astype(np.int64)

    def digest(*arrays):
        return hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)).hexdigest()[:16]

    assert [digest(*split(one, seed=seed)) for seed in range(2)] == ["da61669257950a12", "3fc53457e4acd4aa"]
    assert digest(*split(one, seed=1, share=0.2, most=30)) == "b367aec1e902e2c2"
    assert digest(*hold_out(one, seed=4, share=0.2)) == "bca6202c5ceb7df7"
    assert digest(*hold_out(several, seed=4, share=0.2)) == "03c5f55e80fa38d2"
    assert digest(*(rows for fold in folds(one, 4, seed=5) for rows in fold)) == "275fc6463ac854f9"
    assert digest(*(rows for fold in folds(several, 3, seed=5) for rows in fold)) == "963630506f940b10"
    assert digest(budget(one, "abcd", per_class=3, seed=2)) == "e9c9ce603d0f105b"


def test_too_few_groups_are_met_with_advice():
    one_class_each = np.repeat([0, 1], 4)
    for groups, message in (
        (np.zeros(8, dtype=int), "All 8 labelled items are of one group, so none can be held out. Give a test source"),
        (one_class_each, "None of the 2 groups of 8 labelled items can be held out.*items of two groups"),
    ):
        assert not split(one_class_each, seed=0, groups=groups)[1].any()
        assert folds(one_class_each, 2, seed=0, groups=groups) == []
        for verb in (held_out, rows_apart):
            with pytest.raises(LabelError, match=message):
                verb(labelled(one_class_each, groups), seed=0)
        assert advice(groups)


def test_the_penalty_of_a_probe_is_chosen_on_other_groups():
    """Where every group has a direction of its own, a strong probe knows groups by heart: only others tell."""
    draws = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 10)
    labels = draws.integers(0, 2, 30)[groups]
    x = 6 * np.eye(30)[groups] + 0.1 * draws.normal(size=(300, 30))
    x = np.concatenate([x, labels[:, None] + 0.7 * draws.normal(size=(300, 1))], axis=1).astype(np.float32)
    test = np.concatenate([np.zeros((400, 30)), (np.arange(400) % 2)[:, None]], axis=1)
    test[:, 30] += 0.7 * draws.normal(size=400)
    chosen = [linear_probe(x, labels, test.astype(np.float32), groups=each) for each in (None, groups)]
    right = [float((answers == np.arange(400) % 2).mean()) for answers in chosen]
    assert right[1] >= right[0]
    assert not (chosen[0] == chosen[1]).all()
    assert linear_probe(x, labels, x[:3], groups=np.zeros(300, dtype=int)).shape == (3,)


def test_pairs_that_are_kept_to_verify_with_are_of_other_groups(capsys):
    groups = np.repeat(np.arange(40), 5)
    items = with_groups(Named(*map(str, range(200))), groups, None)
    kept = _kept(groups % 4, items, seed=0)
    assert parted(groups, kept, ~kept)
    assert 5 <= kept.sum() <= 40
    draws = np.random.default_rng(0)
    first, second = draws.integers(0, 200, 2000), draws.integers(0, 200, 2000)
    learned, requested = _parted(Pairs(first, second, groups[first] == groups[second]), seed=0, groups=groups)
    sides = [np.concatenate([each.first, each.second]) for each in (learned, requested)]
    assert parted(groups, *sides)
    assert len(requested.same) > 0
    left_out = 2000 - len(learned.same) - len(requested.same)
    assert f"{left_out} between them left out" in capsys.readouterr().err


# --- intervals


def test_a_score_over_groups_is_the_formula_in_loops():
    scores, groups = np.asarray([1, 1, 1, 0, 0, 1, 0, 1.0]), np.asarray([3, 3, 3, 5, 5, 7, 9, 9])
    sums = [sum(scores[row] - scores.mean() for row in range(8) if groups[row] == group) for group in (3, 5, 7, 9)]
    variance = max(4 / 3 * sum(each**2 for each in sums) / 64, scores.var(ddof=1) / 8)
    p, t = scores.mean(), 3.1824463
    n = min(8, p * (1 - p) / variance)
    centre, reach = (
        (p + t**2 / 2 / n) / (1 + t**2 / n),
        t / (1 + t**2 / n) * np.sqrt(p * (1 - p) / n + (t / 2 / n) ** 2),
    )
    assert score_interval(scores, groups=groups) == pytest.approx((p, centre - reach, centre + reach))


def test_intervals_over_groups_keep_what_intervals_are():
    draws = np.random.default_rng(0)
    right, groups = draws.random(60) < 0.7, np.repeat(np.arange(12), 5)
    wide = np.repeat(draws.random(12) < 0.7, 5)
    for interval, ends in ((score_interval, (0, 1)), (difference_interval, (-1, 1))):
        assert interval(right * 1.0, groups=np.zeros(60, dtype=int))[1:] == ends  # one group says nothing of others
        few, many = (np.ptp(interval(wide * 1.0, groups=each)[1:]) for each in (groups, np.arange(60)))
        assert few > 1.5 * many
        assert np.ptp(interval(right * 1.0, groups=np.arange(60))[1:]) == pytest.approx(
            np.ptp(interval(right * 1.0)[1:]), rel=0.1
        )
    assert score_interval(np.ones(60), groups=groups).low < score_interval(np.ones(60)).low - 0.1
    cells = draws.random((3, 60)) < 0.5 + 0.4 * wide
    assert np.ptp(score_over_draws(cells, groups=groups)[1:]) > np.ptp(score_over_draws(cells)[1:])
    assert np.ptp(difference_over_draws(cells * 1.0, groups=groups)[1:]) > np.ptp(
        difference_over_draws(cells * 1.0)[1:]
    )
    assert score_over_draws(cells, groups=np.zeros(60, dtype=int))[1:] == (0, 1)
    same = [right * 1.0, right * 1.0]
    assert familywise_level(same, groups=groups) == pytest.approx(0.95, abs=0.002)


def coverage(worlds, groups, *, seed=0):
    """How often plain intervals and those over groups hold the truth: of a share, and of a difference of two models."""
    draws = np.random.default_rng(seed)
    held = np.zeros((2, 2))
    for _ in range(worlds):
        sizes = draws.integers(4, 16, groups)
        of = np.repeat(np.arange(groups), sizes)
        hard = draws.normal(size=groups)[of]
        chances = np.stack([1 / (1 + np.exp(-(1 + draws.normal(size=groups)[of] + hard))) for _ in range(2)])
        right = draws.random(chances.shape) < chances
        for place, given in enumerate((None, of)):
            share, difference = score_interval(right[0], groups=given), paired_interval(*right, groups=given)
            held[place] += share.low <= TRUTH <= share.high, difference.low <= 0 <= difference.high
    return held / worlds


def _truth():
    hard = np.random.default_rng(9).normal(scale=2**0.5, size=2_000_000)
    return float((1 / (1 + np.exp(-(1 + hard)))).mean())


TRUTH = _truth()
"""The share that both models get right, over all groups."""


def test_intervals_over_groups_hold_where_plain_ones_do_not():
    plain, ours = coverage(400, 25)
    assert (plain < 0.88).all()
    assert (ours > 0.92).all()
    assert (ours < 0.99).all()


@pytest.mark.slow
def test_intervals_over_groups_hold_of_few_and_of_many_groups():
    for groups in (8, 15, 40, 100):
        plain, ours = coverage(3000, groups, seed=groups)
        assert (plain < 0.9).all(), groups
        assert ((ours >= 0.92) & (ours <= 0.98)).all(), (groups, ours)
