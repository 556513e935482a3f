"""Texts that belong together: columns of pairs, hard negatives, and what says nearly the same is never told apart."""

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.comparison import Comparison, cosine, same_item
from counterpoint.comparison.loss import loss_of
from counterpoint.data.duplicate_texts import near_duplicates
from counterpoint.data.text_pairs import read_linked
from counterpoint.data.token_items import Ragged
from counterpoint.data.tokens import Tokenizer, learned
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.negatives.key_queue import QueueRelation
from counterpoint.negatives.paired_rows import Facing
from counterpoint.negatives.queue import QueueNegatives
from counterpoint.negatives.shared_texts import DuplicateRelation, WithoutDuplicates, without_duplicates
from counterpoint.objectives.info_nce import info_nce
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training.batches import make_batch

WORDS = np.random.default_rng(5).permutation([f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"])


def asked(count=120, seed=0):
    """Questions of six words of a language and their answers of the six that stand for these in another; others."""
    random = np.random.default_rng(seed)
    one, other = WORDS[:70], WORDS[70:140]
    places = np.array([random.choice(70, 6, replace=False) for _ in range(count)])
    answers = [" ".join(other[row]) for row in places]
    return {
        "question": np.array([" ".join(one[row]) for row in places], dtype=object),
        "answer": np.array(answers, dtype=object),
        "wrong": np.array([*answers[1:], answers[0]], dtype=object),
    }


def experiment(source, *, pairs="question,answer", **choices):
    wanted, user_parts = chosen(
        {"modality": "text", "precision": "fp32", "width": 32, "head_hidden": 32, "head_outputs": 16, **choices},
        pairs=pairs,
    )
    return prepare(source, wanted, user_parts, began=0.0)


def test_each_row_shows_its_own_texts_and_equal_texts_are_one_item():
    columns = {"question": ["who is it", "where is it", "", "who is it"], "answer": ["me", "here", "gone", "you"]}
    read, linked = read_linked({name: np.array(cells, dtype=object) for name, cells in columns.items()}, list(columns))
    assert [[read.texts[place] for place in row] for row in linked] == [
        ["who is it", "me"],
        ["where is it", "here"],
        ["who is it", "you"],
    ]
    assert read.skipped == [("row 2", "a text is missing")]


def test_in_dialogues_a_turn_answers_the_three_before_it(tmp_path):
    (tmp_path / "talks.jsonl").write_text(
        '{"id": 1, "turns": [["U", "one"], ["S", "two"], ["U", "three"], ["S", "four"], ["U", "five"]]}\n'
        '{"id": 2, "turns": [["U", "six"], ["S", ""], ["U", "seven"]]}\n'
    )
    read, linked = read_linked(tmp_path / "talks.jsonl", ["turns"])
    assert [[read.texts[place] for place in row] for row in linked] == [
        ["one", "two"],
        ["one two", "three"],
        ["one two three", "four"],
        ["two three four", "five"],
        ["six", "seven"],
    ]
    assert read_linked({"turns": [["a", "b"], ["c", "d"]]}, ["turns"])[1].tolist() == [[0, 1], [2, 3]]


def test_the_second_view_is_of_the_partner_and_others_come_last():
    parts = experiment(asked(), method="simcse", pairs="question,answer,wrong", batch_size=16, epochs=1)
    info, views = make_batch(parts.items, parts.modality, parts.recipe, step=0, count=2)
    assert len(views) == 3
    assert len({view.shape for view in views}) == 1
    for column, view in zip(parts.items.info.linked.T, views, strict=True):
        user_parts = parts.items.take(column[info.index.numpy()])
        assert torch.equal(view[:, : user_parts.shape[1]], user_parts)


def test_simcse_compares_anchors_with_partners_and_others_only():
    parts = experiment(asked(), method="simcse", pairs="question,answer,wrong", batch_size=16, epochs=1)
    index = torch.tensor([3, 4, 60])  # the wrong answer of 3 is the answer of 4
    vectors = tuple(torch.randn(3, 16) for _ in range(3))
    (comparison,) = parts.method.outcomes(vectors, ItemInfo(index))
    tile = comparison.tile(slice(0, 3))
    assert tile.positive.int().tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]
    assert tile.negative.int().tolist() == [[0, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 1], [1, 1, 0, 1, 1, 1]]


def test_pairs_with_a_text_in_common_are_not_told_apart():
    columns = {"question": ["who is it", "where is it", "who is it"], "answer": ["me or you", "over here", "you"]}
    source = {name: np.array([*cells, *asked(20)[name]], dtype=object) for name, cells in columns.items()}
    parts = experiment(source, method="clip", batch_size=8, epochs=1)
    vectors = torch.randn(3, 16), torch.randn(3, 16)
    for comparison in parts.method.outcomes(vectors, ItemInfo(torch.arange(3))):
        assert comparison.tile(slice(0, 3)).negative.int().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("queued", [False, True])
def test_the_way_past_the_table_agrees_with_the_table(queued):
    torch.manual_seed(0)
    duplicate_ids = torch.randint(0, 12, (20, 2))
    index = torch.randperm(20)[:8]
    anchors, candidates = torch.randn(8, 5, requires_grad=True), torch.randn(16, 5)
    if queued:
        relation = QueueRelation(torch.arange(8), index, index, torch.randint(-1, 20, (8,)))
    else:
        relation = same_item(index, torch.cat([index, torch.randint(-1, 20, (8,))]))
    comparison = without_duplicates(Comparison(anchors, candidates, relation, cosine), duplicate_ids)
    assert isinstance(comparison.relation, DuplicateRelation)
    assert comparison.relation.sparse() is not None
    fast, slow = loss_of(comparison, info_nce), loss_of(comparison, info_nce, height=3)
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(*(torch.autograd.grad(loss, anchors)[0] for loss in (fast, slow)))


def test_what_nobody_knows_on_both_sides_is_shared_with_nobody():
    user_parts = torch.tensor([[5, -1], [-1, -1], [7, -2]])
    other = torch.tensor([[-1, -1], [5, 6], [-2, 7], [-1, 5]])
    relation = DuplicateRelation(same_item(torch.arange(3), torch.arange(10, 14)), user_parts, other)
    _, negative = relation.masks(slice(0, 3))
    assert negative.int().tolist() == [[1, 0, 1, 0], [1, 1, 1, 1], [1, 1, 0, 1]]
    sparse = relation.sparse()
    assert sorted(torch.stack(sparse.left_out, dim=1).tolist()) == [[0, 1], [0, 3], [2, 2]]
    z, duplicate_ids = torch.randn(4, 5), torch.tensor([[3, -1], [4, -1], [3, -1]])
    queued = QueueRelation(torch.arange(2), torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([-1, 2]))
    result = without_duplicates(Comparison(z[:2], z, queued, cosine), duplicate_ids).relation
    assert result.masks(slice(0, 2))[1].int().tolist() == [[0, 0, 1, 0], [0, 0, 1, 1]]
    pairs = Facing(torch.tensor([False, True, False]), torch.arange(3))  # of which nobody knows the items
    result = without_duplicates(Comparison(z[:3], z[1:], pairs, cosine), duplicate_ids).relation
    assert result.masks(slice(0, 3))[1].int().tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_texts_without_tokens_are_alike_and_hide_nobody_elses_likeness():
    nothing, yes, words = [], [7], [3, 4, 5]
    for size, texts, expected in (
        (10, [words, nothing, yes, yes, nothing], [0, 1, 2, 2, 1]),
        (10, [nothing, words, yes, nothing, words, yes], [0, 1, 2, 0, 1, 2]),
        (1, [nothing, [0], [0]], [0, 1, 1]),
        (1, [nothing, nothing], [0, 0]),
    ):
        starts = np.cumsum([0, *map(len, texts)])
        rows = Ragged(np.array([token for text in texts for token in text], dtype=np.int32), starts)
        assert near_duplicates(rows, size=size).tolist() == expected


def test_chosen_negatives_that_remember_do_so_behind_what_is_kept_apart():
    apart = WithoutDuplicates(torch.arange(12)[:, None], QueueNegatives(5, length=9))
    z = torch.randn(6, 5)
    apart.after_step(Step(1, 2, (z, 2 * z), ItemInfo(torch.arange(6))))
    assert torch.equal(apart.then.queue.held()[0], 2 * z)
    comparison = apart(Comparison(z, z, same_item(torch.arange(6))), ItemInfo(torch.arange(6)))
    assert len(comparison.candidates) == 12
    apart.fits(9, 9)
    with pytest.raises(PlanError, match="cannot hold a batch of 10"):
        apart.fits(10, 10)


def test_what_says_nearly_the_same_is_found_and_nothing_else():
    texts = [
        "How do I reset the password of my account, please?",
        "how do i reset the password of my account please",
        "How do I reset the pin of my new card?",
        "Please, how do I reset the password of my account!",
        "yes",
        "no",
    ]
    tokenizer = Tokenizer(learned(texts * 2, size=500))
    numbers = near_duplicates(tokenizer.numbers(texts).only(tokenizer.says()), size=len(tokenizer)).tolist()
    assert numbers[0] == numbers[1] == numbers[3]
    assert len(set(numbers)) == 4


def test_texts_that_say_nearly_the_same_are_no_negatives_without_pairs():
    texts = [*asked(40)["question"], "the very same words again", "The very same words, again!"]
    wanted, user_parts = chosen({"method": "simclr", "width": 8, "batch_size": 8, "precision": "fp32"})
    parts = prepare(texts, wanted, user_parts, began=0.0)
    vectors = torch.randn(3, 128), torch.randn(3, 128)
    (comparison,) = parts.method.outcomes(vectors, ItemInfo(torch.tensor([0, 40, 41])))
    assert comparison.tile(slice(1, 2)).negative.int().tolist() == [[1, 0, 0, 1, 0, 0]]


@pytest.mark.parametrize("method", ["simcse", "clip", "simclr"])
def test_answers_are_found_that_share_no_word_with_their_question(method):
    source = asked(300)
    parts = experiment(source, method=method, batch_size=50, epochs=25, learning_rate=1e-2, views="dropout")
    from counterpoint.model import Model
    from counterpoint.training.loop import RunOptions, train

    model = Model(
        parts.method.encoder, parts.modality, parts.built, parts.method.head if len(parts.method.head) else None
    )
    new = asked(100, seed=1)

    def result(model):
        z = [torch.from_numpy(model.represent(parts.modality.open(list(new[name])))) for name in ("question", "answer")]
        q, a = (
            torch.nn.functional.normalize(each if model.head is None else model.head.eval()(each), dim=1) for each in z
        )
        return float(((q @ a.T).argmax(dim=1) == torch.arange(100)).float().mean())

    before = result(model.untrained())
    train(parts.method, parts.items, parts.modality, parts.recipe, RunOptions())
    assert result(model) > before + 0.1


def test_short_vectors_are_compared_by_themselves():
    parts = experiment(asked(60), method="clip", matryoshka="4,8", batch_size=16, epochs=1)
    vectors = torch.randn(3, 32), torch.randn(3, 32)
    result = parts.method.outcomes(vectors, ItemInfo(torch.tensor([1, 2, 3])))
    assert [part.anchors.shape[1] for part in result] == [32, 32, 4, 4, 8, 8]
    for short, whole in zip(result[2:4], result[:2], strict=True):
        similar = torch.nn.functional.cosine_similarity(
            whole.anchors[:, None, :4], whole.candidates[None, :, :4], dim=2
        )
        torch.testing.assert_close(short.tile(slice(0, 3)).similarity, similar)
        assert torch.equal(short.tile(slice(0, 3)).negative, whole.tile(slice(0, 3)).negative)


def test_short_vectors_serve_better_where_they_were_trained_for_it():
    source, new = asked(300), asked(100, seed=1)
    choices = {"modality": "text", "method": "clip", "width": 32, "epochs": 25, "batch_size": 50, "precision": "fp32"}

    def result(model):
        q, a = (cp.embed(model, list(new[name]), length=4).vectors for name in ("question", "answer"))
        assert q.shape == (100, 4)
        return float(((q @ a.T).argsort(axis=1)[:, -10:] == np.arange(100)[:, None]).any(axis=1).mean())

    plain, nested = (
        cp.fit(source, pairs="question,answer", learning_rate=1e-2, matryoshka=lengths, **choices)
        for lengths in (None, "4")
    )
    assert result(nested) > result(plain) + 0.05


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"matryoshka": "64"}, "from 2 to below the 32 numbers of a vector"),
        ({"matryoshka": "4,x"}, "Got '4,x'"),
        ({"matryoshka": "4", "head_layers": 1}, "Use head_layers=0"),
        ({"matryoshka": "4", "method": "vicreg"}, "cannot use the matryoshka '4'"),
    ],
)
def test_lengths_that_cannot_be_are_refused(choices, message):
    with pytest.raises(PlanError, match=message):
        experiment(asked(60), **{"method": "clip", "batch_size": 16, **choices})


def test_a_model_of_pairs_opens_either_column(tmp_path):
    source = asked(40)
    model = cp.fit(source, pairs="question,answer", modality="text", epochs=1, batch_size=8, width=8)
    questions, answers = (model.embed({name: source[name]}) for name in ("question", "answer"))
    np.testing.assert_array_equal(model.embed(source).vectors, questions.vectors)
    assert len(answers) == 40


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"method": "clip", "pairs": "question,answer,wrong"}, PlanError, "'clip' has no use for hard negatives"),
        ({"method": "sup_con"}, PlanError, "'sup_con' learns from labels, and columns of pairs have none"),
        ({"method": "siamese"}, PlanError, "'siamese' learns from labels"),
        ({"pairs": "question,answers"}, SourceError, "no column 'answers'. Did you mean 'answer'"),
        ({"pairs": "question"}, SourceError, "Pairs are two columns or more, such as question,answer, or one of dial"),
        ({"negatives": "other_labels"}, PlanError, "'other_labels' learns from labels"),
    ],
)
def test_pairs_that_cannot_be_learned_from_are_refused(choices, error, message):
    with pytest.raises(error, match=message):
        experiment(asked(), **{"method": "simcse", **choices})


def test_pairs_of_unequal_length_and_pairs_without_columns_are_refused():
    with pytest.raises(SourceError, match="unequal length"):
        experiment({"question": ["a b", "c d"], "answer": ["e f"]})
    with pytest.raises(SourceError, match="Pairs stand in columns with names"):
        experiment(["a b", "c d"])
    with pytest.raises(InputError, match="not both"):
        cp.fit(asked(), pairs="question,answer", column="question", modality="text")
