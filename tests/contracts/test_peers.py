"""Where other libraries define the same loss, ours has its value and gradient. They are in the group ``bench``.

None of them defines sup_con_in, debiased, hard or spectral; sentence-transformers' OnlineContrastiveLoss chooses among
the pairs of a whole batch, which no loss of an anchor can.
"""

from functools import partial

import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.comparison import Comparison, Tile, cosine, dot, euclidean, same_item
from counterpoint.comparison.loss import loss_of
from counterpoint.interfaces import ItemInfo
from counterpoint.methods.dino import DINO
from counterpoint.methods.swav import SwAV
from counterpoint.objectives.align_uniform import align_uniform
from counterpoint.objectives.info_nce import info_nce
from counterpoint.objectives.margin import margin
from counterpoint.objectives.n_pair import n_pair
from counterpoint.objectives.sigmoid import sigmoid
from counterpoint.setup.capabilities import asks_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # other libraries warn of their own futures
]


CLASSES = (torch.arange(40) % 5).repeat(2)
"""Labels of both views, in most tests below: 15 positives and 64 negatives for each of 80 anchors."""


def both(ours, theirs, count=40, width=16, dtype=torch.float32):
    """Loss and gradient of two functions of two views."""
    result = []
    for loss in (ours, theirs):
        generator = torch.Generator().manual_seed(0)
        views = torch.randn(2, count, width, dtype=dtype, generator=generator).requires_grad_()
        value = loss(views[0], views[1])
        value.backward()
        result.append((value.detach(), views.grad))
    return result


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_lightly(temperature):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    ours = partial(cp.contrastive_loss, temperature=temperature)
    torch.testing.assert_close(*both(ours, losses.NTXentLoss(temperature=temperature)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_lightly_with_a_memory_bank(temperature):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    from counterpoint.negatives.key_queue import QueueRelation

    theirs = losses.NTXentLoss(temperature=temperature, memory_bank_size=(64, 16))
    bank = torch.nn.functional.normalize(torch.randn(64, 16), dim=1)

    def with_bank(first, second):
        theirs.memory_bank.bank = bank.clone()
        return theirs(first, second)

    def ours(first, second):
        relation = QueueRelation(torch.arange(40), torch.arange(40), torch.arange(40), torch.full((64,), -1))
        comparison = Comparison(first, torch.cat([second, bank]), relation, cosine)
        return loss_of(comparison, partial(info_nce, temperature=temperature)) / 40

    torch.testing.assert_close(*both(ours, with_bank), rtol=1e-4, atol=1e-6)


def of(name, place=lambda first, second: (first, second)):
    """The loss of a method as a function of two sets of vectors, which ``place`` puts where the method expects them."""
    make = catalogue.find("method", name)
    given = {"objective": partial(info_nce, temperature=0.2)} if asks_for(make, "objective") else {}
    method = make(nn.Identity(), nn.Linear(16, 16), **given)

    def loss(first, second):
        parts = method.outcomes(place(first, second), ItemInfo(torch.arange(40)))
        return sum(
            each.mean() if isinstance(each, torch.Tensor) else loss_of(each, method.objective) / 40 for each in parts
        )

    return loss


@pytest.mark.parametrize(("name", "theirs"), [("barlow_twins", "BarlowTwinsLoss"), ("vicreg", "VICRegLoss")])
def test_the_batch_losses_of_lightly(name, theirs):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    torch.testing.assert_close(*both(of(name), getattr(losses, theirs)()), rtol=1e-5, atol=1e-5)


def test_the_negative_cosine_of_lightly():
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    theirs = losses.NegativeCosineSimilarity()
    targets = torch.randn(2, 40, 16, generator=torch.Generator().manual_seed(1))

    def crossed(first, second):
        return (theirs(first, targets[1]) + theirs(second, targets[0])) / 2

    def placed(first, second):
        return first, second, *targets

    torch.testing.assert_close(*both(of("simsiam", placed), crossed), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*both(of("byol", placed), lambda *views: 4 + 4 * crossed(*views)), rtol=1e-5, atol=1e-5)


def test_lightly_with_the_other_keys_of_the_batch_as_memory_bank():
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    theirs = losses.NTXentLoss(temperature=0.2, memory_bank_size=(39, 16))
    still = torch.randn(2, 40, 16, generator=torch.Generator().manual_seed(1))

    def one_way(anchors, candidates):
        loss = 0.0
        for row in range(40):
            others = torch.cat([candidates[:row], candidates[row + 1 :]])
            theirs.memory_bank.bank = torch.nn.functional.normalize(others, dim=1)
            loss = loss + theirs(anchors[row : row + 1], candidates[row : row + 1]) / 40
        return loss

    queries = both(
        of("moco_v3", lambda first, second: (first, second, *still)),
        lambda first, second: one_way(first, still[1]) + one_way(second, still[0]),
    )
    torch.testing.assert_close(*queries, rtol=1e-5, atol=1e-5)
    neighbours = both(
        of("nnclr", lambda first, second: (*still, first, second)),
        lambda first, second: one_way(still[0], second) + one_way(still[1], first),
    )
    torch.testing.assert_close(*(value for value, _ in neighbours), rtol=1e-5, atol=1e-5)  # a bank has no gradient


@pytest.mark.parametrize("classes", [None, 5])
def test_pytorch_metric_learning(classes):
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is in group bench")
    labels = torch.arange(40) if classes is None else torch.arange(40) % classes
    theirs = losses.NTXentLoss(temperature=0.2)

    def loss(first, second):
        return theirs(torch.cat([first, second]), labels.repeat(2))

    ours = partial(cp.contrastive_loss, temperature=0.2, labels=None if classes is None else labels)
    torch.testing.assert_close(*both(ours, loss), rtol=1e-4, atol=1e-6)


def test_supervised_contrast_of_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is in group bench")
    labels = torch.arange(40) % 5
    theirs = losses.SupConLoss(temperature=0.2)

    def loss(first, second):
        return theirs(torch.cat([first, second]), labels.repeat(2))

    ours = partial(cp.contrastive_loss, temperature=0.2, labels=labels, objective="sup_con")
    torch.testing.assert_close(*both(ours, loss), rtol=1e-4, atol=1e-6)


def test_the_ranking_loss_of_sentence_transformers():
    """Its in-batch loss: cross entropy of 20 times the cosines of anchors and all positives; written out here."""

    def theirs(first, second):
        unit = torch.nn.functional.normalize
        return torch.nn.functional.cross_entropy(20 * unit(first, dim=1) @ unit(second, dim=1).T, torch.arange(40))

    def ours(first, second):
        comparison = Comparison(first, second, same_item(torch.arange(40), torch.arange(40)), cosine)
        return loss_of(comparison, partial(info_nce, temperature=1 / 20)) / 40

    torch.testing.assert_close(*both(ours, theirs), rtol=1e-4, atol=1e-6)


def agree(ours, theirs, **sizes):
    torch.testing.assert_close(*both(ours, theirs, dtype=torch.float64, **sizes), rtol=1e-5, atol=1e-7)


def among(name, similarity, labels, **options):
    """Our mean loss of two views compared among themselves."""

    def loss(first, second):
        z = torch.cat([first, second])
        objective = partial(catalogue.find("objective", name), **options)
        return loss_of(Comparison(z, z, same_item(labels), similarity), objective) / len(z)

    return loss


def labelled(theirs, labels):
    """A loss of vectors and labels as one of two views."""
    return lambda first, second: theirs(torch.cat([first, second]), labels)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_decoupled_of_lightly(temperature):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    theirs = losses.DCLLoss(temperature=temperature)
    agree(partial(cp.contrastive_loss, objective="decoupled", temperature=temperature), theirs)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_alignment_and_uniformity_of_lightly(alpha):
    """Its logarithm is of the mean over all pairs of a view: the mean over anchors of what ours is the logarithm of."""
    losses = pytest.importorskip("lightly.loss.hypersphere_loss", reason="lightly is in the group bench")
    theirs = losses.HypersphereLoss(t=2.0, lam=0.7, alpha=alpha)

    def ours(first, second):
        one, two = (torch.nn.functional.normalize(view, dim=1) for view in (first, second))
        alike = torch.cat([torch.cat([one @ two.T, one @ one.T], dim=1), torch.cat([two @ one.T, two @ two.T], dim=1)])
        same = torch.eye(40, dtype=torch.bool).repeat(2, 1)
        never = torch.zeros_like(same)
        tile = Tile(alike, torch.cat([same, never], dim=1), torch.cat([never, ~same], dim=1))
        close = align_uniform(tile, alpha=alpha, weight=0.0)
        spread = align_uniform(tile, alpha=alpha, weight=1.0) - close
        return close.mean() + 0.7 * (spread.view(2, 40).logsumexp(dim=1) - torch.tensor(40.0).double().log()).mean()

    agree(ours, theirs)


METRICS = {
    "cosine": (cosine, lambda distances: distances.CosineSimilarity()),
    "dot": (dot, lambda distances: distances.DotProductSimilarity(normalize_embeddings=False)),
    "euclidean": (euclidean, lambda distances: distances.LpDistance(normalize_embeddings=False, power=2)),
}
"""The same similarity here and in pytorch-metric-learning."""


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("classes", [None, 5])
def test_triplets_of_pytorch_metric_learning(metric, classes):
    """Its default is the mean over violating triplets; ours is the mean over all."""
    pytest.importorskip("pytorch_metric_learning", reason="pytorch-metric-learning is in group bench")
    from pytorch_metric_learning import distances, losses, reducers

    similarity, distance = METRICS[metric]
    labels = torch.arange(40).repeat(2) if classes is None else CLASSES
    theirs = losses.TripletMarginLoss(0.2, distance=distance(distances), reducer=reducers.MeanReducer())
    agree(among("triplet", similarity, labels, margin=0.2), labelled(theirs, labels))


@pytest.mark.parametrize("metric", METRICS)
def test_hard_triplets_of_pytorch_metric_learning(metric):
    pytest.importorskip("pytorch_metric_learning", reason="pytorch-metric-learning is in group bench")
    from pytorch_metric_learning import distances, losses, miners, reducers

    similarity, distance = METRICS[metric]
    miner = miners.BatchHardMiner(distance=distance(distances))
    mean = losses.TripletMarginLoss(0.2, distance=distance(distances), reducer=reducers.MeanReducer())
    theirs = labelled(lambda z, labels: mean(z, labels, miner(z, labels)), CLASSES)
    agree(among("triplet_hard", similarity, CLASSES, margin=0.2), theirs)


@pytest.mark.parametrize("metric", METRICS)
def test_semi_hard_triplets_of_pytorch_metric_learning(metric):
    """It leaves anchors out that have no negative beyond their positive, so there are none here."""
    pytest.importorskip("pytorch_metric_learning", reason="pytorch-metric-learning is in group bench")
    from pytorch_metric_learning import distances, losses, miners, reducers

    similarity, distance = METRICS[metric]
    hard, semi_hard = miners.BatchEasyHardMiner.HARD, miners.BatchEasyHardMiner.SEMIHARD
    miner = miners.BatchEasyHardMiner(hard, semi_hard, distance=distance(distances))
    mean = losses.TripletMarginLoss(0.2, distance=distance(distances), reducer=reducers.MeanReducer())
    labels = torch.arange(40).repeat(2)

    def near(loss):
        return lambda first, second: loss(first, first + 0.2 * second)

    def mined(z, labels):
        result = miner(z, labels)
        assert len(result[0]) == 80
        return mean(z, labels, result)

    agree(near(among("triplet_semi_hard", similarity, labels, margin=0.2)), near(labelled(mined, labels)))


def test_margins_of_pytorch_metric_learning():
    """Its terms are D and max(margin - D, 0); the paper's and ours are their squares."""
    pytest.importorskip("pytorch_metric_learning", reason="pytorch-metric-learning is in group bench")
    from pytorch_metric_learning import distances, losses, reducers

    linear = losses.ContrastiveLoss(
        0.0, 6.0, distance=distances.LpDistance(normalize_embeddings=False), reducer=reducers.DoNothingReducer()
    )

    def squared(z, labels):
        terms = linear(z, labels)
        return sum(terms[each]["losses"].square().sum() for each in ("pos_loss", "neg_loss")) / (80 * 79)

    agree(among("margin", euclidean, CLASSES, margin=6.0), labelled(squared, CLASSES))


def test_pairs_of_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is in group bench")
    from pytorch_metric_learning import distances

    unscaled = distances.DotProductSimilarity(normalize_embeddings=False)
    labels = torch.arange(40).repeat(2)

    def ours(first, second):
        return loss_of(Comparison(first, second, same_item(torch.arange(40), torch.arange(40)), dot), n_pair) / 40

    agree(ours, labelled(losses.NPairsLoss(distance=unscaled), labels))
    agree(among("n_pair", dot, labels), labelled(losses.NTXentLoss(temperature=1.0, distance=unscaled), labels))


def of_sentences(name, **choices):
    """One of sentence-transformers' losses of vectors, without a model."""
    losses = pytest.importorskip("sentence_transformers.losses", reason="sentence-transformers is in group bench")
    return getattr(losses, name)(None, **choices)


def squares(z):
    """Squared distances, as one of sentence-transformers' metrics."""
    losses = pytest.importorskip("sentence_transformers.losses", reason="sentence-transformers is in group bench")
    return losses.BatchHardTripletLossDistanceFunction.euclidean_distance(z, squared=True)


def turned(z):
    """Cosines taken from 1, as another."""
    losses = pytest.importorskip("sentence_transformers.losses", reason="sentence-transformers is in group bench")
    return losses.BatchHardTripletLossDistanceFunction.cosine_distance(z)


@pytest.mark.parametrize(("similarity", "metric"), [(cosine, turned), (euclidean, squares)])
@pytest.mark.parametrize(
    ("name", "theirs"), [("triplet_hard", "BatchHardTripletLoss"), ("triplet_semi_hard", "BatchSemiHardTripletLoss")]
)
def test_triplets_of_sentence_transformers(name, theirs, similarity, metric):
    loss = of_sentences(theirs, distance_metric=metric, margin=0.2)
    ours = among(name, similarity, CLASSES, margin=0.2)
    agree(ours, labelled(lambda z, labels: loss.compute_loss_from_embeddings([z], labels), CLASSES))


@pytest.mark.parametrize(("similarity", "metric"), [(cosine, turned), (euclidean, squares)])
def test_all_triplets_of_sentence_transformers(similarity, metric):
    """It divides by the number of violating triplets, ours by that of all; the share of these is counted here."""
    loss = of_sentences("BatchAllTripletLoss", distance_metric=metric, margin=0.2)
    user_parts = (CLASSES[:, None] == CLASSES) & ~torch.eye(80, dtype=torch.bool)
    others = CLASSES[:, None] != CLASSES

    def of_all(z, labels):
        away = metric(z.detach())
        violating = (away[:, :, None] - away[:, None, :] + 0.2 > 0)[user_parts[:, :, None] & others[:, None, :]]
        assert 0.1 < violating.double().mean() < 0.9
        return loss.compute_loss_from_embeddings([z], labels) * violating.double().mean()

    agree(among("triplet", similarity, CLASSES, margin=0.2), labelled(of_all, CLASSES))


def test_pairs_of_sentence_transformers():
    """Half the loss of each of 40 labelled pairs. It adds 1e-6 to differences, which large ones do not feel."""
    losses = pytest.importorskip("sentence_transformers.losses", reason="sentence-transformers is in group bench")
    loss = of_sentences("ContrastiveLoss", distance_metric=losses.SiameseDistanceMetric.EUCLIDEAN, margin=6.0)
    alike = torch.arange(40) % 2

    def ours(first, second):
        s = -(first - second).square().sum(dim=1, keepdim=True)
        return margin(Tile(s, alike[:, None] == 1, alike[:, None] == 0), margin=6.0).mean() / 2

    agree(ours, lambda first, second: loss.compute_loss_from_embeddings([first, second], alike))


def test_the_sigmoid_of_transformers():
    """Its SigLIP with two towers that return what they are given; each caption is an anchor among all pictures."""
    transformers = pytest.importorskip("transformers", reason="transformers comes with sentence-transformers")
    from types import SimpleNamespace

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    size = {"vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    model = transformers.SiglipModel(transformers.SiglipConfig(text_config=small | size, vision_config=small))
    model.logit_scale.data.fill_(1.5)
    model.logit_bias.data.fill_(-3.0)

    class Given(torch.nn.Module):
        def forward(self, input_ids=None, pixel_values=None, **_):
            return SimpleNamespace(pooler_output=pixel_values if input_ids is None else input_ids)

    model.text_model, model.vision_model = Given(), Given()

    def theirs(captions, pictures):
        return model(input_ids=captions, pixel_values=pictures, return_loss=True).loss

    def ours(captions, pictures):
        comparison = Comparison(captions, pictures, same_item(torch.arange(40), torch.arange(40)), cosine)
        temperature = torch.tensor(-1.5, dtype=torch.float64).exp()
        return loss_of(comparison, partial(sigmoid, temperature=temperature, bias=-3.0)) / 40

    agree(ours, theirs)


@pytest.mark.parametrize("local", [0, 3])
def test_the_swapped_prediction_of_lightly(local):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    method = SwAV(nn.Identity(), nn.Linear(16, 16), temperature=0.2, epsilon=0.05, prototypes=12)
    theirs = losses.SwaVLoss(temperature=0.2, sinkhorn_iterations=3, sinkhorn_epsilon=0.05)
    near = tuple(torch.randn(local, 40, 16, generator=torch.Generator().manual_seed(3)))

    def of_scores(first, second):
        scores = [method.prototypes(z) for z in (first, second, *near)]
        return theirs(scores[:2], scores[2:]).sum()

    def ours(first, second):
        return method.compare((first, second, *near), ItemInfo(torch.arange(40))).mean()

    torch.testing.assert_close(*both(ours, of_scores), rtol=1e-5, atol=1e-5)


def test_the_student_and_teacher_of_lightly():
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    method = DINO(nn.Identity(), nn.Linear(16, 16), temperature=0.2, sharper=0.04, prototypes=12)
    theirs = losses.DINOLoss(output_dim=12, teacher_temp=0.04, warmup_teacher_temp=0.04, student_temp=0.2)
    keys = tuple(torch.randn(2, 40, 16, generator=torch.Generator().manual_seed(3)))

    def of_scores(first, second):
        teacher = [method.slow[2](k) for k in keys]
        return theirs(teacher, [method.prototypes(z) for z in (first, second)], epoch=1)

    def ours(first, second):
        return method.compare((first, second, *keys), ItemInfo(torch.arange(40))).mean()

    torch.testing.assert_close(*both(ours, of_scores), rtol=1e-5, atol=1e-5)
