"""Near-duplicates: copies are found, crowds and chains are not; what is reported can be trusted."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import counterpoint as cp
from counterpoint import rng
from counterpoint.cli import main
from counterpoint.embeddings import Embeddings, unit
from counterpoint.errors import InputError
from counterpoint.modality import flat
from counterpoint.retrieval.duplicates import duplicates
from counterpoint.retrieval.linkage import complete_groups
from counterpoint.retrieval.mixture import copy_probability
from counterpoint.retrieval.planted_copies import Evidence, Planted
from counterpoint.views import near_copies
from tests.worlds import WORLDS, stripes


def named(vectors):
    return Embeddings(np.asarray(vectors, dtype=np.float32), [str(row) for row in range(len(vectors))])


def cloud(count, seed=0, size=16):
    """Vectors around a point far from zero: of any two the cosine is near 1 before they are centred."""
    random = np.random.default_rng(seed)
    return 20 + random.normal(size=(count, size))


def with_copies(vectors, copies, noise=0.05, seed=1):
    """The vectors, and noisy copies of the first of them."""
    random = np.random.default_rng(seed)
    return np.concatenate([vectors, vectors[:copies] + random.normal(0, noise, (copies, vectors.shape[1]))])


def known_of(vectors, noise=0.05):
    """What a model would know: copies planted with this noise; the vectors are their own plain features."""
    vectors, rows = np.asarray(vectors, dtype=np.float32), np.arange(0, len(vectors), 2)
    copies = (vectors[rows] + np.random.default_rng(9).normal(0, noise, (len(rows), vectors.shape[1]))).astype(
        np.float32
    )
    return Evidence(np.arange(len(vectors)), vectors, Planted(rows, copies, copies))


@pytest.mark.parametrize("plants", [True, False])
def test_copies_are_found_among_vectors_that_all_point_the_same_way(plants):
    vectors = with_copies(cloud(400), 20)
    result = duplicates(named(vectors), evidence=known_of(vectors) if plants else None)
    wanted = {(row, 400 + row) for row in range(20)}
    listed = {tuple(pair.index) for pair in result.pairs}
    assert len(listed & wanted) >= 19
    assert len(listed - wanted) <= 2
    assert [group.index for group in result.groups if group.index[1] >= 400] == [
        sorted(pair) for pair in sorted(listed & wanted)
    ]
    assert (result.recall is None) != plants
    assert bool(result.warnings) != plants


def test_of_spaces_that_recognise_all_planted_copies_the_one_in_which_they_are_closest_is_chosen():
    vectors = unit(np.asarray(cloud(400), dtype=np.float32))
    near, nearer = (known_of(vectors, noise) for noise in (0.001, 0.0003))
    for close, evidence in (
        ("plain features", near._replace(planted=near.planted._replace(features=nearer.planted.features))),
        ("vectors", near._replace(planted=near.planted._replace(vectors=nearer.planted.vectors))),
    ):
        result = duplicates(named(vectors), evidence=evidence)
        assert result.measured.endswith(close)
        assert result.recall == 1


@pytest.mark.parametrize("plants", [True, False])
def test_without_copies_nothing_much_is_listed(plants):
    vectors = cloud(500)
    assert len(duplicates(named(vectors), evidence=known_of(vectors) if plants else None).pairs) <= 2


def test_a_crowd_is_no_group_of_copies():
    crowd, others = cloud(100, seed=3) * 0.05, cloud(300, seed=4)
    vectors = with_copies(np.concatenate([others, 19 + crowd]), 10)
    result = duplicates(named(vectors), evidence=known_of(vectors))
    assert {tuple(pair.index) for pair in result.pairs} >= {(row, 400 + row) for row in range(10)}
    assert max(len(group.index) for group in result.groups) <= 3


def test_many_copies_of_one_item_are_one_group():
    vectors = np.concatenate([cloud(600), cloud(1, seed=7) + np.random.default_rng(8).normal(0, 0.02, (25, 16))])
    result = duplicates(named(vectors), evidence=known_of(vectors))
    assert set(result.groups[0].index) >= set(range(600, 625)) - {600}


def test_a_model_that_cannot_tell_copies_from_neighbours_lists_little_and_says_so():
    vectors = cloud(300)
    result = duplicates(named(vectors), evidence=known_of(vectors, noise=3.0))
    assert len(result.pairs) <= 3
    assert result.recall < 0.2
    assert "Of copies planted as a test" in str(result)


def test_a_chain_is_not_one_group():
    angles = np.array([0.0, 0.2, 0.4, 1.5, 1.7, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vectors = np.concatenate([vectors, -vectors])  # so that the mean is zero
    result = duplicates(named(vectors), threshold=np.cos(0.25))
    assert {tuple(pair.index) for pair in result.pairs} >= {(0, 1), (1, 2), (3, 4)}
    assert all(len(group.index) == 2 for group in result.groups)


def test_complete_groups_are_those_of_scipy():
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform

    points = np.random.default_rng(0).normal(size=(60, 2))
    for cut in (0.2, 0.6, 1.5):
        apart = squareform(pdist(points))
        i, j = np.triu_indices(60, 1)
        order = np.argsort(apart[i, j])
        near = [(int(i[k]), int(j[k])) for k in order if apart[i[k], j[k]] <= cut]
        numbers = fcluster(linkage(pdist(points), "complete"), cut, "distance")
        wanted = [np.flatnonzero(numbers == number).tolist() for number in np.unique(numbers)]
        assert sorted(complete_groups(near)) == sorted(group for group in wanted if len(group) > 1)


def test_equal_items_are_always_found_and_certain():
    vectors = np.concatenate([cloud(5), cloud(5)[:2], cloud(5)[:1], np.zeros((2, 16))])
    result = duplicates(named(vectors))
    assert [(pair.index, pair.probability, pair.equal) for pair in result.pairs] == [
        ((0, 5), 1.0, True),
        ((1, 6), 1.0, True),
        ((0, 7), 1.0, True),
    ]
    assert [group.index for group in result.groups] == [[0, 5, 7], [1, 6]]


def test_few_items_have_no_probability_by_a_threshold():
    vectors = with_copies(cloud(6), 2, noise=0.01)
    result = duplicates(named(vectors), threshold=0.9)
    assert [pair.index for pair in result.pairs if pair.probability is None] == [pair.index for pair in result.pairs]
    assert {(0, 6), (1, 7)} <= {tuple(pair.index) for pair in result.pairs}
    assert (result.precision, result.recall) == (None, None)
    assert "probability" not in result.record()["pairs"][0]
    warning = "With 8 distinct items only equal ones are listed; near-duplicates need 20."
    assert duplicates(named(vectors)).warnings == [warning]
    assert "?" in str(result)


def test_probability_rises_with_closeness_and_is_calibrated():
    random = np.random.default_rng(0)
    others, copies = random.gumbel(0, 0.2, 3000), random.normal(1.5, 0.5, 150)
    probability = copy_probability(np.concatenate([others, copies]), random.normal(1.5, 0.5, 500))
    steps = probability(np.linspace(-1, 4, 200))
    assert (np.diff(steps) >= 0).all()
    assert steps[0] < 0.01
    assert steps[-1] > 0.99
    both = np.concatenate([others, copies])
    sure = both > np.quantile(both, 0.5)
    assert abs(probability(both[sure]).sum() - 150) < 45  # as many as there are


def test_a_large_group_is_warned_of_with_the_reason():
    vectors = cloud(100)
    low = duplicates(named(vectors), threshold=-0.99)
    assert low.warnings[-1].endswith("the threshold is low for these vectors.")
    same = np.concatenate([vectors, np.repeat(vectors[:1], 30, axis=0)])
    alone = duplicates(named(same)).warnings[-1]
    assert alone.startswith("A group has 31 of 130 items: the items are that similar or the model has collapsed")
    known = known_of(same)._replace(first=np.array([*range(100), *[0] * 30]))
    assert duplicates(named(same), evidence=known).warnings == [
        "A group has 31 of 130 items: 30 items are equal to others, so the data repeats itself."
    ]


def test_a_collapsed_model_lists_nothing_by_its_vectors():
    same, features = np.ones((60, 4)), cloud(60).astype(np.float32)
    copies = Planted(np.arange(60), np.ones((60, 4), dtype=np.float32), features + 5)
    result = duplicates(named(same), evidence=Evidence(np.arange(60), features, copies))
    assert (len(result.groups), result.recall) == (0, 0.0)


def test_the_threshold_is_exact_in_any_number_of_blocks(monkeypatch):
    z = named(cloud(60))
    whole = duplicates(z, threshold=0.3)
    unit = z.vectors - z.vectors.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    assert len(whole.pairs) == int((np.triu(unit @ unit.T, 1) >= 0.3).sum())
    assert all(first.similarity >= then.similarity for first, then in zip(whole.pairs, whole.pairs[1:], strict=False))
    monkeypatch.setattr("counterpoint.retrieval.duplicates.CELLS", 100)
    assert duplicates(z, threshold=0.3) == whole
    monkeypatch.setattr("counterpoint.retrieval.duplicates.MOST", 10)
    with pytest.raises(
        InputError, match=r"More than 10 pairs have a similarity of at least -0\.9\. Give a higher threshold"
    ):
        duplicates(z, threshold=-0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": -1}, "threshold is a cosine similarity"),
        ({"threshold": float("nan")}, "threshold is a cosine similarity"),
        ({"precision": 0}, "precision is a share"),
    ],
)
def test_options_out_of_range_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        duplicates(named(cloud(3)), **change)


def test_vectors_with_nan_are_refused():
    vectors = cloud(30)
    vectors[4, 2] = np.nan
    with pytest.raises(InputError, match="1 of 30 vectors hold NaN or infinite numbers, first that of '4'"):
        duplicates(named(vectors))


@pytest.mark.parametrize("kind", list(WORLDS))
def test_near_copies_are_what_the_encoder_takes_and_closer_than_other_items(kind):
    world = WORLDS[kind](64)
    model = cp.fit(world.source, epochs=1, batch_size=16, width=8, **world.choices)
    items = model.open(world.source)
    batch = items.take(np.arange(8))
    key = rng.keys(seed=0, epoch=0, items=torch.arange(8), view=0)
    copies = model.modality.near_copies(batch, key)
    assert len(copies) >= 2
    weak = model.modality.augmentation.scaled(0.1)(batch, key)  # what a modality without copies of its own gets
    assert model.encoder(weak).shape[0] == 8
    plain = flat(model.modality, model.modality.inputs(batch))
    for copy, again in zip(copies, model.modality.near_copies(batch, key), strict=True):
        assert torch.equal(copy, again)
        assert model.encoder(copy).shape[0] == 8
        apart = torch.cdist(plain, flat(model.modality, copy))
        assert (apart.argmin(dim=0) == torch.arange(8)).all()


def test_pictures_of_any_bands_have_copies():
    for bands in (1, 2, 3):
        pictures = torch.rand(2, bands, 9, 11)
        for copy in near_copies.pictures(pictures, torch.tensor([1, 2])):
            assert copy.shape == pictures.shape
            assert (copy - pictures).abs().mean() < 0.3


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A run that learned from pictures, and those with re-encoded copies of the first five and one that is equal."""
    folder = tmp_path_factory.mktemp("duplicates")
    pictures = stripes(200).source
    copies = []
    for picture in pictures[:5]:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=95)
        copies.append(np.asarray(Image.open(file)))
    np.save(folder / "pictures.npy", np.concatenate([pictures, copies, pictures[9:10]]))
    cp.fit(pictures, out=folder / "run", epochs=2, batch_size=32, width=8)
    return folder


def test_the_command_finds_copies_prints_them_and_writes_a_page(world, capsys):
    main(["duplicates", str(world / "run"), str(world / "pictures.npy"), "--html", str(world / "page.html"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["pairs"][0]["index"], result["pairs"][0]["equal"]) == ([9, 205], True)
    listed = {tuple(pair["index"]) for pair in result["pairs"]}
    assert len(listed & {(row, 200 + row) for row in range(5)}) >= 3  # two are of low contrast
    page = (world / "page.html").read_text()
    assert page.count("<img") == 2 * len(result["pairs"])
    assert "://" not in page


def test_vectors_are_compared_by_themselves_or_not_at_all(world, capsys):
    cp.embed(world / "run", world / "pictures.npy").save(world / "vectors.npz")
    main(["duplicates", str(world / "vectors.npz")])
    assert "rest on these vectors alone" in capsys.readouterr().out
    with pytest.raises(InputError, match="compared by themselves"):
        cp.duplicates(world / "vectors.npz", world / "pictures.npy")
    with pytest.raises(InputError, match="A model is given with the data"):
        cp.duplicates(world / "run")
    with pytest.raises(InputError, match=r"The page is written as \.html"):
        cp.duplicates(world / "vectors.npz", html=world / "page.pdf")


def test_texts_and_rows_are_shown_in_words(tmp_path):
    rows = [f"{number},{number * 7 % 50},{'red' if number % 3 else 'blue'}" for number in range(60)]
    (tmp_path / "table.csv").write_text("\n".join(["age,pulse,colour", *rows, rows[4]]))
    model = cp.fit(tmp_path / "table.csv", epochs=1, batch_size=16, width=8)
    result = cp.duplicates(model, tmp_path / "table.csv", html=tmp_path / "page.html")
    assert (result.pairs[0].index, result.pairs[0].equal) == ((4, 60), True)
    assert result.pairs[0].contents[0] == result.pairs[0].contents[1]
    assert "pulse 28" in str(result)
    assert "pulse 28" in (tmp_path / "page.html").read_text()


def test_a_threshold_of_zero_is_one():
    z = Embeddings(np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32), [str(row) for row in range(10)])
    result = cp.duplicates(z, threshold=0.0)
    assert result.pairs
    assert not [warning for warning in result.warnings if "only equal ones are listed" in warning]
