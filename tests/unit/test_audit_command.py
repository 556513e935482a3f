"""The verb ``audit``, from the shell to its files."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import InputError, RunError
from tests.worlds import pulses, records, remarks, stripes


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos in folders of classes, five of them twice; and a test set that contains one of them."""
    folder = tmp_path_factory.mktemp("audit")
    world = stripes(100)
    for row, picture in enumerate(world.source):
        place = folder / "photos" / f"class {world.labels[row]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{row:03}.png")
        if row < 5:
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "JPEG", quality=95, subsampling=0)
            (place / f"again {row}.jpg").write_bytes(file.getvalue())
    test = folder / "test"
    test.mkdir()
    for row, picture in enumerate(stripes(20, seed=5).source):
        Image.fromarray(picture).save(test / f"{row:03}.png")
    Image.fromarray(world.source[50]).save(test / "leaked.png")
    cp.fit(str(folder / "photos"), out=folder / "run", epochs=1, batch_size=32, width=8, quiet=True)
    return folder


def queue_of(path):
    with (path / "queue.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_audited_reviewed_and_cleaned_from_the_shell(photos, capsys):
    out, clean = photos / "audit", photos / "clean.csv"
    line = ["audit", str(photos / "photos"), "--run", str(photos / "run"), "--labels", "folder", "--out", str(out)]
    line += ["--test", str(photos / "test")]
    main([*line, "--apply", str(clean), "--json"])
    result = json.loads(capsys.readouterr().out)
    listed = {frozenset(pair["items"]) for pair in result["duplicates"]}
    copies = {
        frozenset(f"class {row % 4}/{name}" for name in (f"again {row}.jpg", f"{row:03}.png")) for row in range(5)
    }
    assert len(listed & copies) >= 3
    assert result["leakage"][0]["items"] == ["class 2/050.png", "leaked.png"]
    assert len(result["labels"]) == len(result["outliers"]) == 105
    assert {each["column"] for each in result["shortcuts"]} >= {"bytes", "brightness", "contrast"}
    assert json.loads((out / "audit.json").read_text())["queue"] == result["queue"]
    page = (out / "report.html").read_text()
    assert "<img" in page
    assert "://" not in page
    rows = queue_of(out)
    with clean.open(encoding="utf-8") as file:
        left = {row["name"]: row["label"] for row in csv.DictReader(file)}
    assert rows[0]["item"] not in left
    assert left["class 1/005.png"] == "class 1"

    with pytest.raises(SystemExit):  # nothing is replaced without --overwrite
        main(line)
    assert "holds a review queue" in capsys.readouterr().err
    text = (out / "queue.csv").read_text().splitlines()
    text[1] += "no"
    (out / "queue.csv").write_text("\n".join(text) + "\n")
    main([*line, "--overwrite", "--apply", str(clean)])
    assert queue_of(out)[0]["issue"] == "no"
    assert rows[0]["item"] in clean.read_text()
    assert "probability  item" in capsys.readouterr().out


@pytest.mark.parametrize(("world", "choices"), [(remarks, {}), (pulses, {}), (records, {"modality": "table"})])
def test_every_modality_is_audited(world, choices, tmp_path):
    made = world(120)
    model = cp.fit(made.source, epochs=1, batch_size=32, width=8, **choices)
    copies = made.source[:4] if isinstance(made.source, list) else made.source[:4].copy()
    source = [*made.source, *copies] if isinstance(made.source, list) else np.concatenate([made.source, copies])
    labels = [*made.labels.tolist(), *made.labels[:4].tolist()]
    result = cp.audit(source, run=model, labels=labels, out=tmp_path / "audit")
    assert {tuple(pair.index) for pair in result.duplicates if pair.equal} == {(row, 120 + row) for row in range(4)}
    assert all(pair.confirmed for pair in result.duplicates if pair.equal)
    assert "outlier" in (tmp_path / "audit" / "report.html").read_text()


def test_without_a_run_a_model_is_trained_without_the_column_of_the_labels(tmp_path):
    made = records(60)
    columns = {f"x{column}": made.source[:, column] for column in range(made.source.shape[1])}
    columns |= {"kind": [f"kind {label}" for label in made.labels], "site": ["a", "b", "c"] * 20}
    result = cp.audit(columns, labels="kind", groups="site", out=tmp_path / "audit", minutes=0.01)
    assert cp.load(tmp_path / "audit" / "run").modality.uses() == [name for name in columns if name.startswith("x")]
    assert {each.column for each in result.shortcuts} == {"site"}
    assert {each.given for each in result.labels} == {f"kind {label}" for label in set(made.labels.tolist())}


def test_embeddings_are_audited_alone(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    z = cp.Embeddings(np.concatenate([vectors, vectors[:2]]), [f"n{row}" for row in range(62)])
    z.save(tmp_path / "z.npz")
    result = cp.audit(tmp_path / "z.npz", labels=[row % 2 for row in range(62)], out=tmp_path / "audit")
    assert {pair.items for pair in result.duplicates if pair.equal} == {("n0", "n60"), ("n1", "n61")}
    with pytest.raises(InputError, match="Embeddings are audited alone"):
        cp.audit(z, test=z, out=tmp_path / "other")
    (tmp_path / "audit" / "queue.csv").write_text("item,issue\nn0,perhaps\n")
    with pytest.raises(InputError, match=r"is yes, no or empty\. Got 'perhaps' for 'n0'"):
        cp.audit(z, out=tmp_path / "audit", overwrite=True)
    (tmp_path / "audit" / "queue.csv").write_text("name\nn0\n")
    with pytest.raises(InputError, match="lacks the columns item and issue"):
        cp.audit(z, out=tmp_path / "audit", overwrite=True)


def test_bad_input_is_refused_before_training(tmp_path):
    with pytest.raises(InputError, match=r"The cleaned list is written as \.csv"):
        cp.audit(np.zeros((30, 4)), out=tmp_path / "audit", apply="clean.txt")
    with pytest.raises(InputError, match="There are no labels 'kind'"):
        cp.audit(np.random.default_rng(0).normal(size=(30, 4)), labels="kind", out=tmp_path / "audit")
    assert not (tmp_path / "audit" / "run").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="holds other things than a review queue"):
        cp.audit(np.zeros((30, 4)), out=tmp_path / "mine")
