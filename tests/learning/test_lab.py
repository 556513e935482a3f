"""The lab: figures that are known beforehand in made-up worlds, specs that can be pasted, remarks, and one page."""

import json

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import rng
from counterpoint.cli import main
from counterpoint.evaluation.view_statistics import Known, recovered_among
from counterpoint.setup.dataset import open_source
from counterpoint.tuning.view_remarks import Measure, advice, remarks
from counterpoint.views.image_views import Strengths
from counterpoint.views.series_views import Waves
from counterpoint.views.single_changes import alone, presets
from tests.worlds import WORLDS, records, stripes

SMALL = {"width": 8, "items": 96}

MODULE = '''
import numpy as np
import torch
from PIL import Image

from counterpoint import rng


def same(rows, key):
    return rows.clone()


def turned(rows, key):
    return -rows


def noise(rows, key):
    return rng.normal(key, rows[0].numel(), "noise").view(rows.shape)


def without_first(rows, key):
    """The first column drawn anew: it alone says the class."""
    rows = rows.clone()
    rows[:, 0] = rng.normal(key, 1, "first")[:, 0]
    return rows


def without_last(rows, key):
    rows = rows.clone()
    rows[:, -1] = rng.normal(key, 1, "last")[:, 0]
    return rows


def silent(rows, key):
    """The second half, which alone swings otherwise for the classes, is silenced, and noise tells views apart."""
    rows = rows + 0.05 * noise(rows, key)
    rows[:, :, rows.shape[2] // 2 :] = 0
    return rows


def loud(rows, key):
    return rows * torch.exp(0.1 * rng.normal(key, 1, "loud"))[:, :, None]


def dark(picture):
    """All pictures become as bright as each other, but for chance."""
    pixels = np.asarray(picture).astype(float)
    return Image.fromarray((pixels - pixels.mean() + 120 + np.random.normal(0, 3)).clip(0, 255).astype("uint8"))


def flipped(picture):
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if np.random.uniform() < 0.5 else picture


def broken(rows, key):
    raise KeyError("lost")


def nothing(rows, key):
    return None
'''


@pytest.fixture(scope="module", autouse=True)
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    (folder / "lab_views.py").write_text(MODULE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


def judged(source, *views, **rest):
    """The rows of some views of the user's own, by the names of their functions."""
    held = cp.lab(source, views=[f"lab_views:{each}" for each in views], **{**SMALL, **rest})
    return {row["views"].partition(":")[2]: row for row in held["looks"] if row["kind"] == "whole"}, held


def column(count=200):
    """A table whose first column alone says the class."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    rows = random.normal(0, 1, (count, 6)).astype(np.float32)
    rows[:, 0] = 4 * labels + random.normal(0, 0.3, count)
    return rows, labels


def beats(count=200):
    """Series whose second half alone says the class: it is quiet or it swings."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    rows = random.normal(0, 1, (count, 1, 32)).astype(np.float32)
    rows[:, :, 16:] *= np.where(labels, 3.0, 0.1)[:, None, None]
    return rows, labels


def shades(count=120):
    """Pictures that are bright or dark, with grains, which are not told apart by anything else."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    grains = random.normal(0, 20, (count, 12, 12))
    return (80 + 80 * labels[:, None, None] + grains).clip(0, 255).astype(np.uint8)[..., None], labels


def test_an_identity_changes_nothing_and_finds_everything():
    rows, held = judged(records(count=96).source, "same", modality="table", labels=records(count=96).labels, width=64)
    same = rows["same"]
    assert same["similarity"] == pytest.approx(1, abs=1e-5)
    assert same["raw"]["similarity"] == pytest.approx(1, abs=1e-5)
    assert (same["change"], same["accuracy"]["value"]) == (0, 1)
    assert same["damage"]["value"] == 0
    assert same["damage"]["low"] < 0 < same["damage"]["high"]
    assert same["remarks"] == ["changes nothing here"]
    assert held["level"] == "warning"
    assert "nothing to learn" in held["advice"]


def test_noise_is_found_as_often_as_by_guessing_and_takes_all_away():
    rows, held = judged(
        records(count=512).source, "noise", modality="table", labels=records(count=512).labels, items=512
    )
    noise = rows["noise"]
    assert held["among"] == 256
    assert noise["accuracy"]["low"] <= held["chance"] <= noise["accuracy"]["high"]
    assert abs(noise["similarity"] - noise["apart"]) < 0.05
    assert noise["damage"]["value"] == pytest.approx(0.25 - held["labels"]["plain"]["value"], abs=0.08)
    assert "hardly any item" in noise["remarks"][0]
    assert "hides most of what" in noise["remarks"][1]
    assert held["level"] == "warning"
    assert "so strong" in held["advice"]


def test_views_without_chance_are_told_from_views_that_differ():
    rows, held = judged(records(count=96).source, "turned", modality="table")
    assert rows["turned"]["change"] > 0.5
    assert rows["turned"]["remarks"] == ["changes every item, but both of its views in the same way"]
    assert "in one way only" in held["advice"]
    assert rows["turned"]["damage"] is None


@pytest.mark.parametrize(
    ("world", "kind", "harmful", "harmless"),
    [
        (column, "table", "without_first", "without_last"),
        (beats, "series", "silent", "loud"),
        (shades, "image", "dark", "flipped"),
    ],
)
def test_a_look_at_everything_but_what_tells_classes_apart_shows_damage(world, kind, harmful, harmless):
    source, labels = world()
    rows, held = judged(source, harmful, harmless, labels=labels, modality=kind, items=200, width=32)
    assert held["labels"]["plain"]["value"] > 0.9
    assert rows[harmful]["damage"]["high"] < -0.2
    assert "hides most of what tells classes apart" in " ".join(rows[harmful]["remarks"])
    assert rows[harmless]["damage"]["value"] > -0.05
    assert rows[harmless]["damage"]["high"] >= 0
    assert "damage cannot be told from none" in rows[harmless]["remarks"]


def test_a_mirror_of_what_is_symmetric_and_grey_of_what_is_grey_change_nothing():
    half = np.random.default_rng(0).integers(0, 255, (40, 12, 6, 1), dtype=np.uint8)
    source = np.concatenate([half, half[:, :, ::-1]], axis=2)
    held = cp.lab(source, views="simclr", **SMALL)
    rows = {row["name"]: row for row in held["looks"]}
    for name in ("mirror alone", "grey alone"):
        assert rows[name]["remarks"] == ["changes nothing here"], name
        assert rows[name]["change"] < 1e-4
    assert rows["crop alone"]["change"] > 0.1
    assert "Mirror and grey change nothing here" in held["advice"]


@pytest.mark.parametrize("kind", WORLDS)
def test_every_kind_of_data_is_judged_and_every_spec_can_be_fitted(kind):
    world = WORLDS[kind](count=96)
    held = cp.lab(world.source, labels=world.labels, modality=kind, width=8, items=48, **world.reading)
    names = [row["name"] for row in held["looks"]]
    assert names[0] == "whole look"
    assert {"half strength", "double strength"} < set(names)
    assert [row for row in held["looks"] if row["kind"] == "whole"] == [held["looks"][0]]
    specs = [row["views"] for row in held["looks"]]
    assert len(set(specs)) == len(specs)
    assert {each for each in presets(kind) if each not in specs} == set()
    modality, items = open_source(world.source, world.options())
    keys = rng.keys(seed=0, epoch=0, items=torch.arange(96), view=0)
    batch = items.take(np.arange(96))
    for row in held["looks"]:
        assert 0 <= row["accuracy"]["low"] <= row["accuracy"]["value"] <= row["accuracy"]["high"] <= 1
        assert row["damage"]["low"] <= row["damage"]["value"] <= row["damage"]["high"]
        asked, _ = open_source(world.source, world.options(views=row["views"]))
        torch.testing.assert_close(
            asked.augmentation(batch, keys), modality.with_views(row["views"]).augmentation(batch, keys)
        )
    weak, usual, strong = (
        held["looks"][names.index(each)] for each in ("half strength", "whole look", "double strength")
    )
    assert weak["change"] < usual["change"] < strong["change"]
    assert weak["accuracy"]["value"] > strong["accuracy"]["value"]
    assert cp.plan(world.source, modality=kind, views=specs[-1], epochs=1, width=8)["views"] == specs[-1]


def test_a_change_alone_is_that_change_and_no_other():
    images = torch.randint(0, 255, (64, 3, 64, 64), dtype=torch.uint8, generator=torch.manual_seed(0))
    key = rng.keys(seed=0, epoch=0, items=torch.arange(64), view=0)
    whole = Strengths(mirror=0.3, degrees=10, blur=0.5, solarize=0.5, erase=0.5)
    plain = images.float() / 255
    away = {}
    for change, options in whole.alone().items():
        away[change] = (Strengths(**options)(images, key, size=64) - plain).abs().amax(dim=(1, 2, 3))
    assert list(away) == ["crop", "mirror", "rotation", "colour", "grey", "blur", "solarize", "erase"]
    for change, share in (("mirror", 0.3), ("grey", 0.2), ("blur", 0.5), ("solarize", 0.5), ("erase", 0.5)):
        assert 0.2 * share < float((away[change] > 1e-3).float().mean()) < min(0.95, 2.5 * share), change
    series = torch.randn(8, 2, 40, generator=torch.manual_seed(0))
    keys = key[:8]
    for change, options in Waves().alone().items():
        moved = Waves(**options)(series, keys) - series
        assert float(moved.abs().max()) > 0.01, change
    silent = Waves(**Waves().alone()["mask"])(series, keys)
    torch.testing.assert_close(silent[silent != 0], series[silent != 0], rtol=0, atol=1e-4)


def test_what_is_left_out_is_no_change_and_images_of_any_shape_stay_whole():
    assert alone("simclr(scale=1, ratio=1, mirror=0, colour=0)", only="image") == {}
    assert list(alone("upright", only="image")) == ["crop", "rotation", "colour", "grey"]
    assert alone("corrupt(rate=0.5)", only="table") == {"corrupt": "corrupt(rate=0.5)"}
    wide = torch.randint(0, 255, (4, 3, 10, 20), dtype=torch.uint8, generator=torch.manual_seed(0))
    key = rng.keys(seed=0, epoch=0, items=torch.arange(4), view=0)
    still = {"scale": 1.0, "ratio": 1.0, "mirror": 0.0, "colour": 0.0}
    views = [Strengths(**still)(wide, key + by, size=20) for by in (0, 1)]
    torch.testing.assert_close(views[0], views[1], rtol=0, atol=0)


def test_items_are_found_among_exactly_so_many():
    x = np.eye(10, dtype=np.float32)
    x[9] = x[0]  # the last is as near to the first, which is in its block only where that is filled up from before
    assert recovered_among(x, x, among=4).tolist() == [True] * 10
    assert recovered_among(x, x, among=10).tolist() == [False, *[True] * 8, False]
    shifted = np.roll(x[:9], 1, axis=0)
    assert not recovered_among(x[:9], shifted, among=9).any()


def test_halves_ask_about_every_known_item_once_and_learn_from_others():
    class_ids = np.asarray([0, 0, 0, 1, 1, -1, 2])
    known = Known.of(class_ids, seed=0)
    assert known.rows.tolist() == [0, 1, 2, 3, 4]
    assert {bool(each) for each in known.half[:3]} == {bool(each) for each in known.half[3:]} == {True, False}
    h = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    by_heart = Known.of(np.random.default_rng(1).integers(0, 2, 400), seed=0)
    assert by_heart.right(h, h).mean() == pytest.approx(0.5, abs=0.12)  # what was learned from is not asked about


def test_the_same_seed_gives_the_same_figures_and_another_does_not():
    first, again, other = (cp.lab(records(count=96).source, **SMALL, seed=seed)["looks"] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_callable_of_the_users_is_judged_beside_the_presets():
    def shaken(rows, key):
        return rows + 0.2 * rng.normal(key, rows[0].numel(), "shaken").view(rows.shape)

    held = cp.lab(WORLDS["series"](count=64).source, views=shaken, **SMALL)
    assert [(row["name"], row["views"]) for row in held["looks"]] == [("whole look", None), ("preset waves", "waves")]
    assert held["looks"][0]["change"] == pytest.approx(0.15, abs=0.1)


def test_views_of_another_size_have_no_change_but_are_judged():
    def centre(picture):
        return picture.crop((2, 2, 14, 14))

    held = cp.lab(stripes(count=40).source, views=centre, **SMALL)
    assert held["looks"][0]["change"] is None
    assert held["looks"][0]["accuracy"]["value"] > 0.9


def test_a_model_measures_in_the_place_of_an_untrained_encoder(tmp_path):
    source = records(count=96).source
    model = cp.fit(source, epochs=1, width=8, batch_size=32, views="corrupt(rate=0.2)", out=tmp_path / "run")
    by_model = cp.lab(source, model=tmp_path / "run", items=96)
    assert by_model["looks"][0]["views"] == "corrupt(rate=0.2)"
    assert by_model["model"] == str(tmp_path / "run")
    assert "the model in" in by_model["note"]
    assert cp.lab(source, model=model, items=96)["looks"] == by_model["looks"]
    untrained = cp.lab(source, views="corrupt(rate=0.2)", **SMALL)
    assert untrained["looks"][0]["similarity"] != by_model["looks"][0]["similarity"]
    assert untrained["looks"][0]["raw"] == by_model["looks"][0]["raw"]


@pytest.mark.parametrize(
    ("figures", "says", "level"),
    [
        ({"accuracy": 0.97, "similarity": 0.99}, "are timid", "warning"),
        ({"accuracy": 0.01}, "so strong that hardly any", "warning"),
        (
            {"accuracy": 0.4, "damage": (-0.4, -0.45, -0.35)},
            "more of what tells classes apart than they leave",
            "warning",
        ),
        (
            {"accuracy": 0.4, "damage": (-0.1, -0.12, -0.08)},
            "has not learned loses 10.0 points (8.0 to 12.0) of what",
            "good",
        ),
        (
            {"accuracy": 0.4, "damage": (-0.01, -0.04, 0.02)},
            "cannot be told from nothing (-1.0 (-4.0 to +2.0))",
            "good",
        ),
        ({"accuracy": 0.4, "damage": (0.03, 0.01, 0.05)}, "easier to tell apart, by +3.0", "good"),
    ],
)
def test_advice_follows_the_figures_and_names_another_look(figures, says, level):
    def row(kind, views, accuracy=0.3, similarity=0.5, damage=None):
        scores = None if damage is None else dict(zip(("value", "low", "high"), damage, strict=True))
        return {
            "name": "whole look", "kind": kind, "of": "a", "views": views, "change": 0.5,
            "similarity": similarity, "accuracy": {"value": accuracy}, "damage": scores,
        }  # fmt: skip

    by = Measure(1 / 256, False, 0.6 if "damage" in figures else None)
    other = row("preset", "b", damage=(-0.05, -0.06, -0.04) if "damage" in figures else None)
    found_level, sentence = advice([row("whole", "a", **figures), other], by)
    assert says in sentence
    assert found_level == level
    assert ("'b' is" in sentence) == (level == "warning")
    if other["damage"] is not None:
        assert remarks(other, by._replace(learned=True)) == ["takes away what tells classes apart (-5.0 points)"]
    assert remarks(other, by) == ([] if "damage" not in figures else ["hides what tells classes apart (-5.0 points)"])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    world = stripes(count=64)
    np.save(folder / "array.npy", world.source)
    np.save(folder / "labels.npy", world.labels)
    return folder, [str(folder / "array.npy"), "--labels", str(folder / "labels.npy"), "--width", "8", "--items", "32"]


def test_lab_from_the_shell_prints_and_writes(written, capsys):
    folder, words = written
    main(["lab", *words, "--views", "small,simclr(colour=0.1, grey=0)", "--out", str(folder / "out"), "--json"])
    held = json.loads(capsys.readouterr().out)
    whole = [row["views"] for row in held["looks"] if row["kind"] == "whole"]
    assert whole == ["small", "simclr(colour=0.1, grey=0)"]
    assert json.loads((folder / "out" / "lab.json").read_text()) == {
        name: value for name, value in held.items() if name != "out"
    }
    page = (folder / "out" / "report.html").read_text()
    assert page.count("<circle ") == len(held["looks"])
    assert page.count("data:image/") == len(held["looks"]) + 1
    for part in ("Views of a few items", "small: crop alone", "damage, in points", held["advice"][:20]):
        assert part in page
    assert "https://" not in page
    with pytest.raises(cp.InputError, match=r"holds a lab\. Replace it with overwrite=True"):
        cp.lab(folder / "array.npy", out=folder / "out", **SMALL)
    main(["lab", *words[:1], "--width", "8", "--items", "32", "--out", str(folder / "out"), "--overwrite"])
    text = capsys.readouterr().out
    assert "preset heavy" in text
    assert "similarity of two views" in (folder / "out" / "report.html").read_text()
    assert text.strip().endswith("report.html")


def test_a_table_has_a_page_without_pictures(tmp_path):
    cp.lab(records(count=40).source, out=tmp_path / "out", **SMALL)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<img" not in page
    assert "corrupt(rate=0.6)" in page.replace("&#34;", '"')


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"views": "corupt"}, "no views called 'corupt'. Did you mean 'corrupt'"),
        ({"views": "small"}, "'small' is for image data, not for table"),
        ({"views": "corrupt(rate=2)"}, "rate must be at most 1"),
        ({"views": []}, "Name the views"),
        ({"views": "lab_views:broken"}, "failed on two items: KeyError"),
        ({"views": "lab_views:nothing"}, "views 'lab_views:nothing' (must give a tensor|failed on two items)"),
        ({"views": "nowhere:look"}, "cannot be loaded"),
        ({"labels": np.zeros(3)}, "3 labels for 64 items"),
        ({"labels": np.zeros(64)}, "two classes or more"),
        ({"labels": np.arange(64)}, "two classes or more"),
        ({"labels": np.eye(64, dtype=int)}, "several at once"),
        ({"labels": "own"}, "carries no labels"),
        ({"items": 10}, "items must be at least 20"),
        ({"source": records(count=19).source}, "at least 20 items. Got 19"),
        ({"epochs": 3}, "'lab' has no choice 'epochs'"),
        ({"encoder": "conv2d"}, "is for image data"),
        ({"model": "nowhere", "width": None}, "There is no run in 'nowhere'"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(change, match, tmp_path):
    given = {"source": records(count=64).source, "out": tmp_path / "out", **SMALL, **change}
    with pytest.raises(cp.InputError, match=match):
        cp.lab(given.pop("source"), **given)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_things_is_left_alone(written, tmp_path, capsys):
    _, words = written
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(SystemExit) as stopped:
        main(["lab", *words, "--out", str(tmp_path), "--overwrite"])
    assert stopped.value.code == 2
    assert "holds other things than a lab" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_model_has_settled_what_is_asked_otherwise(tmp_path):
    source = records(count=64).source
    model = cp.fit(source, epochs=1, width=8, batch_size=32)
    with pytest.raises(cp.InputError, match="determines width"):
        cp.lab(source, model=model, width=8)
    with pytest.raises(cp.InputError, match="views are named"):
        cp.lab(source, model=model, views=lambda rows, key: rows)
    cp.fit(source, epochs=1, width=8, batch_size=32, views=lambda rows, key: rows + 0.1, out=tmp_path / "run")
    with pytest.raises(cp.InputError, match="Say which to judge with views="):
        cp.lab(source, model=tmp_path / "run")
    named = cp.lab(source, model=tmp_path / "run", views="corrupt", items=32)
    assert named["looks"][0]["views"] == "corrupt"
