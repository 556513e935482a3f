"""The command as a stranger would use it: output, exit status, one sentence for wrong input, nothing half-written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import counterpoint as cp
from counterpoint import __version__, catalogue, errors
from counterpoint.cli import main
from counterpoint.embeddings import Embeddings
from counterpoint.errors import spelled
from tests.worlds import remarks, stripes

TINY = ["--epochs", "2", "--batch-size", "32", "--width", "8", "--head-hidden", "16", "--head-outputs", "8"]


GALLERY = Path(__file__).parents[1] / "golden" / "gallery_of_messages.txt"
"""Every sentence as a shell shows it and, where it is another, as Python does.

Written anew with COUNTERPOINT_WRITE_GALLERY=1.
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "photos"
    world = stripes(count=96)
    for number, (picture, label) in enumerate(zip(world.source, world.labels, strict=True)):
        path = folder / f"kind{label}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    (folder / "kind0" / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "photos"
    main(["fit", str(photos), "--out", str(out), *TINY])
    return out


def said(capsys, *tokens):
    """What a command prints as JSON."""
    capsys.readouterr()
    main([*tokens, "--json"])
    return json.loads(capsys.readouterr().out)


def refused(capsys, *tokens):
    """The sentence with which a command is refused."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(tokens))
    assert stopped.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0].removeprefix("counterpoint: ")


def test_fit_leaves_a_folder_that_a_person_can_read(run):
    names = {path.name for path in run.iterdir()}
    assert names == {
        "plan.json", "config.json", "model.safetensors", "head.safetensors", "metrics.jsonl",
        "verdict.json", "views.png", "skipped.txt", "state.pt", "README.md",
    }  # fmt: skip
    assert (run / "skipped.txt").read_text(encoding="utf-8").startswith("kind0/broken.jpg\t")
    with Image.open(run / "views.png") as sheet:
        assert sheet.width > 300


def test_evaluate_prints_scores_with_their_baselines(run, photos, capsys):
    scores = said(capsys, "evaluate", str(run), "--train", str(photos), "--test", str(photos), "--labels", "folder")
    for kind in ("knn", "linear"):
        assert scores[kind]["low"] <= scores[kind]["value"] <= scores[kind]["high"]
        assert set(scores[kind]["baselines"]) == {"raw", "untrained", "chance"}
    assert set(scores["geometry"]) == {"alignment", "uniformity", "effective_rank_h"}
    assert (run / "evaluation.json").exists()


def test_embed_writes_unit_vectors_with_names(run, photos, tmp_path, capsys):
    said(capsys, "embed", str(run), str(photos), "--out", str(tmp_path / "z.npz"))
    with np.load(tmp_path / "z.npz") as z:
        assert z["vectors"].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(z["vectors"], axis=1), 1, atol=1e-5)
        assert z["names"].tolist() == sorted(z["names"].tolist())
        assert len(z["vectors"]) == len(z["names"]) == 96
    said(capsys, "embed", str(run), str(photos / "*" / "*.png"), "--out", str(tmp_path / "some.npz"))
    with np.load(tmp_path / "some.npz") as some, np.load(tmp_path / "z.npz") as z:
        assert some["names"].tolist() == z["names"].tolist()


@pytest.mark.parametrize("like", ["kind1/001.png", "0", "file"])
def test_search_finds_by_name_row_and_file(run, photos, capsys, like):
    item = str(photos / "kind1" / "001.png") if like == "file" else like
    result = said(capsys, "search", str(run), str(photos), "--like", item, "-k", "5")
    assert len(result["hits"]) == 5
    similarities = [hit["similarity"] for hit in result["hits"]]
    assert similarities == sorted(similarities, reverse=True)


def test_report_is_written(run, capsys):
    path = said(capsys, "report", str(run))["report"]
    assert "<html" in (run / "report.html").read_text(encoding="utf-8")
    assert path.endswith("report.html")


def test_plan_shows_and_does_nothing(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    result = said(capsys, "plan", str(photos), *TINY)
    assert result["items"] == 96
    assert result["views_per_second"] > 0
    assert result["plan"]["encoder"] == "conv2d"
    assert list(tmp_path.iterdir()) == []


def refused_as_json(capsys, *tokens):
    """The sentence with which a command is refused, and the kind of error, from the one record that it prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main([*tokens, "--json"])
    assert stopped.value.code == 2
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert shown.err.endswith(f"counterpoint: {error['message']}\n")
    return error["message"], error["kind"]


def test_list_names_the_parts(capsys):
    for kinds in said(capsys, "list"):
        assert list(said(capsys, "list", kinds)) == list(catalogue.shelf(kinds))


ASKED = ["fit", "{tmp}/asked.csv", "--out", "{out}"]
PAIRED = [*ASKED, "--pairs", "question,answer"]

WRONG = {
    "a pattern that matches nothing": ["fit", "{tmp}/*.webp", "--out", "{out}"],
    "missing path": ["fit", "{tmp}/nowhere", "--out", "{out}"],
    "missing sample": ["fit", "sample:fash", "--out", "{out}"],
    "no source": ["fit", "", "--out", "{out}"],
    "no folder": ["fit", "{tmp}/array.npy", "--out="],
    "home of nobody": ["fit", "~nobody-of-this-name/photos", "--out", "{out}"],
    "folder in the home of nobody": ["fit", "{tmp}/array.npy", "--out=~nobody-of-this-name/run"],
    "links in a circle": ["fit", "{tmp}/round", "--out", "{out}"],
    "pipe": ["fit", "{tmp}/pipe.npy", "--out", "{out}"],
    "run in place of data": ["fit", "{run}", "--out", "{out}"],
    "folder that the data lies in": ["fit", "{tmp}/array.npy", "--out", "{tmp}"],
    "folder below a file": ["fit", "{tmp}/array.npy", "--out", "{tmp}/array.npy/run"],
    "folder that is a file": ["fit", "{tmp}/array.npy", "--out", "{tmp}/array.npy"],
    "address": ["fit", "https://example.org/photos", "--out", "{out}"],
    "empty folder": ["fit", "{tmp}/empty", "--out", "{out}"],
    "folder of text files": ["fit", "{tmp}/text", "--out", "{out}"],
    "not a number": ["fit", "{tmp}/nan.npy", "--out", "{out}"],
    "a range that is none": ["fit", "{tmp}/normal.npy", "--range", "5,1", "--out", "{out}"],
    "truncated array": ["fit", "{tmp}/cut.npy", "--out", "{out}"],
    "path out of an archive": ["fit", "{tmp}/climbing.zip", "--out", "{out}"],
    "batch larger than data": ["fit", "{tmp}/array.npy", "--out", "{out}", "--batch-size", "1000"],
    "batch of one": ["fit", "{tmp}/array.npy", "--out", "{out}", "--batch-size", "1"],
    "unknown method": ["fit", "{tmp}/array.npy", "--out", "{out}", "--method", "simclrr"],
    "unknown option of a method": ["fit", "{tmp}/array.npy", "--out", "{out}", "--method", "moco(queues=1)"],
    "impossible queue": ["fit", "{tmp}/array.npy", "--out", "{out}", "--method", "moco(queue=0)"],
    "unknown option of views": ["fit", "{tmp}/array.npy", "--out", "{out}", "--views", "small(scal=1)"],
    "unknown encoder": ["fit", "{tmp}/array.npy", "--out", "{out}", "--encoder", "resnet19"],
    "encoder for other data": ["fit", "{tmp}/array.npy", "--out", "{out}", "--encoder", "mlp"],
    "unknown option": ["fit", "{tmp}/array.npy", "--out", "{out}", "--temprature", "1"],
    "existing run": ["fit", "{tmp}/array.npy", "--out", "{run}"],
    "folder of other things": ["fit", "{tmp}/array.npy", "--out", "{tmp}/text", "--overwrite"],
    "unknown tracker for a run that is there": [
        "fit",
        "{tmp}/array.npy",
        "--out",
        "{run}",
        "--overwrite",
        "--track",
        "tensorbord",
    ],
    "overwriting with impossible views": [
        "fit",
        "{tmp}/array.npy",
        "--out",
        "{run}",
        "--overwrite",
        "--views",
        "builtins:len",
    ],
    "report on data that is gone": ["report", "{run}", "--source", "{tmp}/nowhere"],
    "epochs and minutes": ["fit", "{tmp}/array.npy", "--out", "{out}", "--epochs", "1", "--minutes", "1"],
    "nothing to resume": ["fit", "{tmp}/array.npy", "--out", "{out}", "--resume"],
    "no run": ["embed", "{tmp}/empty", "{tmp}/array.npy", "--out", "{out}.npz"],
    "not an npz": ["embed", "{run}", "{tmp}/array.npy", "--out", "{out}.csv"],
    "workers for one file": ["embed", "{run}", "{tmp}/array.npy", "--out", "{out}.npz", "--workers", "2"],
    "no shards": ["embed", "{run}", "{tmp}/text", "--out", "{out}"],
    "labels of the wrong length": ["evaluate", "{run}", "--train", "{tmp}/array.npy", "--labels", "{tmp}/short.npy"],
    "labels of one class with gaps": ["evaluate", "{run}", "--train", "{tmp}/array.npy", "--labels", "{tmp}/gaps.npy"],
    "one label for many items": ["evaluate", "{run}", "--train", "{tmp}/array.npy", "--labels", "{tmp}/single.npy"],
    "labels all different": ["evaluate", "{run}", "--train", "{tmp}/array.npy", "--labels", "{tmp}/own.npy"],
    "labels missing": ["evaluate", "{run}", "--train", "{tmp}/array.npy"],
    "no labels to learn from": ["finetune", "{run}", "{tmp}/array.npy", "--out", "{out}"],
    "labels of unknown": [
        "finetune",
        "{run}",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/names.csv",
        "--out",
        "{out}",
    ],
    "two labels for one name": ["finetune", "{run}", "{tmp}/array.npy", "--labels", "{tmp}/both.csv", "--out", "{out}"],
    "minus one as a class": ["finetune", "{run}", "{tmp}/array.npy", "--labels", "{tmp}/signs.npy", "--out", "{out}"],
    "labels that are measured": [
        "finetune",
        "{run}",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/sizes.npy",
        "--out",
        "{out}",
    ],
    "labels for no item": ["finetune", "{run}", "{tmp}/array.npy", "--labels", "{tmp}/none.npy", "--out", "{out}"],
    "a fraction too small": [
        "finetune",
        "{run}",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/two.npy",
        "--fraction",
        "0.01",
        "--out",
        "{out}",
    ],
    "a classifier in place of its model": [
        "finetune",
        "{run}",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/two.npy",
        "--out",
        "{run}",
        "--overwrite",
    ],
    "a budget in words": [
        "evaluate",
        "{run}",
        "--train",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/two.npy",
        "--budget",
        "many",
    ],
    "the whole way without labels": ["semi", "{tmp}/array.npy", "--out", "{out}"],
    "a budget that no class has": [
        "semi",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/two.npy",
        "--per-class",
        "500",
        "--out",
        "{out}",
    ],
    "a student of other inputs": ["distill", "{run}", "{tmp}/array.npy", "--encoder", "mlp", "--out", "{out}"],
    "a student of nothing": ["distill", "{run}", "{tmp}/array.npy", "--match", "both", "--out", "{out}"],
    "labels for a teacher of vectors": [
        "distill",
        "{run}",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/two.npy",
        "--label-weight",
        "0.5",
        "--out",
        "{out}",
    ],
    "no classifier": ["predict", "{run}", "{tmp}/array.npy", "--out", "{out}.csv"],
    "predictions as npz": ["predict", "{run}", "{tmp}/array.npy", "--out", "{out}.npz"],
    "export in another format": ["export", "{run}", "--out", "{out}.pt"],
    "export over the weights of the run": ["export", "{run}", "--out", "{run}/model.safetensors"],
    "export to a folder": ["export", "{run}", "--out", "{tmp}/folder.onnx"],
    "export of no run": ["export", "{tmp}/empty", "--out", "{out}.onnx"],
    "unknown item": ["search", "{run}", "{tmp}/array.npy", "--like", "nobody"],
    "unknown row": ["search", "{run}", "{tmp}/array.npy", "--like", "400"],
    "nothing to search in": ["search", "{run}", "--like", "0"],
    "a filter without an index": ["search", "{run}", "{tmp}/array.npy", "--like", "0", "--where", "label == 'a'"],
    "a filter that calls": ["search", "{tmp}/idx", "--like", "0", "--where", "len(name) == 1"],
    "a filter on no column": ["search", "{tmp}/idx", "--like", "0", "--where", "price < 3"],
    "a filter of another type": ["search", "{tmp}/idx", "--like", "0", "--where", "name < 3"],
    "an index that knows no run": ["search", "{tmp}/idx", "--like", "nobody"],
    "no neighbours of an index": ["search", "{tmp}/idx", "--like", "0", "-k", "0"],
    "an index that is there": ["index", "{tmp}/some.npz", "--out", "{tmp}/idx"],
    "an index among other files": ["index", "{tmp}/some.npz", "--out", "{tmp}/text"],
    "an index of no data": ["index", "{run}", "--out", "{out}"],
    "an index without a place": ["index", "{tmp}/some.npz"],
    "an index by no such backend": ["index", "{tmp}/some.npz", "--out", "{out}", "--backend", "fais"],
    "a name that the index has": ["index", "{tmp}/idx", "--add", "{tmp}/some.npz"],
    "a name that the index has not": ["index", "{tmp}/idx", "--delete", "nobody"],
    "an index of nothing more": ["index", "{tmp}/idx", "--delete", "0", "1", "2"],
    "an index that is not finished": ["index", "{tmp}/begun", "--out", "{tmp}/begun", "--delete", "0"],
    "no index to change": ["index", "{run}", "--delete", "0"],
    "lab of unknown views": ["lab", "{tmp}/array.npy", "--views", "small,smal", "--out", "{out}"],
    "lab of views for other data": ["lab", "{tmp}/array.npy", "--views", "waves", "--out", "{out}"],
    "lab of views that cannot be drawn": ["lab", "{tmp}/array.npy", "--views", "builtins:len", "--out", "{out}"],
    "lab with labels all different": [
        "lab",
        "{tmp}/array.npy",
        "--labels",
        "{tmp}/own.npy",
        "--out",
        "{out}",
    ],
    "lab of few items": ["lab", "{tmp}/few.npy", "--out", "{out}"],
    "lab over a run": ["lab", "{tmp}/array.npy", "--out", "{run}", "--overwrite"],
    "lab by no run": ["lab", "{tmp}/array.npy", "--model", "{tmp}/empty", "--out", "{out}"],
    "lab by a run of another width": ["lab", "{tmp}/array.npy", "--model", "{run}", "--width", "8", "--out", "{out}"],
    "text without such a column": ["fit", "{tmp}/asked.csv", "--column", "questoin", "--out", "{out}"],
    "text that is none": ["fit", "{tmp}/noise.txt", "--out", "{out}"],
    "text that is empty": ["fit", "{tmp}/blank.txt", "--out", "{out}"],
    "pairs of no such column": ["fit", "{tmp}/asked.csv", "--pairs", "question,anser", "--out", "{out}"],
    "pairs and a column": [*PAIRED, "--column", "answer"],
    "others for a method without": [*ASKED, "--pairs", "question,answer,answer", "--method", "clip"],
    "pairs that nobody scored": [*PAIRED, "--method", "cosent"],
    "scores that are words": [*PAIRED, "--method", "cosent", "--labels", "answer"],
    "scores for a method without": [*PAIRED, "--method", "clip", "--labels", "answer"],
    "scores without pairs": [*ASKED, "--column", "question", "--method", "cosent", "--labels", "answer"],
    "pairs for a method of labels": [*PAIRED, "--method", "sup_con"],
    "no head for a method with a queue": [
        "fit",
        "{tmp}/array.npy",
        "--method",
        "moco",
        "--head-layers",
        "0",
        "--out",
        "{out}",
    ],
    "text views for pictures": ["fit", "{tmp}/array.npy", "--views", "words", "--out", "{out}"],
    "queries for a model of pictures": [
        "evaluate",
        "{run}",
        "--queries",
        "{tmp}/array.npy",
        "--documents",
        "{tmp}/array.npy",
        "--relevance",
        "{tmp}/asked.csv",
    ],
    "queries without documents": ["evaluate", "{run}", "--queries", "{tmp}/asked.csv"],
    "an item to explain that is not there": ["explain", "{run}", "nowhere.png", "0"],
    "an item to explain of a file of several": ["explain", "{run}", "{tmp}/few.npy", "0"],
    "too few masks": ["explain", "{run}", "0", "1", "--masks", "10"],
    "an explanation on no page": ["explain", "{run}", "0", "1", "--html", "{tmp}/out.txt"],
    "words of pictures": ["words", "{run}", "--like", "king"],
    "words and nothing asked": ["words", "{run}"],
    "words of a file of none": ["words", "{tmp}/few.txt", "--like", "a"],
    "a word that is not known": ["words", "{tmp}/vectors.txt", "--like", "kign"],
    "no window of words": ["fit", "{tmp}/few.txt", "--method", "skipgram", "--out", "{out}"],
    "words in pictures": ["fit", "{tmp}/array.npy", "--method", "skipgram", "--out", "{out}"],
    "vectors of pictures": ["export", "{run}", "--out", "{tmp}/out.txt"],
    "weights of another network": ["fit", "{tmp}/array.npy", "--weights", "{tmp}/other.safetensors", "--out", "{out}"],
    "weights that are none": ["fit", "{tmp}/array.npy", "--weights", "{tmp}/array.npy", "--out", "{out}"],
    "nothing to take as it came": ["fit", "{tmp}/array.npy", "--epochs", "0", "--out", "{out}"],
    "a file that holds no vectors": ["evaluate", "{tmp}/short.npy", "--labels", "{tmp}/short.npy"],
    "unknown list": ["list", "methodz"],
    "unknown recipe": ["fit", "{tmp}/array.npy", "--recipe", "simclr-cifar-resnet18", "--out", "{out}"],
    "a recipe of another method": [
        *("fit", "{tmp}/array.npy", "--recipe", "byol-imagenet-resnet50", "--method", "moco", "--out", "{out}"),
    ],
    "alarm without normal items": ["anomalies", "{run}", "{tmp}/array.npy", "--alarm", "0.1"],
    "alarm that is never given": ["anomalies", "{run}", "{tmp}/array.npy", "--normal", "{tmp}/few.npy", "--alarm", "0"],
    "too few normal items": ["anomalies", "{run}", "{tmp}/array.npy", "--normal", "{tmp}/few.npy", "--out", "{out}"],
    "unknown scorer": ["anomalies", "{run}", "{tmp}/array.npy", "--scorer", "knm"],
}


def wrong_things(folder):
    """Files that cannot be used, each for a reason of its own."""
    import zipfile

    pictures = stripes(count=40).source
    for name in ("empty", "text", "folder.onnx", "begun", "begun/segment-000001"):
        (folder / name).mkdir()
    z = Embeddings(np.eye(3, dtype=np.float32), ["0", "1", "2"])
    z.save(folder / "some.npz")
    cp.index(z, out=folder / "idx")
    (folder / "round").symlink_to("round")
    os.mkfifo(folder / "pipe.npy")
    (folder / "text" / "letter.pdf").write_text("Dear Sir", encoding="utf-8")
    rows = [f"what is the price of number {row},it is {row} pounds" for row in range(20)]
    (folder / "asked.csv").write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    (folder / "noise.txt").write_bytes(np.random.default_rng(0).bytes(500))
    (folder / "blank.txt").write_text("\n \n", encoding="utf-8")
    (folder / "few.txt").write_text("a\na\na\na\n", encoding="utf-8")
    (folder / "vectors.txt").write_text("2 2\nking 1 0\nqueen 0.5 1\n", encoding="utf-8")
    np.save(folder / "array.npy", pictures)
    save_file({"0.0.weight": torch.zeros(8, 3, 3, 3)}, folder / "other.safetensors")
    np.save(folder / "few.npy", pictures[:12])
    broken = pictures.astype(np.float32) / 255
    np.save(folder / "normal.npy", (broken - 0.45) / 0.22)
    broken[3, 2, 1, 0] = np.nan
    np.save(folder / "nan.npy", broken)
    (folder / "cut.npy").write_bytes((folder / "array.npy").read_bytes()[:5000])
    np.save(folder / "short.npy", np.zeros(5))
    np.save(folder / "gaps.npy", np.where(np.arange(40) < 3, np.nan, 1.0))
    np.save(folder / "own.npy", np.arange(40))
    np.save(folder / "none.npy", np.full(40, -1))
    np.save(folder / "signs.npy", np.where(np.arange(40) < 20, -1, 1))
    np.save(folder / "sizes.npy", np.arange(40) / 7)
    np.save(folder / "single.npy", np.zeros(1, int))
    np.save(folder / "two.npy", np.arange(40) % 2)
    for name, rows in (("names", "0,x\nphoto,y"), ("both", "0,x\n0,y")):
        (folder / f"{name}.csv").write_text(f"name,label\n{rows}\n", encoding="utf-8")
    with zipfile.ZipFile(folder / "climbing.zip", "w") as packed:
        packed.writestr("../outside.png", b"x")


def test_wrong_input_gets_one_sentence_and_writes_nothing(run, tmp_path, capsys):
    wrong_things(tmp_path)
    places = {"tmp": str(tmp_path), "run": str(run), "out": str(tmp_path / "out")}
    gallery = []
    for case, tokens in WRONG.items():
        sentence, kind = refused_as_json(capsys, *(token.format(**places) for token in tokens))
        of_cyclopts = not hasattr(errors, kind) or sentence.startswith("Invalid value for")
        shown = [sentence] if of_cyclopts else [sentence, spelled(sentence)]
        lines = [
            f"    {each.replace(str(tmp_path), 'TMP').replace(str(run), 'RUN')}\n" for each in dict.fromkeys(shown)
        ]
        gallery.append("".join([f"{case}\n", *lines]))
        assert not list(tmp_path.glob("out*")), case
    if "COUNTERPOINT_WRITE_GALLERY" in os.environ:
        GALLERY.write_text("\n".join(gallery), encoding="utf-8")
    assert "\n".join(gallery) == GALLERY.read_text(encoding="utf-8")


def test_messages_count_in_the_singular_and_the_plural():
    wrong = r"(?<![-\d.,])1 (?:of the [a-z]+ are|(?:[a-z]+ )?(?!is\b)[a-z]+s)\b"
    assert re.findall(wrong, GALLERY.read_text(encoding="utf-8")) == []


def test_the_record_names_what_is_wrong_with_a_value(tmp_path, capsys):
    for tokens in (["embed", "{}", "x", "--out", "z.npz"], ["lab", "x", "--model", "{}"]):
        sentence, kind = refused_as_json(capsys, *(each.format(tmp_path / "nowhere") for each in tokens))
        assert kind == "RunError"
        assert "There is no run" in sentence


def test_a_fault_of_ours_is_a_record_too(capsys, monkeypatch):
    monkeypatch.setattr(catalogue, "plurals", lambda: {}["methods"])
    with pytest.raises(KeyError):
        main(["list", "--json"])
    assert json.loads(capsys.readouterr().out) == {"error": {"kind": "KeyError", "message": "'methods'"}}


def test_tampered_weights_are_refused(run, tmp_path, capsys):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert "not what was saved" in refused(capsys, "embed", str(copy), "x", "--out", str(tmp_path / "z.npz"))


def test_the_name_of_a_file_with_a_slip_in_it_is_no_text(tmp_path, capsys):
    (tmp_path / "lines.txt").write_text("\n".join(remarks(count=64).source), encoding="utf-8")
    main(["fit", str(tmp_path / "lines.txt"), "--out", str(tmp_path / "run"), *TINY])
    assert "There is no 'lnes'" in refused(
        capsys, "embed", str(tmp_path / "run"), "lnes", "--out", str(tmp_path / "z.npz")
    )
    assert not (tmp_path / "z.npz").exists()


def test_the_module_runs_as_a_command():
    result = subprocess.run(
        [sys.executable, "-m", "counterpoint", "--version"], check=True, capture_output=True, text=True
    )
    assert result.stdout.strip() == __version__
