"""Pairs with scores: the loss as loops, what is refused, and that only the order of scores counts."""

import math

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.errors import InputError, LabelError, PlanError
from counterpoint.interfaces import ItemInfo
from counterpoint.methods.cosent import CoSENT
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training.batches import make_batch
from tests.worlds import scored

SCORES = torch.tensor([3, 1, 3, 0, 2])


def experiment(source, *, labels="score", pairs="one,other", **choices):
    wanted, user_parts = chosen(
        {"method": "cosent", "width": 8, "precision": "fp32", "epochs": 1, "batch_size": 8, **choices},
        labels=labels,
        pairs=pairs,
    )
    return prepare(source, wanted, user_parts, began=0.0)


def losses(vectors, scores, **options):
    method = CoSENT(torch.nn.Identity(), torch.nn.Identity(), **options)
    return method.compare(vectors, ItemInfo(torch.arange(len(scores)), scores=scores))


def vectors():
    torch.manual_seed(0)
    return torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)


def test_the_loss_is_the_formula_in_loops():
    first, second = vectors()

    def cosine(row):
        one, other = first[row].tolist(), second[row].tolist()
        product = sum(a * b for a, b in zip(one, other, strict=True))
        return product / math.hypot(*one) / math.hypot(*other)

    inside = 1.0
    for i in range(5):
        for j in range(5):
            if SCORES[i] > SCORES[j]:
                inside += math.exp((cosine(j) - cosine(i)) / 0.1)
    result = losses((first, second), SCORES, temperature=0.1)
    np.testing.assert_allclose(result.numpy(), np.full(5, math.log(inside)), rtol=1e-12)


def test_only_the_order_of_scores_counts_and_equal_scores_teach_nothing():
    assert torch.equal(losses(vectors(), SCORES), losses(vectors(), SCORES**3 - 7))
    assert losses(vectors(), torch.ones(5, dtype=torch.int64)).tolist() == [0.0] * 5


def test_every_pair_stands_with_its_own_score_where_rows_were_left_out():
    source = scored().source
    source["one"][3] = ""
    parts = experiment(source)
    info, _ = make_batch(parts.items, parts.modality, parts.recipe, step=0, count=2)
    whole = [row for row in range(len(source["one"])) if row != 3]
    assert info.scores.tolist() == [source["score"][whole[row]] for row in info.index]
    texts = [parts.items.info.texts[place] for place in parts.items.info.linked[info.index.numpy(), 0]]
    assert texts == [source["one"][whole[row]] for row in info.index]
    assert experiment(source, labels=source["score"]).identity() == parts.identity()
    assert experiment(source, labels=-source["score"]).identity() != parts.identity()


def test_scores_that_follow_topics_teach_topics(tmp_path):
    world = scored()
    run = tmp_path / "run"
    choices = {"method": "cosent", "epochs": 25, "batch_size": 64, "width": 16, "learning_rate": 1e-2}
    cp.fit(world.source, pairs="one,other", labels="score", out=run, **choices)
    result = cp.evaluate_similarity(run, scored(seed=1).source, pairs=["one", "other"], scores="score")
    assert result["better"]["untrained"]["low"] > 0


def test_a_run_is_judged_by_whether_pairs_of_high_scores_are_more_alike():
    first, second = vectors()
    method = CoSENT(torch.nn.Identity(), torch.nn.Identity())
    table = method.watched((first, second), ItemInfo(torch.arange(5), scores=SCORES))
    tile = table.tile(slice(0, 5))
    assert tile.positive.nonzero().tolist() == [[0, 0], [2, 2], [4, 4]]
    assert tile.negative.nonzero().tolist() == [[1, 1], [3, 3]]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"labels": None}, LabelError, "give pairs=, two columns, and labels=, a column"),
        (
            {"pairs": None, "labels": None, "column": "one"},
            LabelError,
            "pairs of texts and their similarity scores",
        ),
        ({"labels": "scores"}, LabelError, "no column 'scores'. Did you mean 'score'"),
        ({"labels": "one"}, LabelError, "one number in every row, such as 1 and 0. The column 'one' has"),
        ({"labels": [1.0, 2.0]}, LabelError, "There are 2 scores for 512 rows"),
        ({"labels": ["0", "1"] * 256}, LabelError, "one number in every row, such as 1 and 0. This list has others"),
        ({"labels": np.ones(512)}, LabelError, "All scores are 1, so no pair is more similar"),
        ({"pairs": "one,other,one"}, PlanError, "'cosent' has no use for hard negatives"),
        ({"method": "simcse"}, PlanError, "'simcse' does not learn from. Leave out labels=, or use cosent"),
        ({"temperature": 0.0}, PlanError, "at least 0.001"),
        ({"objective": "margin"}, PlanError, "a loss of its own and cannot use the objective 'margin'"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(given, error, message):
    wanted = {"method": "cosent", "pairs": "one,other", "labels": "score", "epochs": 1, "width": 8, **given}
    with pytest.raises(error, match=message):
        cp.fit(scored().source, modality="text", **wanted)


def test_a_loop_without_scores_is_told_so():
    with pytest.raises(InputError, match="Give pairs and their scores"):
        CoSENT(torch.nn.Identity(), torch.nn.Identity()).compare(vectors(), ItemInfo(torch.arange(5)))
