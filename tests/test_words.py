"""Words: skip-gram as slow loops, its optimiser, words that are alike, analogies, files of word2vec."""

import json
import math

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.data.word2vec import read_word2vec, write_word2vec
from counterpoint.embeddings import Embeddings
from counterpoint.encoders.lookup import Lookup
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.interfaces import ItemInfo
from counterpoint.methods.skipgram import ROW, SkipGram
from counterpoint.model import load
from counterpoint.negatives.nearby import nearby
from counterpoint.retrieval.words import answered, questions
from counterpoint.settle import chosen, prepare
from counterpoint.training.adagrad import Adagrad, adagrad
from tests.worlds import CLASSES, remarks

PAD = 0
WORDS, WIDTH = 9, 4


def made(counts=None, **options):
    torch.manual_seed(0)
    counts = torch.full((WORDS,), 50.0) if counts is None else counts
    method = SkipGram(Lookup(counts, pad=PAD, width=WIDTH), torch.nn.Identity(), **options)
    with torch.no_grad():
        method.encoder.vectors.normal_()
        method.around.normal_()
    return method.double()


def texts(*lengths):
    generator = torch.Generator().manual_seed(3)
    view = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in enumerate(lengths):
        view[row, :length] = torch.randint(1, WORDS, (length,), generator=generator)
    return view


def log_sigmoid(number):
    return -math.log1p(math.exp(-number))


def test_the_loss_is_the_formula_in_loops():
    only = torch.zeros(WORDS)
    only[5] = 50.0  # whatever is drawn is this word
    method, view = made(only, window=1, negatives=3, sample=1.0), texts(7, 1, 40)
    losses = method.compare(method.project((view,)), ItemInfo(torch.arange(3)))
    v, u = method.encoder.vectors.tolist(), method.around.tolist()

    def product(word, other):
        return sum(a * b for a, b in zip(v[word], u[other], strict=True))

    lost, pairs = [0.0] * 3, 0
    for row, text in enumerate(view.tolist()):
        said = [word for word in text if word != PAD]
        for place, word in enumerate(said):
            for near in (place - 1, place + 1):
                if 0 <= near < len(said):
                    pairs += 1
                    lost[row] -= log_sigmoid(product(word, said[near])) + 3 * log_sigmoid(-product(word, 5))
    assert pairs == 2 * (6 + 39)
    torch.testing.assert_close(losses, torch.tensor(lost, dtype=torch.float64) * 3 / pairs)


def test_nothing_is_lost_where_no_word_is_left():
    method, view = made(), torch.full((3, 2), PAD)
    assert method.compare(method.project((view,)), ItemInfo(torch.arange(3))).tolist() == [0.0, 0.0, 0.0]


def test_every_text_counts_for_itself_whatever_stands_beside_it():
    method, view = made(window=1, negatives=0, sample=1.0), texts(7, 33, 12, 90)
    (whole,) = method.project((view,))
    parts = torch.cat([method.project((view[:1],))[0], method.project((view[1:],))[0]])
    torch.testing.assert_close(parts, whole)
    gradients = []
    for vectors in (whole, parts):
        method.zero_grad()
        method.compare((vectors,), ItemInfo(torch.arange(4))).mean().backward()
        gradients.append([weight.grad.to_dense() for weight in method.parameters()])
    torch.testing.assert_close(*gradients)


def test_a_window_reaches_as_far_as_it_is_drawn():
    torch.manual_seed(1)
    near = nearby(torch.zeros(400, ROW + 6, dtype=torch.int64), slice(3, 3 + ROW), window=3)
    around = torch.stack([near[:, place : place + 7, place] for place in range(ROW)])
    shares = torch.tensor([1 / 3, 2 / 3, 1, 0, 1, 2 / 3, 1 / 3])
    torch.testing.assert_close(around.float().mean(dim=(0, 1)), shares, atol=0.02, rtol=0)
    assert near.sum() == around.sum()


def test_frequent_words_are_left_out_as_often_as_the_formula_says():
    counts = torch.tensor([0.0, 9000.0, 1000.0, 1.0, 0, 0, 0, 0, 0])
    method = made(counts, sample=0.01)
    view = torch.tensor([1, 2, 3]).repeat(4000)[None]
    torch.manual_seed(0)
    _, words = method._staying(view)
    kept = torch.bincount(words, minlength=4)[1:4] / 4000
    f = 0.9, 0.1
    expected = [math.sqrt(0.01 / each) + 0.01 / each for each in f]
    assert kept.tolist() == pytest.approx([*expected, 1.0], abs=0.03)


def test_others_are_drawn_by_the_three_quarter_power_of_their_counts():
    method = made(torch.tensor([0.0, 0.0, 1.0, 16.0, 81.0, 0, 0, 0, 0]))
    shares = torch.diff(method.drawn, prepend=method.drawn.new_zeros(1)) / method.drawn[-1]
    torch.testing.assert_close(shares[2:5], torch.tensor([1.0, 8.0, 27.0], dtype=torch.float64) / 36)


def test_adagrad_moves_rows_as_its_formula_says_and_leaves_others_alone():
    torch.manual_seed(0)
    table = torch.nn.Parameter(torch.randn(5, 3))
    start = table.detach().clone()
    dense = torch.nn.Parameter(start.clone())
    moves = [Adagrad([{"params": [each], "weight_decay": 0.0}], learning_rate=0.1) for each in (table, dense)]
    seen, expected = [0.0] * 5, start.tolist()
    for rows in ([1, 3, 1], [3, 3, 4]):
        slopes = torch.randn(3, 3)
        table.grad = torch.sparse_coo_tensor(torch.tensor([rows]), slopes, (5, 3), check_invariants=True)
        dense.grad = table.grad.to_dense()
        for row, slope in enumerate(dense.grad.tolist()):
            if row in rows:
                seen[row] += sum(x * x for x in slope) / 3
                expected[row] = [w - 0.1 * x / math.sqrt(seen[row]) for w, x in zip(expected[row], slope, strict=True)]
        for move in moves:
            move.step()
    torch.testing.assert_close(table.detach(), torch.tensor(expected))
    torch.testing.assert_close(dense.detach(), table.detach())
    assert torch.equal(table[[0, 2]], start[[0, 2]])


def test_adagrad_decays_what_it_moves_and_what_is_no_table_too():
    weight, bias = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(3))
    module = torch.nn.ParameterList([weight, bias])
    move = adagrad(module, learning_rate=0.5, weight_decay=2.0)
    weight.grad = torch.zeros(2, 2)
    bias.grad = torch.tensor([0.0, 3.0, -1.0])
    move.step()
    torch.testing.assert_close(weight.detach(), torch.full((2, 2), 0.5))
    torch.testing.assert_close(bias.detach(), torch.tensor([1.0, 0.5, 1.5]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(remarks(1024).source), encoding="utf-8")
    main(["fit", str(corpus), "--method", "skipgram", "--out", str(folder / "run"), "--epochs", "10", "--width", "16"])
    return folder / "run"


def topics():
    """The words of every topic of the remarks."""
    drawn = np.random.default_rng(99).choice(list("abdeghiklmnorstu"), (200, 5))
    return np.array(["".join(word) for word in drawn])[:120].reshape(CLASSES, 30).tolist()


def test_words_of_a_topic_are_alike(run, capsys):
    right = []
    for topic in topics():
        main(["words", str(run), "--like", topic[0], "-k", "5", "--json"])
        found = json.loads(capsys.readouterr().out)
        assert len(found["hits"]) == 5
        assert topic[0] not in [hit["name"] for hit in found["hits"]]
        right += [hit["name"] in topic for hit in found["hits"]]
    assert np.mean(right) > 0.8


def test_a_text_is_the_mean_of_its_words_and_unknown_words_are_not_read(run):
    model = load(run)
    first, second = topics()[0][:2]
    one, other = (model.encoder.vectors[model.modality.tokenizer.words.index(word)] for word in (first, second))
    h = model.represent(model.modality.open([f"{first} {second.upper()} neverheardof", "neverheardof"]))
    torch.testing.assert_close(torch.from_numpy(h[0]), ((one + other) / 2).detach())
    assert not h[1].any()


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".vec"])
def test_vectors_go_out_and_come_in_as_word2vec_writes_them(run, tmp_path, capsys, suffix):
    out = tmp_path / f"vectors{suffix}"
    main(["export", str(run), "--out", str(out)])
    assert "The vectors of" in capsys.readouterr().out
    words, vectors = read_word2vec(out)
    model = load(run)
    assert words == model.modality.tokenizer.words[2:]
    assert np.array_equal(vectors, model.encoder.vectors.detach().numpy()[2:])
    word = topics()[1][0]
    assert cp.words(out, word) == cp.words(run, word)
    if suffix == ".txt":
        head, first = out.read_text(encoding="utf-8").split("\n")[:2]
        assert head == f"{len(words)} 16"
        assert first.split(" ")[0] == words[0]
        assert [float(number) for number in first.split(" ")[1:]] == pytest.approx(vectors[0].tolist())


def test_analogies_are_counted_by_section(tmp_path):
    vectors = np.asarray([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 0], [1, 1, -1]], dtype=np.float32)
    out = tmp_path / "few.txt"
    write_word2vec(["king", "man", "queen", "woman", "cup"], vectors, out)
    asked = tmp_path / "asked.txt"
    asked.write_text(
        ": royal\nman king woman QUEEN\nMan king woman prince\n: other\nking man cup queen\n", encoding="utf-8"
    )
    found = cp.analogies(out, asked)
    assert found["right"]["value"] == 0.5
    assert (found["asked"], found["unknown"], found["chance"]) == (2, 1, 0.5)
    assert [(each["name"], each["right"]) for each in found["sections"]] == [("royal", 1.0), ("other", 0.0)]
    z = Embeddings(vectors, ["king", "man", "queen", "woman", "cup"])
    with pytest.raises(InputError, match="Line 1 should hold four words"):
        questions(["man king woman"], z)
    with pytest.raises(InputError, match="nothing to ask"):
        questions(["a b c d"], z)
    assert answered(z, questions(["man king woman queen"], z)).tolist() == [True]


def test_a_long_line_is_read_in_stretches():
    corpus = " ".join(remarks(128).source)
    _, parts = prepare_words([corpus])
    assert len(parts.items) == 20
    assert parts.items.names[:2] == ["0", "0 (2)"]
    _, parts = prepare_words([" ".join(corpus.split()[:80] * 2)])
    assert len(parts.items) == 8


def prepare_words(source, **choices):
    asked, own = chosen({"method": "skipgram", "epochs": 1, **choices})
    return asked, prepare(source, asked, own, began=0.0)


def test_what_cannot_be_is_refused_with_advice(run, tmp_path, capsys):
    with pytest.raises(PlanError, match="There are 4 words in all, and the window is 5"):
        prepare_words(["a", "a", "a", "a"])
    with pytest.raises(SourceError, match="None of the 3 words occurs 2 times"):
        prepare_words(["only three words"])
    with pytest.raises(PlanError, match="learns a vector for every word of a text"):
        prepare_words(remarks().source, encoder="bag")
    with pytest.raises(PlanError, match="cannot use the optimizer 'adamw'"):
        prepare_words(remarks().source, optimizer="adamw")
    with pytest.raises(PlanError, match="'skipgram' is for text data, not for table"):
        prepare_words(np.random.default_rng(0).normal(size=(50, 4)), encoder="mlp", views="corrupt")
    with pytest.raises(InputError, match="There is no word 'absent' among the"):
        cp.words(run, "absent")
    with pytest.raises(InputError, match="at least one word"):
        cp.words(run, [])
    bag = cp.fit(remarks().source, epochs=1)
    with pytest.raises(InputError, match="has no vectors of words"):
        cp.words(bag, "a")
    with pytest.raises(InputError, match="has no vectors of words"):
        cp.export(bag, tmp_path / "bag.txt")
    for number, wrong in enumerate(["hello", "2 2\na 1 2\n", "1 2\na 1 x\n"]):
        path = tmp_path / f"wrong{number}.txt"
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(SourceError, match="is no file of word vectors"):
            cp.words(path, "a")
    (tmp_path / "cut.bin").write_bytes(b"2 3\na " + bytes(12) + b"\nb 12")
    with pytest.raises(SourceError, match="is no file of word vectors"):
        cp.words(tmp_path / "cut.bin", "a")
    with pytest.raises(SystemExit):
        main(["words", str(run)])
    assert "Give words to be --like, or a file of --analogies" in capsys.readouterr().err
