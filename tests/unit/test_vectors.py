"""Anybody's vectors and networks, scored as a model is: arrays, files, callables; pairs, groups and raw features."""

import numpy as np
import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import InputError, LabelError, SourceError
from counterpoint.runs.locks import locked
from counterpoint.verbs.evaluate_vectors import evaluate_vectors
from tests.worlds import stripes


def clouds(count=120, seed=0, width=8):
    """Vectors around three centres, and the class of each."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = np.random.default_rng(9).normal(size=(3, width)) * 2
    return (centres[labels] + draws.normal(size=(count, width))).astype(np.float32), labels


def test_vectors_score_the_same_whatever_they_come_in(tmp_path):
    z, labels = clouds()
    np.save(tmp_path / "z.npy", z)
    np.savez(tmp_path / "held.npz", features=z, y=labels, other=labels)
    cp.Embeddings(z, [str(each) for each in range(len(z))]).save(tmp_path / "saved.npz")
    expected = cp.evaluate(z, labels)
    assert expected["linear"]["value"] > 0.7
    assert list(expected["linear"]["baselines"]) == ["chance"]
    assert "give the data that they were made from as source" in expected["note"].replace("\n", " ")
    for given in (torch.from_numpy(z), z.astype(np.float64), str(tmp_path / "z.npy"), tmp_path / "saved.npz"):
        assert cp.evaluate(given, labels) == expected
    assert cp.evaluate(tmp_path / "held.npz") == expected  # with the labels inside


def test_the_scores_of_a_models_vectors_are_those_of_the_model():
    world = stripes(96)
    model = cp.fit(world.source, epochs=1, batch_size=16, width=8)
    whole = cp.evaluate(model, world.source, labels=world.labels)
    h, _ = model.represent_source(world.source)
    bare = cp.evaluate(h, world.labels, source=world.source)
    for kind in ("knn", "linear"):
        for name in ("raw", "chance"):
            difference, same = bare[kind]["differences"][name], whole[kind]["differences"][name]
            assert difference["value"] == pytest.approx(same["value"])  # intervals know of fewer comparisons
    assert bare["geometry"]["effective_rank_h"] == pytest.approx(whole["geometry"]["effective_rank_h"])
    assert bare["sizes"] == whole["sizes"]
    assert "note" not in bare


def test_a_test_of_its_own_is_what_is_asked_about():
    (z, labels), (other, answers) = clouds(60), clouds(30, seed=1)
    scores = cp.evaluate(z, test=other, labels=(labels, answers))
    assert scores["sizes"] == {"train": 60, "test": 30, "classes": 3}
    assert scores["shared"] == 0
    other[[2, 4]] = z[[5, 50]]
    twice = cp.evaluate(z, test=other, labels=(labels, answers))
    assert (twice["shared"], "2 of 30 test vectors are training vectors too" in twice["note"]) == (2, True)
    made_of = (z[:, None], np.flip(z)[:30, None])
    assert cp.evaluate(z, test=other, labels=(labels, answers), source=made_of)["shared"] == 0
    raw = (np.stack([z, z], axis=1), np.stack([other, other], axis=1))
    with pytest.raises(InputError, match="as a pair"):
        cp.evaluate(z, test=other, labels=(labels, answers), source=raw[0])
    with pytest.raises(InputError, match="have 8 numbers, and those to test 5"):
        cp.evaluate(z, test=other[:, :5], labels=(labels, answers))


def test_vectors_that_others_are_writing_can_be_scored(tmp_path):
    z, labels = clouds()
    cp.Embeddings(z, [str(row) for row in range(len(z))]).save(tmp_path / "part.npz")
    with locked(tmp_path):
        assert cp.evaluate(tmp_path, labels) == cp.evaluate(z, labels)


def test_groups_are_held_out_whole():
    """Every group has a vector of its own and a class drawn by chance: who has seen the group knows the class."""
    draws = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 6)
    z = draws.normal(size=(40, 16)).astype(np.float32)[group] + 0.01 * draws.normal(size=(240, 16)).astype(np.float32)
    labels = draws.integers(0, 2, 40)[group]
    assert cp.evaluate(z, labels)["knn"]["value"] > 0.95
    assert cp.evaluate(z, labels, groups=group)["knn"]["value"] < 0.75
    for groups, message in ((np.zeros(240), "of one group"), (np.where(group == 3, -1, group), "Every item is of one")):
        with pytest.raises(LabelError, match=message):
            cp.evaluate(z, labels, groups=groups.astype(int))
    with pytest.raises(LabelError, match=r"as a pair \(train_groups, test_groups\)"):
        cp.evaluate(z, test=z, labels=(labels, labels), groups=group)


def test_a_network_is_scored_beside_itself_untrained_and_stays_as_it_was():
    world = stripes(64)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()).train()
    network[1].eval()  # as a norm that is frozen
    before = network[0].weight.clone()
    scores = cp.evaluate(network, world.source, labels=world.labels)
    assert set(scores["linear"]["baselines"]) == {"raw", "untrained", "chance"}
    assert network.training
    assert not network[1].training
    assert torch.equal(network[0].weight, before)
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    scores = cp.evaluate(pooled, world.source, labels=world.labels)
    assert set(scores["linear"]["baselines"]) == {"raw", "chance"}
    assert "no untrained baseline" in scores["note"]


def test_a_callable_makes_vectors_of_the_source_itself():
    texts = [f"{word} number {place}" for place in range(20) for word in ("apples", "trains")]
    labels = ["fruit", "vehicle"] * 20

    def encode(source):
        return torch.tensor([[float("a" in text), len(text)] for text in source])

    scores = cp.evaluate(encode, texts, labels=labels)
    assert scores["sizes"]["test"] == 8
    assert set(scores["linear"]["baselines"]) == {"raw", "chance"}
    again = cp.evaluate(encode, texts[:20], texts[20:], labels=(labels[:20], labels[20:]))
    assert again["sizes"]["test"] == 20


@pytest.mark.parametrize(
    ("given", "more", "error", "message"),
    [
        (np.zeros((3, 2, 2)), {}, SourceError, r"numbers of the shape \(n, d\)"),
        (np.full((30, 2), np.nan), {}, InputError, "NaN or infinity"),
        (np.eye(30), {"source": np.zeros((4, 8, 8), np.uint8)}, InputError, "30 vectors, and 4 items"),
        ("nowhere.npz", {}, SourceError, "There is no file 'nowhere.npz'"),
        (3, {}, InputError, "a callable from a source to vectors. Got int"),
    ],
)
def test_what_cannot_be_scored_is_refused(given, more, error, message):
    with pytest.raises(error, match=message):
        cp.evaluate(given, np.arange(30) % 2, **more)


def test_the_command_line_scores_a_file(tmp_path, capsys):
    z, labels = clouds()
    np.savez(tmp_path / "z.npz", vectors=z)
    np.save(tmp_path / "labels.npy", labels)
    main(["evaluate", str(tmp_path / "z.npz"), "--labels", str(tmp_path / "labels.npy")])
    assert "Linear probe" in capsys.readouterr().out
    np.savez(tmp_path / "none.npz", first=labels)
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(tmp_path / "none.npz"), "--labels", str(tmp_path / "labels.npy")])
    assert "holds no array 'vectors'" in capsys.readouterr().err


def test_vectors_inside_a_run_do_not_hide_it(tmp_path):
    world = stripes(32)
    run = tmp_path / "run"
    model = cp.fit(world.source, epochs=1, batch_size=16, width=8, out=run)
    model.embed(world.source).save(run / "z.npz")
    assert "raw" in cp.evaluate(run, world.source, labels=world.labels)["knn"]["baselines"]


def test_groups_are_read_like_labels(tmp_path):
    z, labels = clouds()
    np.save(tmp_path / "groups.npy", np.arange(120) // 6)
    assert evaluate_vectors(z, labels=labels, groups=str(tmp_path / "groups.npy"))["sizes"]["test"] >= 12


def test_a_page_of_vectors_has_their_scores_and_a_map(tmp_path):
    z, labels = clouds()
    np.savez(tmp_path / "z.npz", vectors=z)
    bare = cp.report(tmp_path / "z.npz").read_text(encoding="utf-8")
    assert "There are no labels to score by" in bare
    assert 'id="map-data"' in bare
    page = cp.report(tmp_path / "z.npz", labels=labels)
    assert page == tmp_path / "z-report.html"
    assert "these vectors" in page.read_text(encoding="utf-8")
    assert "https://" not in page.read_text(encoding="utf-8")


def test_a_damaged_file_of_vectors_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "v.npz"
    np.savez(path, vectors=np.ones((8, 3), dtype=np.float32))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SourceError, match=r"v\.npz' .*damaged"):
        cp.evaluate(str(path), [0, 1] * 4)
