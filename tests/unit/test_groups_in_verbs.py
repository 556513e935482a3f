"""Groups through the verbs: said once, kept with the model, respected by every split, counted and warned of."""

from __future__ import annotations

import json
from itertools import chain

import numpy as np
import pytest

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import LabelError
from counterpoint.evaluation.verdict import headline
from counterpoint.interfaces import info_of
from counterpoint.modality import DataOptions
from counterpoint.model import load
from counterpoint.plans import FinetunePlan, SemiPlan
from counterpoint.plans.data_options import ReadOptions
from counterpoint.runs import run_folder
from counterpoint.setup.dataset import open_source
from counterpoint.setup.labelled_data import gather
from counterpoint.tuning.labelled_items import questions
from counterpoint.tuning.repeats import difference
from counterpoint.verbs.finetune import trial

TINY = {"epochs": 1, "batch_size": 16, "width": 8, "head_hidden": 8, "head_outputs": 8, "precision": "fp32"}


def clinic(count=120, patients=20, seed=0, first=0):
    """Measurements that tell a patient apart better than the illness, which half of the patients have."""
    draws = np.random.default_rng(seed)
    of = np.arange(count) % patients
    own = draws.normal(size=(patients, 4))[of]
    ill = of % 2
    columns = {f"m{place}": own[:, place] + 0.3 * draws.normal(size=count) for place in range(4)}
    columns["m0"] = columns["m0"] + 1.5 * ill
    return {
        **{name: cells.round(4).tolist() for name, cells in columns.items()},
        "patient": [f"p{each + first}" for each in of],
        "ill": [("no", "yes")[each] for each in ill],
    }


def written(path, columns):
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    source = written(folder / "clinic.csv", clinic())
    main(["fit", str(source), "--out", str(folder / "run"), "--groups", "patient", "--without", "ill", *words(TINY)])
    return folder


def words(choices):
    return list(chain.from_iterable((f"--{name.replace('_', '-')}", str(value)) for name, value in choices.items()))


def test_a_model_keeps_its_groups_and_evaluate_goes_by_them(run, capsys):
    kept = load(run / "run")
    assert kept.modality.schema().of_role("group") == ["patient"]
    assert not {"patient", "ill"} & set(kept.modality.uses())
    assert run_folder.read_plan(run / "run")["data"]["groups"] == "patient"
    main(["evaluate", str(run / "run"), "--labels", "ill", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["groups"], result["sizes"]["test"], result["shared_groups"]) == (4, 24, [])
    assert json.loads((run / "run" / "evaluation.json").read_text(encoding="utf-8"))["groups"] == 4
    main(["evaluate", str(run / "run"), "--labels", "ill", "--groups", "patient"])
    said = capsys.readouterr().out
    assert "The test items are of 4 groups, and intervals are over groups. Fewer than 10 groups say little" in said
    alone = {name: cells for name, cells in clinic().items() if name != "patient"}
    plain = cp.evaluate(run / "run", written(run / "alone.csv", alone), labels="ill")
    assert "groups" not in plain
    for kind in ("knn", "linear"):
        assert np.ptp([result[kind]["low"], result[kind]["high"]]) > np.ptp([plain[kind]["low"], plain[kind]["high"]])


def test_groups_that_train_and_test_share_are_warned_of(run):
    kept = load(run / "run")
    shared, apart = (written(run / f"test{first}.csv", clinic(60, 20, seed=1, first=first)) for first in (17, 20))
    result = cp.evaluate(kept, run / "clinic.csv", shared, labels="ill")
    assert (result["groups"], result["shared"], result["shared_groups"]) == (20, 0, ["p17", "p18", "p19"])
    assert result["note"].startswith("3 groups of test items are of training items too (p17, p18, p19)")
    assert result["note"] in str(result)
    assert "note" not in cp.evaluate(kept, run / "clinic.csv", apart, labels="ill")
    z = {name: kept.embed(file) for name, file in (("train", run / "clinic.csv"), ("test", shared))}
    labels, groups = ((clinic()[name], clinic(60, 20, first=17)[name]) for name in ("ill", "patient"))
    vectors = cp.evaluate(z["train"], test=z["test"], labels=labels, groups=groups)
    assert vectors["shared_groups"] == ["p17", "p18", "p19"]
    assert "3 groups of test items" in vectors["note"]


def test_fine_tuning_holds_out_whole_groups(run):
    kept = load(run / "run")
    tuned = cp.finetune(kept, run / "clinic.csv", labels="ill", groups="patient", deliver="probe", out=run / "tuned")
    record = json.loads((run / "tuned" / run_folder.TUNED).read_text(encoding="utf-8"))["judgement"]
    assert (record["groups"], record["candidates"]["probe"]["groups"]) == (20, 20)
    assert record["candidates"]["probe"]["items"] == 120
    with pytest.raises(LabelError, match="learned from the label of every item"):
        cp.evaluate(tuned, run / "clinic.csv", labels="ill")
    few = cp.finetune(kept, run / "clinic.csv", labels="ill", per_class=4, deliver="probe")
    result = cp.evaluate(few, run / "clinic.csv", labels="ill")
    assert len(few.learned) == 8  # a budget counts items
    assert result["classifier"]["items"] == 6 * result["groups"]  # none of a patient of whom one label was learned
    assert result["classifier"]["groups"] == result["groups"] < 4
    one = cp.finetune(kept, run / "clinic.csv", labels="ill", groups=["same"] * 120, deliver="probe", out=run / "one")
    assert one.temperature == 1
    record = json.loads((run / "one" / run_folder.TUNED).read_text(encoding="utf-8"))
    assert "Labels of every class in a second group would allow that" in record["conclusion"]


def test_the_folds_of_a_trial_part_no_group(run):
    kept = load(run / "run")
    from counterpoint.data.labels import read_some_labels
    from counterpoint.evaluation.labelled import Labelled
    from counterpoint.setup.train_test import open_grouped

    items = open_grouped(kept, run / "clinic.csv")
    known = Labelled.read(items, read_some_labels("ill", run / "clinic.csv", items))
    tried = trial(kept, known, FinetunePlan(deliver="probe"))
    assert len(tried.parts) == 5
    for part in tried.parts:
        assert not set(tried.some.groups[part.kept]) & set(tried.some.groups[part.held])


def test_semi_compare_and_tune_hold_out_whole_groups(run):
    source, listed = run / "clinic.csv", clinic()["patient"]
    for data, groups in (
        (ReadOptions(groups="patient", without="ill"), None),
        (ReadOptions(without="ill,patient"), listed),
    ):
        material = gather(source, "ill", SemiPlan(per_class=5), data=data, groups=groups)
        train, test = (set(info_of(part.items).groups) for part in (material.train, material.test))
        assert (len(train), len(test), train & test) == (16, 4, set())
        modality, items = open_source(source, DataOptions(data=data, groups=groups))
        asked = questions(modality, source, items, test=None, labels="ill", seed=0)
        sides = [set(info_of(part.items).groups) for part in (asked.train, asked.test)]
        assert not sides[0] & sides[1]
        assert set(np.asarray(listed)[asked.learnable >= 0]) == sides[0]
        assert asked.counts() == {"asked": 24, "known": 96, "shared": 0, "groups": 4, "shared_groups": []}


def test_a_comparison_and_label_efficiency_count_groups(run):
    choices = {**TINY, "without": "ill"}
    result = cp.compare(
        run / "clinic.csv", ["simclr"], labels="ill", groups="patient", out=run / "contest", seeds=1, **choices
    )
    assert result["items"]["groups"] == 4
    assert "The test items are of 4 groups" in str(result)
    listed = cp.compare(
        run / "clinic.csv", ["simclr"], labels="ill", groups=clinic()["patient"], out=run / "listed", seeds=1, **choices
    )
    assert listed["items"] == result["items"]
    worth = cp.label_efficiency(load(run / "run"), run / "clinic.csv", labels="ill", budget=["4"], draws=1)
    assert worth["groups"] == 4
    assert "The test items are of 4 groups" in str(worth)


def test_embeddings_keep_the_groups_of_their_items(run, capsys):
    out = run / "z.npz"
    main(["embed", str(run / "run"), str(run / "clinic.csv"), "--out", str(out), "--groups", "patient", "--json"])
    capsys.readouterr()
    z = cp.Embeddings.load(out)
    assert z.groups == clinic()["patient"]
    assert z.subset([3, 1]).groups == ["p3", "p1"]
    assert z.shortened(4).groups == z.groups
    assert cp.Embeddings.merge({"one": z}).groups == z.groups
    assert cp.evaluate(out, clinic()["ill"])["groups"] == 4
    listed = cp.embed(load(run / "run"), run / "clinic.csv", groups=list(range(120)))
    assert listed.groups == [str(row) for row in range(120)]
    assert cp.embed(load(run / "run"), run / "clinic.csv").groups is None


def test_rows_that_are_skipped_keep_their_place_beside_groups():
    texts = ["one sentence of five words", "", "another sentence of five words", "and one more of six words"] * 4
    model = cp.fit([text for text in texts if text], **TINY | {"batch_size": 8})
    with pytest.warns(UserWarning, match="count as zeros"):
        z = cp.embed(model, texts, groups=list("abcd") * 4)
    assert z.groups == ["a", "", "c", "d"] * 4


def test_the_next_step_counts_groups_where_there_are_any():
    ends = {"value": 0.04, "low": -0.01, "high": 0.09}
    score = {"linear": {"differences": {"raw": ends}, "comparisons": 2}, "sizes": {"test": 400}}
    assert "test it on more items, about 630 show" in headline(score)["sentence"]
    assert "test it on more groups, about 32 show" in headline({**score, "groups": 20})["sentence"]


def test_a_search_of_plans_counts_groups(run):
    found = cp.tune(
        run / "clinic.csv",
        labels="ill",
        groups=clinic()["patient"],
        out=run / "search",
        trials=2,
        repeats=1,
        **TINY | {"without": "ill"},
    )
    assert found["groups"] == 4
    assert found["search"]["items"]["groups"] == 4
    assert len(found["search"]["test_groups"]) == 24
    assert "The test items are of 4 groups" in str(found)


def test_a_search_knows_that_groups_are_alike():
    items = np.repeat([0.3, -0.2, 0.4, 0.0], 25)
    best, usual = np.asarray([0.7, 0.71]), np.asarray([0.6, 0.61, 0.6])
    plain = difference(best, usual, items)[1]
    grouped = difference(best, usual, items, np.repeat(np.arange(4), 25))[1]
    assert np.ptp(grouped[1:]) > 1.5 * np.ptp(plain[1:])
    assert difference(best, usual, items, np.zeros(100, dtype=np.int64))[1] is None
