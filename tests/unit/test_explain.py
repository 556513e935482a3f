"""Explanations: values equal their definitions, intervals hold, and unreliable explanations are marked."""

import itertools
import json
import re

import numpy as np
import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import InputError, SourceError
from counterpoint.explanation import masks, table_cache
from counterpoint.explanation.explanation import explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.orders import areas
from counterpoint.explanation.pair import match
from counterpoint.explanation.part_table import PartTable, part_table, regressed
from counterpoint.explanation.table_cache import tables_of
from counterpoint.modalities.image import Images
from counterpoint.modalities.series import Series
from counterpoint.modalities.table import Table
from counterpoint.modalities.text import Text
from counterpoint.modalities.windows import Windows
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from counterpoint.plans.data_options import ReadOptions
from counterpoint.reports.explanation import PAIRS, explained_neighbours
from counterpoint.reports.sample import take_sample
from counterpoint.testing import BrokenContract
from counterpoint.testing.open_dataset import OpenDataset, first_items
from counterpoint.testing.parts import check_parts
from tests.toys.points import Points
from tests.toys.worlds import sets_of_points
from tests.worlds import WORLDS, remarks

CLASSES = {"image": Images, "series": Series, "table": Table, "text": Text, "windows": Windows}


class Waves(nn.Module):
    """From series of one channel and 16 steps to 6 numbers; the higher the pitch, the stronger the interactions."""

    def __init__(self, pitch, seed=0):
        super().__init__()
        drawn = torch.Generator().manual_seed(seed)
        self.first = torch.randn(16, 8, generator=drawn) * pitch
        self.second = torch.randn(8, 6, generator=drawn)

    def forward(self, series):
        return torch.sin(series.flatten(1) @ self.first) @ self.second + 0.5


def model_of(kind, source, encoder=None, width=8):
    """An untrained model, and its items."""
    modality, items = CLASSES[kind].fit(source, DataOptions(data=ReadOptions(stride=64)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = modality.build_encoder("auto", width) if encoder is None else encoder
    return Model(network.eval(), modality, {"encoder": "auto", "width": width, "seed": 0}), items


def series(pitch):
    """A model of series of 16 parts, the series, and the first two as masked items."""
    source = np.random.default_rng(0).normal(size=(6, 1, 16)).astype(np.float32)
    model, items = model_of("series", source, Waves(pitch))
    return model, source, [MaskedItem.of(model, items.take(np.array([row]))) for row in (0, 1)]


@pytest.fixture(scope="module")
def texts():
    """A model of remarks, and the remarks."""
    world = remarks()
    model, _ = model_of("text", world.source, width=64)
    return model, world.source


def every_vector(count, seed):
    """A non-linear function of ``count`` parts, for all masks."""
    random = np.random.default_rng(seed)
    kept = masks.every(count)
    h = np.tanh(kept.numpy() @ random.normal(size=(count, 7))) @ random.normal(size=(7, 4)) + 0.3
    return kept, h / np.linalg.norm(h, axis=1, keepdims=True)


def test_cells_equal_the_banzhaf_interactions_of_their_definition():
    (s, f), (t, g) = every_vector(6, 0), every_vector(5, 1)
    game = {
        (tuple(a), tuple(b)): float(x @ y)
        for (a, x), (b, y) in itertools.product(zip(s.tolist(), f, strict=True), zip(t.tolist(), g, strict=True))
    }
    table = regressed(s, f)[0] @ regressed(t, g)[0].T
    for i, j in itertools.product(range(6), range(5)):
        terms = [value * (1 if a[i] else -1) * (1 if b[j] else -1) for (a, b), value in game.items()]
        assert table[i, j] == pytest.approx(4 * np.mean(terms), abs=1e-14)


def test_masks_are_complements_and_a_function_of_seed_and_stream():
    one = masks.antithetic(9, 64, seed=3, stream=0)
    assert one.equal(masks.antithetic(9, 64, seed=3, stream=0))
    assert one[:32].equal(~one[32:])
    for other in (masks.antithetic(9, 64, seed=4, stream=0), masks.antithetic(9, 64, seed=3, stream=1)):
        assert not one.equal(other)
    assert len(set(map(tuple, masks.every(5).tolist()))) == 32


def test_items_of_few_parts_are_explained_exactly(texts):
    model, source = texts
    one, other = " ".join(source[0].split()[:7]), " ".join(source[1].split()[:3])
    result = cp.explain(model, one, other)
    assert (result.match.margins == 0).all()
    assert result.match.clear.any()
    again = cp.explain(model, one, other, seed=7)
    np.testing.assert_array_equal(result.match.table, again.match.table)


def test_intervals_have_their_nominal_coverage():
    _, _, (a, b) = series(0.2)
    every = masks.every(16)
    truth = np.stack(
        [regressed(every, each.vectors(every, masks.keys(len(every), seed=0, stream=0)))[0] for each in (a, b)]
    )
    truth = truth[0] @ truth[1].T
    within = whole = 0.0
    for seed in range(20):
        pair = match(*(part_table(each, count=256, seed=seed, stream=k) for k, each in enumerate((a, b))))
        off, margin = np.abs(pair.table - truth), pair.margins
        within += float((off <= margin / 3.73 * 1.96).mean()) / 20  # of a single cell
        whole += float((off <= margin).all()) / 20
    assert 0.93 <= within <= 0.99
    assert whole >= 0.85


def test_r2_is_one_where_parts_add_up_and_low_where_they_do_not():
    tame, wild = (
        match(*(part_table(e, count=512, seed=0, stream=k) for k, e in enumerate(series(p)[2]))) for p in (0.01, 3)
    )
    assert tame.r2 > 0.85
    assert wild.r2 < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_word_is_the_strongest_cell_and_the_order_is_faithful(texts, seed):
    model, source = texts
    one, (word, *_) = source[4 * seed], source[9].split()
    other = next(each for each in source[10:] if not {*each.split()} & {*one.split(), word})
    result = cp.explain(model, f"{one} {word}", f"{word} {other}")
    (row, column), *_ = result.strongest(1)
    assert (result.parts_a.names[row], result.parts_b.names[column]) == (word, word)
    assert result.match.clear[row, column]
    assert result.areas.deletion.high < 0 < result.areas.insertion.low
    assert result.explained


def test_an_item_of_one_part_is_explained(texts):
    result = cp.explain(texts[0], texts[1][0].split()[0], texts[1][1])
    assert result.match.table.shape == (1, 10)


@pytest.mark.parametrize("kind", list(WORLDS))
def test_every_modality_is_explained_by_row_and_on_a_page(kind, tmp_path):
    source = WORLDS[kind](count=24).source
    model, _ = model_of(kind, source)  # of windows, those that do not overlap
    result = cp.explain(model, 0, "1", source=source, masks=256, html=tmp_path / "why.html")
    record = json.loads(json.dumps(result.record()))
    assert np.asarray(record["table"]).shape == (len(record["parts_a"]), len(record["parts_b"]))
    whole = model.embed(source).vectors
    assert record["similarity"] == pytest.approx(float(whole[0] @ whole[1]), abs=1e-5)
    assert record["r2"] <= 1
    assert str(result).startswith(result.summary())
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "link0" in page.split("<main>")[1]
    again = cp.explain(model, 0, 1, source=source, masks=256)
    assert again.record() == record


def test_a_low_r2_is_reported_with_the_nearest_items():
    model, source, _ = series(3)
    result = cp.explain(model, 0, 1, source=source)
    assert not result.explained
    assert "Pairs of parts do not explain it" in str(result)
    near = [each.name for each in result.neighbours_a]
    assert near == [hit.name for hit in cp.search(model, source, like=0, k=6) if hit.name != "0"]
    assert "Nearest to B:" in str(result)


def test_an_order_from_a_table_is_better_than_one_from_zeros():
    _, _, (a, b) = series(0.2)
    tables = [part_table(each, count=64, seed=0, stream=k) for k, each in enumerate((a, b))]
    blind = [PartTable(**{**vars(each), "values": 0 * each.values}) for each in tables]
    sighted, blinded = (areas(a, b, tuple(each), seed=0) for each in (tables, blind))
    assert sighted.deletion.difference < blinded.deletion.difference
    assert sighted.insertion.difference > blinded.insertion.difference
    assert sighted.deletion.random == blinded.deletion.random


def test_a_table_of_parts_is_saved_and_loaded(tmp_path):
    _, _, (a, _) = series(0.2)
    table = part_table(a, count=64, seed=0, stream=0)
    again = PartTable.load(table.save(tmp_path / "parts.npz"))
    for name, value in vars(table).items():
        np.testing.assert_array_equal(value, getattr(again, name))
    for other in (table, PartTable(**{**vars(table), "model": "other", "stream": 1})):
        with pytest.raises(InputError, match="Two items are explained"):
            match(table, other)
    PartTable(**{**vars(table), "mean": table.mean[:2]}).save(tmp_path / "short.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "text.npz").write_text("no table")
    for name in ("short", "other", "text", "missing"):
        with pytest.raises(SourceError, match="is no table of parts"):
            PartTable.load(tmp_path / f"{name}.npz")


def test_a_cache_gives_the_same_tables_in_any_pair_and_is_bounded(tmp_path, monkeypatch):
    _, _, (a, b) = series(0.2)
    first, _ = tables_of(a, b, count=64, seed=0, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    encoded = []
    monkeypatch.setattr(MaskedItem, "vectors", lambda *_: encoded.append(1))
    _, again = tables_of(b, a, count=64, seed=0, cache=tmp_path)
    assert not encoded
    np.testing.assert_array_equal(first.values, again.values)
    monkeypatch.undo()
    same = tables_of(a, a, count=64, seed=0)
    assert same[0].stream != same[1].stream
    monkeypatch.setattr(table_cache, "MOST", 2)
    tables_of(a, b, count=128, seed=0, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_an_untrained_encoder_of_zeros_has_no_matching_parts():
    model, source, _ = series(0.0)
    result = cp.explain(model, 0, 1, source=source)
    assert not list(result.strongest(3))
    assert "No pair of parts adds to the similarity." in str(result)


def test_bad_input_is_one_sentence(texts):
    source = WORLDS["table"](count=24).source
    model, _ = model_of("table", source)
    sets, _ = sets_of_points(8)
    points, _ = Points.fit(sets, DataOptions(kind="points"))
    restored = Model(model.encoder, Table.from_settings(model.modality.settings()))
    for given, sentence in (
        (
            lambda: cp.explain(model, 0, 1),
            "'0' is no file. Give the source in which it is the name or the row of an item.",
        ),
        (lambda: cp.explain(model, 0, 99, source=source), "Rows are numbered from 0 to 23. Got 99."),
        (
            lambda: cp.explain(model, 0, "1x", source=source),
            "There is no item '1x': neither a file nor one of 24 names",
        ),
        (lambda: cp.explain(model, 0, source, source=source), "A source whose first item is '0' holds 24 items"),
        (lambda: cp.explain(model, 0, 1, source=source, masks=10), "explained from 80 to 65536 masks. Got masks=10."),
        (lambda: cp.explain(model, 0, 1, source=source, html="why.txt"), "The page is written as .html. Got why.txt."),
        (lambda: cp.explain(restored, source[:1], source[1:2]), "only one row is available. Give the data as source."),
        (lambda: cp.explain(texts[0], "", "card"), "There is no text in the source"),
        (
            lambda: MaskedItem.of(texts[0], torch.full((1, 3), texts[0].modality.tokenizer.pad)),
            "The item has no parts, so nothing in it can be explained.",
        ),
        (
            lambda: cp.explain(Model(points.build_encoder("auto", 8), points), 0, 1, source=sets),
            "Items of the modality 'tests.toys.points:Points' cannot be explained: it does not cut them into parts",
        ),
    ):
        with pytest.raises(InputError) as refused:
            given()
        assert sentence in str(refused.value)


def test_the_command_explains_items_by_name_and_by_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("waves.npy", WORLDS["series"](count=24).source)
    np.save("one.npy", WORLDS["series"](count=24).source[5:6])
    cp.fit("waves.npy", out="run", epochs=1, width=8, quiet=True)
    capsys.readouterr()
    for a, b in (("0", "5"), ("0", "one.npy")):
        main(["explain", "run", a, b, "--masks", "256", "--json"])
        record = json.loads(capsys.readouterr().out)
        assert {"parts_a", "parts_b", "table", "r2", "similarity"} <= set(record)
    assert record["b"] == "one.npy"
    main(["explain", "run", "0", "5", "--masks", "256", "--html", "why.html"])
    assert "The page is why.html" in capsys.readouterr().out
    assert "Why neighbours are similar" in cp.report("run").read_text(encoding="utf-8")


def test_a_report_shows_neighbours_that_parts_explain():
    for pitch, count in ((0.01, PAIRS), (3, 0)):
        model, source, _ = series(pitch)
        sample = take_sample(model, model.open(source), None)

        def explain(items, names, model=model):
            return explained(*(MaskedItem.of(model, each) for each in items), names, count=512, seed=0).record()

        pairs = explained_neighbours(model.modality, sample, explain)
        assert len(pairs) == count
        assert all(link.clear for pair in pairs for link in pair.links)


class Spills(Images):
    """Subtracts the mean of what is left, so that masking one patch changes all."""

    def with_parts(self, item, kept, key):
        view = super().with_parts(item, kept, key)
        return view - view.mean(dim=(1, 2, 3), keepdim=True)


class Forgets(Images):
    def with_parts(self, item, kept, key):
        return super().with_parts(item, ~kept, key)


class Nameless(Images):
    def parts(self, item):
        return super().parts(item)._replace(places=[])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Spills, "With all parts kept"),
        (Forgets, "With all parts kept"),
        (Nameless, "Every part has a name and a place"),
    ],
)
def test_a_modality_that_breaks_the_contract_of_parts_fails_its_check(kind, sentence):
    modality, items = kind.fit(WORLDS["image"](count=8).source, DataOptions())
    with pytest.raises(BrokenContract, match=sentence):
        check_parts(OpenDataset(modality, items, first_items(items, 8), modality.build_encoder("auto", 8)))
