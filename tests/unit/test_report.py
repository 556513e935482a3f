from __future__ import annotations

import base64
import dataclasses
import io
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from counterpoint.data.subset import Subset
from counterpoint.errors import InputError, LabelError
from counterpoint.modalities.image import Images
from counterpoint.modalities.series import Series
from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions, Modality
from counterpoint.model import Model
from counterpoint.plans import Plan
from counterpoint.reports import charts
from counterpoint.reports.charts import curves, ticks
from counterpoint.reports.map import APART, apart, flattened
from counterpoint.reports.page import write_report
from counterpoint.reports.scores import scores
from counterpoint.reports.thumbnails import data_url, shown
from counterpoint.reports.views import draw_views

REPORTS = Path(charts.__file__).parent
HOSTILE = "</script><script>alert(1)</script>\"'&{{7*7}}.png"
SECTIONS = ["verdict", "scores", "map", "gallery", "curves", "views", "skipped", "plan", "reproduce"]


class Squares(Modality):
    name = "squares"
    usual_encoder = "linear"

    @classmethod
    def accepts(cls, source):
        return False

    @classmethod
    def fit(cls, source, options):
        raise AssertionError("a report trains nothing")

    def open(self, source):
        raise AssertionError("a report is given its items opened")

    @property
    def augmentation(self):
        return lambda batch, keys: batch.flip(3).float() / 255

    def inputs(self, batch):
        return batch.float() / 255

    def baselines(self):
        return {"raw pixels": lambda batch: batch.float().flatten(1)}

    def build_encoder(self, name, width):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 8, 5))

    def settings(self):
        return {}

    @classmethod
    def from_settings(cls, settings):
        return cls()


class ShownSquares(Squares):
    def picture(self, batch):
        return batch

    def seen(self, view):
        return (view * 255).to(torch.uint8)


class Drawn:
    labels = None

    def __init__(self, count: int, *, same: bool = False) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 6, 8), dtype=np.uint8)
        self.pixels = torch.from_numpy(pixels[:1].repeat(count, axis=0) if same else pixels)
        self.names = [HOSTILE, *(f"item {number}" for number in range(1, count))]

    def __len__(self):
        return len(self.pixels)

    def take(self, index):
        return self.pixels[torch.from_numpy(index)]


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, text outside scripts and styles, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.scripts, self._in = "", [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def model(*, pictures: bool = True) -> Model:
    modality = ShownSquares() if pictures else Squares()
    return Model(modality.build_encoder("linear", None), modality)


def report(folder: Path, items: Drawn | None, **more: Any) -> Page:
    pictures = more.pop("pictures", True)
    return Page(write_report(folder, model(pictures=pictures), items, **more).read_text(encoding="utf-8"))


def around(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def scored(value: float, raw: float) -> dict[str, Any]:
    by = value - raw
    return {
        **around(value),
        "baselines": {"raw": around(raw), "chance": around(0.1)},
        "differences": {"raw": around(by), "chance": around(0.7)},
        "comparisons": 2,
        "level": "good" if by > 0 else "bad",
        "sentence": f"The trained encoder {'beats' if by > 0 else 'is worse than'} raw features.",
    }


def a_run(folder: Path) -> Path:
    settled = dataclasses.replace(Plan(), modality="squares", epochs=4)
    plan = {
        "asked": Plan().record(),
        "settled": settled.record(),
        "source": "squares/",
        "command": "counterpoint fit squares/ --out run --overwrite",
        "items": 40,
        "started": "2026-11-03T15:26:01+00:00",
        "steps": 40,
        "steps_per_epoch": 10,
        "machine": {"torch": "2.9", "threads": 1},
    }
    measured = {
        "effective_rank_z_limit": 5.0,
        "compared": 9.0,
        "positive": 0.8,
        "negative": -0.1,
        "accuracy": 0.5,
        "effective_rank_z": 4.0,
    }
    records = [
        {"step": step, "steps": 40, "seconds": step / 10, "loss": 5 - step / 20, "epoch": step // 10, **measured}
        for step in range(1, 41)
    ]
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    verdict = {"level": "warning", "kind": "saturated", "sentence": "InfoNCE is saturated: use <stronger> views."}
    (folder / "verdict.json").write_text(json.dumps({"verdicts": [verdict]}))
    geometry = {"alignment": 0.2, "uniformity": -1.5, "effective_rank_h": 3.0}
    evaluation = {
        "knn": scored(0.8, 0.7),
        "linear": scored(0.6, 0.7),
        "geometry": geometry,
        "headline": {"level": "warning", "sentence": "Not yet better than raw features: train longer."},
        "collisions": {"true": {"value": 0.31}, "estimated": {"value": 0.28}, "clusters": 4, "gap": 0.1},
        "learned_from_labels": True,
        "train": "squares/",
        "test": None,
    }
    evaluation["sizes"] = {"train": 32, "test": 8, "classes": 3}
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    (folder / "skipped.txt").write_text(f"{HOSTILE}\tcannot be decoded\n")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Page:
    labels = [f"kind {number % 3}" for number in range(40)]
    return report(a_run(tmp_path_factory.mktemp("run")), Drawn(40), labels=labels)


def test_sections_come_in_order_and_headings_skip_no_level(whole: Page):
    assert [each["id"] for each in whole.all("section")] == SECTIONS
    levels = [int(tag[1]) for tag, _ in whole.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_nothing_is_loaded_from_elsewhere(whole: Page):
    addresses = [each[name] for _, each in whole.elements for name in ("src", "href", "srcset") if name in each]
    assert all(str(address).startswith(("data:image/", "#")) for address in addresses)
    assert {str(each["href"]) for each in whole.all("a")} == {f"#{section}" for section in SECTIONS[1:]}
    assert not whole.all("link")
    policy = next(each["content"] for each in whole.all("meta") if "http-equiv" in each)
    assert "default-src 'none'" in str(policy)


def test_pictures_have_alternatives_and_tables_have_heads(whole: Page):
    assert whole.all("html")[0]["lang"] == "en"
    assert all("alt" in each for each in whole.all("img"))
    assert all(each["role"] == "img" and each["aria-label"] for each in whole.all("svg"))
    assert all(each["scope"] in {"col", "row"} for each in whole.all("th"))


def test_hostile_names_are_text(whole: Page):
    assert len(whole.scripts) == 2
    assert json.loads(whole.scripts[0])["names"][0] == HOSTILE
    assert "alert" not in whole.scripts[1]
    assert HOSTILE in whole.text
    assert "use <stronger> views" in whole.text


def test_names_that_are_no_text_are_shown_by_their_numbers(tmp_path: Path):
    items = Drawn(3)
    items.names[1] = "caf\udce9.png"
    assert "caf\\udce9.png" in report(tmp_path, items).text


def test_the_report_says_what_the_folder_holds(whole: Page):
    assert "find the right label for 80.0% of the test items. The trained encoder beats raw features." in whole.text
    assert "finds the right label for 60.0% of the test items. The trained encoder is worse" in whole.text
    assert {"warning", "good", "bad"} <= {each.get("class") for each in whole.all("p")}
    assert "counterpoint fit squares/ --out run --overwrite" in whole.text
    assert "tested on a part of it that was held out: 32 training items, 8 test items" in whole.text
    assert "Collisions31.0%" in whole.text
    assert "estimated from 4 clusters: 28.0%" in whole.text
    assert "The run was trained with labels" in whole.text
    assert "cannot be decoded" in whole.text
    assert len(whole.all("polyline")) == 5


def test_the_run_is_dated_and_its_plan_is_folded(whole: Page):
    assert "3 November 2026 · 40 items" in whole.text
    tags = [tag for tag, attributes in whole.elements if tag == "details" or "choices" in str(attributes.get("class"))]
    assert tags == ["details", "table"]


def test_columns_are_shown_by_their_names(tmp_path: Path):
    columns = {"age": np.arange(20.0), "paid": [True, False] * 10, "eyes": ["blue", "brown"] * 10}
    days = [f"2024-03-{day:02d}" for day in range(1, 21)]
    table, items = Table.fit({**columns, "born": days}, DataOptions())
    page = Page(write_report(tmp_path, Model(table.build_encoder("mlp", 8), table), items).read_text(encoding="utf-8"))
    assert table.cells(items.take(np.array([3]))) == [
        {"age": "3", "paid": "false", "eyes": "brown", "born": "2024-03-04"}
    ]
    assert re.search(r"Similarity\s*age\s*paid\s*eyes\s*born", page.text)


def test_series_are_shown_as_curves_of_their_channels(tmp_path: Path):
    series, items = Series.fit(np.random.default_rng(0).normal(3, 2, (6, 2, 16)), DataOptions())
    page = Page(
        write_report(tmp_path, Model(series.build_encoder("conv1d", 8), series), items).read_text(encoding="utf-8")
    )
    assert [each.get("class") for each in page.all("svg")].count("trace") == 12 * 6
    assert "channel 1" in page.text


def test_photos_are_shown_from_their_files_and_as_kept_where_those_are_gone(tmp_path: Path):
    for name in ("a.png", "b.png", "tiny.png"):
        Image.new("RGB", (8, 4) if name == "tiny.png" else (500, 250), "red").save(tmp_path / name)
    images, items = Images.fit(tmp_path, DataOptions(view_size=16))
    (tmp_path / "b.png").unlink()
    result = shown(images, Subset(items, np.array([2, 1, 0])), np.array([2, 1, 0]), side=200)
    sizes = [Image.open(io.BytesIO(base64.b64decode(each.url.split(",")[1]))).size for each in result]
    kept = images.picture(items.take(np.array([1]))).shape[2]
    assert sizes == [(200, 100), (kept, kept), (8, 4)]
    assert [each.pixels for each in result] == [False, True, True]


def test_wide_tables_scroll_in_a_box_of_their_own():
    for page in REPORTS.glob("*.jinja"):
        for before, table in re.findall(r"(.*)\n<table([^>]*)>", page.read_text(encoding="utf-8")):
            assert 'class="wide"' in before or "choices" in table, page.name


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_from_the_paper(scheme: int):
    blocks = re.findall(r":root \{(.*?)\}", (REPORTS / "tokens.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--(\w[\w-]*): (#\w{6})", "".join(blocks[: scheme + 1])))
    for paper in ("paper", "raised"):
        assert all(contrast(colours[ink], colours[paper]) >= 4.5 for ink in ("ink", "soft", "good", "warning", "bad"))
        assert all(contrast(colours[f"g{number}"], colours[paper]) >= 3 for number in range(10))
    for level in ("good", "warning", "bad"):
        assert min(contrast(colours[ink], colours[f"{level}-paper"]) for ink in ("ink", level)) >= 4.5


def contrast(*colours: str) -> float:
    """WCAG 2.2: the contrast ratio of two colours by their relative luminance."""
    levels = np.array([[int(each[place : place + 2], 16) / 255 for place in (1, 3, 5)] for each in colours])
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    low, high = sorted((linear @ [0.2126, 0.7152, 0.0722]).tolist())
    return (high + 0.05) / (low + 0.05)


def test_the_same_run_gives_the_same_report(tmp_path: Path):
    first = write_report(a_run(tmp_path), model(), Drawn(40)).read_bytes()
    assert write_report(tmp_path, model(), Drawn(40)).read_bytes() == first


def test_missing_files_are_named_with_their_command(tmp_path: Path):
    text = report(tmp_path, None).text
    for name in ("verdict.json", "evaluation.json", "metrics.jsonl", "views.png", "plan.json"):
        assert f"There is no {name} in this run." in text
    assert f"counterpoint fit SOURCE --out {tmp_path}" in text
    assert f"counterpoint evaluate {tmp_path} --labels LABELS" in text
    assert text.count(f"counterpoint report {tmp_path} --source SOURCE") == 3


def test_an_unfinished_run_is_told_to_go_on(tmp_path: Path):
    (a_run(tmp_path) / "verdict.json").unlink()
    (tmp_path / "state.pt").touch()
    assert "counterpoint fit squares/ --out run --resume" in report(tmp_path, None).text


def test_a_damaged_file_is_missing_with_its_reason(tmp_path: Path):
    (tmp_path / "evaluation.json").write_text("{", encoding="utf-8")
    (tmp_path / "plan.json").write_text("[]", encoding="utf-8")
    text = report(tmp_path, None).text
    assert "evaluation.json is damaged: Expecting property name" in text
    assert "plan.json is damaged: it should be an object. Got []." in text


def test_a_missing_sheet_of_views_is_drawn(tmp_path: Path):
    report(tmp_path, Drawn(3))
    assert (tmp_path / "views.png").exists()


def test_a_single_item_has_no_neighbours_but_a_place(tmp_path: Path):
    page = report(tmp_path, Drawn(1))
    assert "A single item has no neighbours." in page.text
    assert json.loads(page.scripts[0])["places"] == [[500, 250]]


def test_two_items_are_each_others_neighbours(tmp_path: Path):
    page = report(tmp_path, Drawn(2))
    assert page.text.count("item 1") == 2
    assert len(json.loads(page.scripts[0])["places"]) == 2


def test_items_that_are_all_alike_are_one_cluster(tmp_path: Path):
    data = json.loads(report(tmp_path, Drawn(40, same=True)).scripts[0])
    assert data["labels"] == ["Cluster 1"]
    assert data["places"] == [[500, 250]] * 40


def test_data_without_pictures_is_shown_by_name(tmp_path: Path):
    page = report(tmp_path, Drawn(5), pictures=False)
    assert page.all("img") == []
    assert json.loads(page.scripts[0])["tile"] is None
    assert HOSTILE in page.text
    assert "Data of the kind 'squares' has no pictures." in page.text


def test_a_model_whose_vectors_are_no_numbers_has_no_report(tmp_path: Path):
    broken = model()
    with torch.no_grad():
        broken.encoder[1].weight.fill_(torch.nan)
    with pytest.raises(InputError, match="4 of 4 vectors hold NaN or infinite numbers"):
        write_report(tmp_path, broken, Drawn(4))


def test_the_most_frequent_labels_have_colours_and_the_others_share_a_grey(tmp_path: Path):
    labels = [f"label {n}" for n in range(35)] + ["often"] * 3
    data = json.loads(report(tmp_path, Drawn(38), labels=labels).scripts[0])
    assert data["labels"][0] == "often"
    assert data["labels"][10:] == ["26 more labels"]
    assert data["groups"].count(10) == 26


def test_the_map_is_a_drawing_that_needs_no_script(whole: Page):
    groups = [each for each in whole.all("path") if each.get("class") == "dots"]
    assert sum(str(each["d"]).count("h0") for each in groups) == 40
    assert any("kind 0 14, kind 1 13, kind 2 13" in str(each["aria-label"]) for each in whole.all("svg"))


def test_numbers_on_the_map_do_not_cover_each_other():
    crowd = np.random.default_rng(0).integers(0, 200, (10, 30, 2))
    marks = [mark for mark in apart(list(crowd)) if mark is not None]
    assert len(marks) > 4
    assert all(np.hypot(a.x - b.x, a.y - b.y) >= APART for a, b in itertools.combinations(marks, 2))


def test_labels_must_fit_the_items(tmp_path: Path):
    with pytest.raises(LabelError, match="Got 2 labels but 3 items; give one for each"):
        write_report(tmp_path, model(), Drawn(3), labels=["a", "b"])


def test_views_are_drawn_in_rows_large_enough_to_see(tmp_path: Path):
    path = draw_views(ShownSquares(), Drawn(3), tmp_path / "views.png", seed=0, count=2, views=3)
    with Image.open(path) as sheet:
        colours = np.asarray(sheet.convert("RGB"))
    assert colours.shape[1] > 4 * 64
    assert colours.shape[0] > 2 * 48
    assert tuple(colours[0, 0]) == (250, 250, 248)


def test_no_views_are_drawn_without_pictures(tmp_path: Path):
    assert draw_views(Squares(), Drawn(3), tmp_path / "views.png", seed=0) is None
    assert not (tmp_path / "views.png").exists()


def test_a_map_keeps_far_groups_apart():
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    rows[20:, 0] += 50
    place, how = flattened(rows)
    assert how == "t-SNE"
    apart = np.linalg.norm(place[:20].mean(axis=0) - place[20:].mean(axis=0))
    assert apart > place[:20].std(axis=0).max()


def test_a_sheet_that_is_too_heavy_loses_quality():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    assert len(data_url(noise, most=1000)) < len(data_url(noise))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.3, 17), (2.1, 2.1), (1e-6, 3e-6), (99.2, 100), (-5, -4)])
def test_ticks_cover_the_range_and_are_few(low: float, high: float):
    result = ticks(low, high, 5)
    assert result[0] <= low + 1e-9
    assert result[-1] >= high - 1e-9
    assert 2 <= len(result) <= 5


def test_curves_leave_out_what_was_not_measured_and_is_no_number():
    records = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 0.5}]
    (chart,) = curves(records, 0)
    assert chart.title == "Loss"
    assert chart.says == "From 1 to 0.5."
    assert len(chart.lines[0].points.split()) == 2
    assert chart.axis == "steps"


def test_chance_does_not_squeeze_the_scores_together():
    (score,) = scores({"knn": scored(0.8, 0.7)})
    assert score.rows[-1].outside
    assert all(0 <= row.low <= row.dot <= row.high <= 100 for row in score.rows[:-1])


def test_the_page_repeats_what_the_scores_come_to():
    (score,) = scores({"linear": scored(0.6, 0.7)})
    assert score.level == "bad"
    assert score.sentence.endswith("60.0% of the test items. The trained encoder is worse than raw features.")


def test_what_became_of_few_labels_comes_first(tmp_path: Path):
    (tmp_path / "pretrained").mkdir()
    a_run(tmp_path / "pretrained")
    (tmp_path / "plan.json").write_text(json.dumps({"verb": "semi", "source": "squares/", "asked": {}, "settled": {}}))
    (tmp_path / "tuned.json").write_text(json.dumps({"level": "good", "conclusion": "The student is delivered."}))
    page = report(tmp_path, None)
    assert page.text.index("The student is delivered.") < page.text.index("InfoNCE is saturated")


def test_whether_the_run_is_of_use_comes_first(whole: Page, tmp_path: Path):
    said = ("Not yet better than raw features: train longer", "beats raw features", "InfoNCE is saturated")
    places = [whole.text.index(each) for each in said]
    assert places == sorted(places)
    assert "Nothing is known of its use yet" not in whole.text
    assert "Nothing is known of its use yet. Evaluate it with some labels" in report(tmp_path, None).text
