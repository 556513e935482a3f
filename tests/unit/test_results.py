"""What verbs give back: records and arrays in the program, the shell's table where they are printed."""

import copy
import json

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.data.texts import read_texts
from counterpoint.errors import InputError, PlanError
from counterpoint.output.results import frame_of
from tests.worlds import records

TINY = {"epochs": 1, "batch_size": 32, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, the classifier that was fine-tuned on it, and their data with its labels."""
    world, place = records(count=120), tmp_path_factory.mktemp("results")
    np.save(place / "rows.npy", world.source)
    np.save(place / "labels.npy", world.labels)
    cp.fit(place / "rows.npy", out=place / "run", **TINY)
    labels, out = place / "labels.npy", place / "tuned"
    cp.finetune(place / "run", place / "rows.npy", labels=str(labels), out=out, deliver="probe")
    return place


@pytest.mark.parametrize("verb", ["evaluate", "lab", "plan"])
def test_a_result_is_a_record_that_prints_as_in_the_shell(folder, verb, capsys):
    rows, labels = str(folder / "rows.npy"), str(folder / "labels.npy")
    words = {
        "evaluate": [str(folder / "run"), "--train", rows, "--labels", labels],
        "lab": [rows, "--labels", labels, "--items", "60"],
        "plan": [rows, "--epochs", "1"],
    }
    result = {
        "evaluate": lambda: cp.evaluate(folder / "run", rows, labels=labels),
        "lab": lambda: cp.lab(rows, labels=labels, items=60),
        "plan": lambda: cp.plan(rows, epochs=1),
    }[verb]()
    capsys.readouterr()
    main([verb, *words[verb]])
    printed = capsys.readouterr().out
    if verb == "plan":  # the pace is measured anew
        printed, expected = (text.split("time ")[0] for text in (printed, f"{result}\n"))
        assert printed == expected
    else:
        assert printed == f"{result}\n"
    assert json.loads(json.dumps(result)).keys() == {**result}.keys()
    assert str(copy.deepcopy(result)) == str(result)
    assert len(repr(result)) < 400


def test_predictions_are_arrays_and_items(folder):
    result = cp.predict(folder / "tuned", np.load(folder / "rows.npy"))
    assert result.labels.shape == (120,)
    assert result.probabilities.shape == (120, len(result.classes))
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-5)
    assert result.labels.tolist() == [result.classes[code] for code in result.probabilities.argmax(axis=1)]
    assert [each.label for each in result] == result.labels.tolist()
    assert [each.name for each in result[-2:]] == list(result.names)[-2:]
    assert result[3].probability == result.probabilities[3].max()
    frame = result.to_frame()
    assert frame.index.tolist() == list(result.names)
    assert frame["label"].tolist() == result.labels.tolist()
    lines = str(result).splitlines()
    assert lines[0].split() == ["name", "label", "probability"]
    assert lines[-1] == "... and 100 items more"


def test_frames_are_of_what_is_installed(monkeypatch):
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    packages = {"pandas", "polars"}
    monkeypatch.setattr("counterpoint.output.results.find_spec", lambda name: name if name in packages else None)
    columns, names = {"x": [1, 2]}, ["a", "b"]
    assert frame_of(columns, names).loc["b", "x"] == 2
    packages.remove("pandas")
    assert frame_of(columns, names).to_dict(as_series=False) == {"name": names, "x": [1, 2]}
    packages.clear()
    with pytest.raises(InputError, match="made with pandas or polars"):
        frame_of(columns, names)


def test_an_index_that_names_rows_names_items():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    values = records(count=40).source
    columns = {f"x{place}": column for place, column in enumerate(values.T)}
    model = cp.fit(columns, **{**TINY, "batch_size": 8})
    people = [f"person {row}" for row in range(40)]
    named, counted = pd.DataFrame(columns, index=people), pd.DataFrame(columns)
    rows = [str(row) for row in range(40)]
    assert list(cp.embed(model, named).names) == people
    assert cp.search(model, named, like="person 3", k=1).to_frame().index[0] in people
    assert list(cp.embed(model, named[10:20]).names) == people[10:20]
    assert list(cp.embed(model, counted[counted["x0"] > 0]).names) == counted.index[counted["x0"] > 0].map(str).tolist()
    for frame in (counted, pl.DataFrame(columns), named.set_axis(["same"] * 40)):
        assert list(cp.embed(model, frame).names) == rows
    pairs = pd.MultiIndex.from_product([["a", "b"], range(20)])
    assert list(cp.embed(model, named.set_axis(pairs)).names)[20:22] == ["b/0", "b/1"]


def test_an_index_of_texts_names_them_and_those_that_are_empty():
    pd = pytest.importorskip("pandas")
    texts = pd.Series(["one text", "", "another text"], index=["a", "b", "c"])
    read = read_texts(texts)
    assert (list(read.names), [name for name, _ in read.skipped]) == (["a", "c"], ["b"])
    assert list(read_texts(pd.DataFrame({"text": texts})).names) == ["a", "c"]


def test_a_model_is_loaded_onto_the_device_that_is_named(folder, monkeypatch):
    with pytest.raises(PlanError, match="This machine has no device 'tpu'"):
        cp.load(folder / "run", device="tpu")
    monkeypatch.setattr("counterpoint.model.loading.choose_device", lambda name: torch.device(name))
    model, classifier = cp.load(folder / "run", device="meta"), cp.load_classifier(folder / "tuned", device="meta")
    parts = [model.encoder, model.head, classifier.model.encoder, classifier.top, model.untrained().encoder]
    assert {each.device.type for part in parts for each in part.parameters()} == {"meta"}
    assert cp.load(folder / "run", device="cpu").device.type == "cpu"


def test_in_a_notebook_results_are_small_tables_with_intervals(folder):
    model = cp.load(folder / "run")
    z = cp.embed(model, folder / "rows.npy")
    scores = cp.evaluate(folder / "run", folder / "rows.npy", labels=str(folder / "labels.npy"))
    pages = {
        "model": model._repr_html_(),
        "embeddings": z._repr_html_(),
        "scores": scores._repr_html_(),
        "hits": cp.search(z, like="3", k=2)._repr_html_(),
        "predictions": cp.predict(folder / "tuned", folder / "rows.npy")._repr_html_(),
        "duplicates": cp.duplicates(z, threshold=0.99)._repr_html_(),
    }
    for page in pages.values():
        assert page.startswith("<table>")
        assert page.endswith("</table>")
        assert page.count("<tr>") <= 32
    assert f"<th>encoder</th><td>{model.built['encoder']}</td>" in pages["model"]
    assert f"<td>120 x {model.length()}, float32</td>" in pages["embeddings"]
    low, high = (scores["knn"][end] for end in ("low", "high"))
    assert f"<th>knn</th><td>{scores['knn']['value']:.4g} ({low:.4g} to {high:.4g})</td>" in pages["scores"]
    assert "... and 90 rows more" in pages["predictions"]


def test_what_comes_from_data_is_escaped_in_a_notebook():
    z = cp.Embeddings(np.eye(2, dtype=np.float32), ["<script>alert(1)</script>", "a & b"])
    for page in (z._repr_html_(), cp.search(z, like=1, k=1)._repr_html_()):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
