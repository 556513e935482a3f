"""Methods without negatives, with a slow copy or with neighbours: formulas as slow loops, and where gradients end."""

import math
from functools import partial

import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.comparison.loss import loss_of
from counterpoint.encoders.ema import rising
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.model import load
from counterpoint.objectives.info_nce import info_nce
from counterpoint.plans import Plan
from counterpoint.setup.build import compared_by
from counterpoint.setup.capabilities import asks_for
from counterpoint.setup.defaults import completed
from counterpoint.training.diagnostics import judge, measure
from tests.worlds import records

NAMES = ["byol", "simsiam", "barlow_twins", "vicreg", "moco_v3", "nnclr"]
SLOW_COPIES = ["byol", "moco_v3"]
SMALLER_LOOKS = ["byol", "simsiam", "moco_v3"]
COUNTS = {"byol": 4, "simsiam": 4, "barlow_twins": 2, "vicreg": 2, "moco_v3": 4, "nnclr": 4}
"""How many sets of vectors a method compares."""

BATCH, WIDTH, T = 7, 5, 0.3
TINY = {"batch_size": 64, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}


def build(name, **options):
    torch.manual_seed(0)
    make = catalogue.find("method", name)
    given = {"objective": partial(info_nce, temperature=T)} if asks_for(make, "objective") else {}
    encoder = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
    return make(encoder, nn.Sequential(nn.Linear(8, WIDTH)), **given, **options).double().train()


def some(count, generator=None):
    """So many sets of vectors, all different."""
    drawn = torch.randn(count, BATCH, WIDTH, dtype=torch.float64, generator=generator)
    return tuple(each.requires_grad_() for each in drawn)


def info(start=0):
    return ItemInfo(torch.arange(start, start + BATCH))


def views():
    return tuple(torch.randn(2, BATCH, 6, dtype=torch.float64))


def mean_loss(method, vectors, items=None):
    """What training adds up: the means of all parts."""
    parts = method.outcomes(vectors, items or info())
    return sum(
        part.mean() if isinstance(part, torch.Tensor) else loss_of(part, method.objective) / len(part.anchors)
        for part in parts
    )


def cos(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def slow_byol(p1, p2, k1, k2):
    return sum(2 - 2 * cos(p1[i], k2[i]) + 2 - 2 * cos(p2[i], k1[i]) for i in range(BATCH)) / BATCH


def slow_simsiam(p1, p2, z1, z2):
    return -sum(cos(p1[i], z2[i]) / 2 + cos(p2[i], z1[i]) / 2 for i in range(BATCH)) / BATCH


def column(z, i, *, ddof):
    """Number i of all items less its mean, and its variance."""
    mean = sum(row[i] for row in z) / len(z)
    centred = [row[i] - mean for row in z]
    return centred, sum(x * x for x in centred) / (len(z) - ddof)


def slow_barlow_twins(z1, z2, weight=0.005):
    loss = 0.0
    for i in range(WIDTH):
        for j in range(WIDTH):
            (a, va), (b, vb) = column(z1, i, ddof=0), column(z2, j, ddof=0)
            c = sum(x * y for x, y in zip(a, b, strict=True)) / BATCH / math.sqrt((va + 1e-5) * (vb + 1e-5))
            loss += (1 - c) ** 2 if i == j else weight * c**2
    return loss


def slow_vicreg(z1, z2):
    loss = 25 * sum((z1[i][j] - z2[i][j]) ** 2 for i in range(BATCH) for j in range(WIDTH)) / (BATCH * WIDTH)
    for z in (z1, z2):
        for i in range(WIDTH):
            a, va = column(z, i, ddof=1)
            loss += 25 / 2 * max(0.0, 1 - math.sqrt(va + 1e-4)) / WIDTH
            for j in range(WIDTH):
                b, _ = column(z, j, ddof=1)
                if i != j:
                    loss += (sum(x * y for x, y in zip(a, b, strict=True)) / (BATCH - 1)) ** 2 / WIDTH
    return loss


def picked(anchors, candidates):
    """The mean cross entropy with which every anchor picks the candidate of its own row."""
    loss = 0.0
    for i in range(BATCH):
        score = [math.exp(cos(anchors[i], candidate) / T) for candidate in candidates]
        loss -= math.log(score[i] / sum(score)) / BATCH
    return loss


def slow_moco_v3(q1, q2, k1, k2):
    return picked(q1, k2) + picked(q2, k1)


def slow_nnclr(z1, z2, p1, p2):
    """With an empty support, every embedding is its own neighbour."""
    return picked(z1, p2) + picked(z2, p1)


SLOW = {
    "byol": slow_byol,
    "simsiam": slow_simsiam,
    "barlow_twins": slow_barlow_twins,
    "vicreg": slow_vicreg,
    "moco_v3": slow_moco_v3,
    "nnclr": slow_nnclr,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_the_formula_of_the_paper(name):
    method = build(name)
    vectors = some(COUNTS[name], torch.Generator().manual_seed(1))
    expected = SLOW[name](*([row.tolist() for row in vector] for vector in vectors))
    assert float(mean_loss(method, vectors).detach()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", SMALLER_LOOKS)
def test_local_views_stand_beside_both_usual_ones_and_are_no_targets(name):
    p1, p2, near, k1, k2 = some(5, torch.Generator().manual_seed(1))
    pairs = [(p2, k1), (near, k1), (p1, k2), (near, k2)]
    if name == "moco_v3":
        expected = sum(picked(q.tolist(), k.tolist()) for q, k in pairs)
    else:
        mean = (
            sum(cos(a, b) for p, k in pairs for a, b in zip(p.tolist(), k.tolist(), strict=True)) / len(pairs) / BATCH
        )
        expected = 4 - 4 * mean if name == "byol" else -mean
    assert float(mean_loss(build(name), (p1, p2, near, k1, k2)).detach()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_widened_before_it_is_compared(name):
    method = build(name).float()
    rough = tuple(vector.detach().bfloat16() for vector in some(COUNTS[name]))
    torch.testing.assert_close(mean_loss(method, rough), mean_loss(method, tuple(each.float() for each in rough)))


@pytest.mark.parametrize("name", SLOW_COPIES)
def test_no_gradient_reaches_the_slow_copy_and_every_other_weight_has_one(name):
    method = build(name)
    vectors = method.project(views())
    assert [vector.requires_grad for vector in vectors] == [True, True, False, False]
    mean_loss(method, vectors).backward()
    for place, weight in method.named_parameters():
        assert (weight.grad is None) == place.startswith("slow."), place


def test_the_targets_of_simsiam_get_no_gradient():
    method = build("simsiam")
    p1, p2, z1, z2 = some(4)
    mean_loss(method, (p1, p2, z1, z2)).backward()
    for prediction, target in ((p1, z2), (p2, z1)):
        assert float(prediction.grad.abs().sum()) > 0
        assert target.grad is None
    mean_loss(method, method.project(views())).backward()  # the projection learns through its prediction
    assert all(weight.grad is not None for weight in method.parameters())


def test_neighbours_get_no_gradient():
    method = build("nnclr")
    method.after_step(Step(1, 9, tuple(some(4)), info(start=100)))
    z1, z2, p1, p2 = some(4)
    mean_loss(method, (z1, z2, p1, p2)).backward()
    assert z1.grad is None
    assert z2.grad is None
    assert all(float(prediction.grad.abs().sum()) > 0 for prediction in (p1, p2))


def test_the_momentum_rises_by_half_a_cosine():
    assert rising(0.99, step=0, total=10) == 0.99
    assert rising(0.996, step=25, total=100) == pytest.approx(1 - 0.004 * (math.cos(math.pi / 4) + 1) / 2)
    assert rising(0.99, step=10, total=10) == 1


@pytest.mark.parametrize("name", SLOW_COPIES)
def test_the_slow_copy_follows_ever_less(name):
    method = build(name, momentum=0.6)
    fast = dict(nn.Sequential(method.encoder, method.head).named_parameters())
    for number, left in ((0, 0.6), (50, 0.8), (100, 1.0)):
        before = {place: weight.clone() for place, weight in method.slow.named_parameters()}
        with torch.no_grad():
            for weight in fast.values():
                weight.add_(1.0)
        method.after_step(Step(number, 100, (), info()))
        for place, weight in method.slow.named_parameters():
            torch.testing.assert_close(weight, left * before[place] + (1 - left) * fast[place])


@pytest.mark.parametrize("name", SLOW_COPIES)
def test_the_slow_copy_keeps_batch_statistics_of_its_own(name):
    method = build(name)
    norm = nn.BatchNorm1d(3).double()
    method.slow = nn.Sequential(nn.Linear(6, 3, dtype=torch.float64), norm)
    method.encoder, method.head = nn.Linear(6, 3, dtype=torch.float64), nn.BatchNorm1d(3).double()
    method.norm = nn.Identity()
    method.slow(views()[0])
    mean = norm.running_mean.clone()
    method.after_step(Step(1, 2, (), info()))
    assert torch.equal(norm.running_mean, mean)
    assert float(mean.abs().sum()) > 0


def test_a_neighbour_is_the_nearest_earlier_embedding_of_another_item():
    method = build("nnclr", queue=9)
    earlier = torch.eye(5, dtype=torch.float64)[:4]
    z = earlier + 0.1
    items = ItemInfo(torch.arange(4))
    assert torch.equal(method.nearest(z, items), z)  # while the support is empty
    method.after_step(Step(1, 9, (earlier, z, z, z), ItemInfo(torch.tensor([0, 1, 2, 9]))))
    result = method.nearest(z + torch.tensor([0, 0.3, 0, 0, 0]), items)
    assert torch.equal(result, earlier[[1, 0, 1, 3]])  # the second item is no neighbour of itself
    alone = build("nnclr", queue=9)
    alone.after_step(Step(1, 9, (earlier[:1],), ItemInfo(torch.tensor([2]))))
    assert torch.equal(alone.nearest(z, items)[2], z[2])
    assert torch.equal(alone.nearest(z, items)[3], earlier[0])


def test_the_support_holds_the_last_embeddings_of_first_views():
    method = build("nnclr", queue=10)
    z, other = torch.arange(12.0).view(12, 1).expand(12, 5).double(), torch.zeros(12, 5).double()
    for start in (0, 6):
        rows = slice(start, start + 6)
        method.after_step(Step(1, 9, (z[rows], other[rows]), ItemInfo(torch.arange(12)[rows])))
    assert sorted(method.support.items.tolist()) == list(range(2, 12))
    assert torch.equal(method.support.vectors[:, 0].sort().values, torch.arange(2.0, 12).double())


def test_the_queue_of_moco_holds_keys_and_no_queries():
    method = build("moco", queue=9)
    queries, keys = (vector.detach() for vector in some(2))
    method.after_step(Step(1, 9, (queries, keys), info(start=3)))
    vectors, items = method.queue.held()
    assert torch.equal(vectors, keys)
    assert torch.equal(items, info(start=3).index)


def test_keys_of_moco_are_encoded_in_other_company_than_queries_and_in_order():
    method, calls = build("moco", groups=3), {"query": [], "key": []}
    method.encoder.register_forward_hook(lambda module, given, out: calls["query"].append(given[0][:, 0].tolist()))
    method.slow[0].register_forward_hook(lambda module, given, out: calls["key"].append(given[0][:, 0].tolist()))
    view = torch.randn(18, 6, dtype=torch.float64)
    view[:, 0] = torch.arange(18)
    queries, keys = method.project((view, view))
    assert [len(each) for each in calls["query"]] == [len(each) for each in calls["key"]] == [6, 6, 6]
    shared = [[len(set(query) & set(key)) for key in calls["key"]] for query in calls["query"]]
    assert shared == [[2, 2, 2]] * 3
    torch.testing.assert_close(queries, method.head(method.encoder(view)))
    torch.testing.assert_close(keys, method.slow(view))
    assert not keys.requires_grad


def test_byol_is_judged_by_its_targets_and_not_by_its_predictions():
    p1, p2, near, k1, k2 = (vector.detach() for vector in some(5))
    table = build("byol").watched((p1, p2, near, k1, k2), info())
    assert torch.equal(table.anchors, torch.cat([k1, k2]))
    assert torch.equal(table.relation.items()[0], info().index.repeat(2))


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("nnclr(queue=32)", r"nnclr\(queue=512\)"),
        ("nnclr(queue=0)", "queue=0"),
        ("byol(momentum=1.5)", "momentum=1.5"),
        ("moco_v3(hidden=0)", "hidden=0"),
    ],
)
def test_impossible_options_are_refused_with_advice(method, said):
    with pytest.raises(PlanError, match=said):
        cp.fit(records().source, method=method, epochs=1, **TINY)


@pytest.mark.parametrize("name", ["byol", "simsiam", "barlow_twins", "vicreg"])
def test_a_method_with_a_loss_of_its_own_has_no_temperature(name):
    with pytest.raises(PlanError, match="has a loss of its own"):
        cp.fit(records().source, method=name, temperature=0.2, epochs=1, **TINY)


@pytest.mark.parametrize("name", NAMES)
def test_equal_vectors_are_called_collapse(name):
    method = build(name)
    vectors = tuple(torch.ones_like(vector) for vector in some(COUNTS[name]))
    (first, *_) = method.outcomes(vectors, info())
    table = method.watched(vectors, info()) if isinstance(first, torch.Tensor) else first
    measured = {"step": 50, "steps": 100, "loss": 1.0, **measure(table, 0.1)}
    assert "collapse" in judge([measured])[0].kind


def test_a_method_without_a_temperature_hears_nothing_of_one():
    assert compared_by(completed(Plan(method="byol"))) == {"objective": "byol"}
    measured = {
        "step": 50,
        "steps": 100,
        "loss": 1.0,
        "accuracy": 0.9,
        "compared": 99.0,
        "effective_rank_z_limit": 64.0,
    }
    flat, narrow = (
        {"entropy": 0.99, "sameness": 0.1, "effective_rank_z": 30.0},
        {"entropy": 0.5, "sameness": 0.1, "effective_rank_z": 3.0},
    )
    for record in (flat, narrow):
        assert not any("temperature" in each.sentence for each in judge([measured | record]))
        assert any("temperature" in each.sentence for each in judge([measured | record | {"temperature": 0.1}]))


@pytest.mark.parametrize("method", ["byol", "nnclr(queue=128)"])
def test_a_stopped_and_resumed_run_has_the_weights_of_one_that_never_stopped(tmp_path, method):
    def break_off(record):
        if record["step"] == 5:
            raise RuntimeError("broken off")

    source = records().source
    whole = cp.fit(source, method=method, epochs=2, **TINY)
    with pytest.raises(RuntimeError, match="broken off"):
        cp.fit(source, out=tmp_path / "run", method=method, save_every=1, epochs=2, listeners=[break_off], **TINY)
    cp.fit(source, out=tmp_path / "run", resume=True)
    assert load(tmp_path / "run").fingerprint() == whole.fingerprint()
