"""Words: skip-gram as slow loops, its optimiser, words that are alike, analogies, files of word2vec."""

import gzip
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
from counterpoint.retrieval.analogies import answered, questions
from counterpoint.setup.experiment import chosen, prepare
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
        result = json.loads(capsys.readouterr().out)
        assert len(result["hits"]) == 5
        assert topic[0] not in [hit["name"] for hit in result["hits"]]
        right += [hit["name"] in topic for hit in result["hits"]]
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
    result = cp.analogies(out, asked)
    assert result["right"]["value"] == 0.5
    assert (result["asked"], result["unknown"], result["chance"]) == (2, 1, 0.5)
    assert [(each["name"], each["right"]) for each in result["sections"]] == [("royal", 1.0), ("other", 0.0)]
    z = Embeddings(vectors, ["king", "man", "queen", "woman", "cup"])
    with pytest.raises(InputError, match="Line 1 should hold four words"):
        questions(["man king woman"], z)
    with pytest.raises(InputError, match="has a word that the model does not know"):
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
    asked, user_parts = chosen({"method": "skipgram", "epochs": 1, **choices})
    return asked, prepare(source, asked, user_parts, began=0.0)


def test_what_cannot_be_is_refused_with_advice(run, tmp_path, capsys):
    with pytest.raises(PlanError, match="The text has 4 words in all, and the window is 5"):
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


CITIES = ["Paris", "paris", "Rome", "france", "Italy"]
CASED = np.asarray([[1, 0, 1], [0, 0, -1], [1, 1, 0], [0, 0.1, 1], [0, 1, 0]], dtype=np.float32)


def test_words_are_looked_up_as_they_are_written_and_else_in_lower_case(tmp_path, capsys):
    out = tmp_path / "cased.txt"
    write_word2vec(CITIES, CASED, out)
    assert cp.words(out, "Paris", k=1) != cp.words(out, "paris", k=1)
    assert cp.words(out, "FRANCE") == cp.words(out, "france")
    with pytest.raises(InputError, match="no word 'rome' among the 5 that are known"):
        cp.words(out, "rome")
    asked = tmp_path / "asked.txt"
    asked.write_text("France Paris Italy Rome\nfrance paris italy Rome\nFRANCE paris Italy Rome\n", encoding="utf-8")
    z = Embeddings(CASED, CITIES)
    assert questions(asked.read_text(encoding="utf-8").splitlines(), z).questions.tolist() == [
        [3, 0, 4, 2],
        [3, 1, 4, 2],
    ]
    main(["words", str(out), "--analogies", str(asked)])
    assert "of 2 questions are answered; 1 more (33.3%) have a word that is not known" in capsys.readouterr().out


def test_files_of_glove_have_no_head_and_words_with_spaces(tmp_path):
    lines = [", 0.5 -1 2e-3", "at the 1 2 3", "3 4 5 6", ". . . 7 8 9", "\xa0 1 1 1"]
    (tmp_path / "glove.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "glove.txt.gz").write_bytes(gzip.compress("\r\n".join(lines).encode()))
    for name in ("glove.txt", "glove.txt.gz"):
        words, vectors = read_word2vec(tmp_path / name)
        assert words == [",", "at the", "3", ". . .", "\xa0"]
        np.testing.assert_allclose(vectors, [[0.5, -1, 0.002], [1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1]])
    assert cp.words(tmp_path / "glove.txt.gz", "at the", k=1)[0].name == "3"
    (tmp_path / "first.txt").write_text("at the 1 2 3\nking 4 5 6\n", encoding="utf-8")
    assert read_word2vec(tmp_path / "first.txt")[0] == ["at the", "king"]
    write_word2vec(CITIES, CASED, tmp_path / "binary.bin")
    (tmp_path / "packed.bin.gz").write_bytes(gzip.compress((tmp_path / "binary.bin").read_bytes()))
    assert read_word2vec(tmp_path / "packed.bin.gz")[0] == CITIES
    (tmp_path / "short.txt").write_text("a 1 2 3\nb 1 2\n", encoding="utf-8")
    with pytest.raises(SourceError, match="is no file of word vectors: 'b' has 2 numbers, not 3"):
        read_word2vec(tmp_path / "short.txt")


def test_pairs_with_an_unknown_word_are_left_out_and_said(run, tmp_path, capsys):
    known = [word for topic in topics() for word in topic[:5]]
    one, two = known * 2, known[3:] + known[:3] + known[7:] + known[:7]
    scores = [float(number % 11) for number in range(len(one))]
    pairs = {"one": np.array(one, dtype=object), "two": np.array(two, dtype=object), "score": np.array(scores)}
    others = {
        "one": np.array([*one, "neverheard", one[0], "neverheard"], dtype=object),
        "two": np.array([*two, two[0], "unheardof", "unheardof"], dtype=object),
        "score": np.array([*scores, 99.0, 98.0, 97.0]),
    }
    plain = cp.evaluate_similarity(load(run), pairs, pairs=["one", "two"], scores="score")
    result = cp.evaluate_similarity(load(run), others, pairs=["one", "two"], scores="score")
    assert (plain["pairs"], plain["unknown"]) == (len(one), 0)
    assert (result["pairs"], result["unknown"]) == (len(one), 3)
    for name in ("trained", "untrained"):
        assert result["spearman"][name]["value"] == pytest.approx(plain["spearman"][name]["value"])
    rows = zip(*others.values(), strict=True)
    file = tmp_path / "pairs.csv"
    file.write_text("one,two,score\n" + "\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8")
    main(["evaluate", str(run), "--test", str(file), "--pairs", "one,two", "--scores", "score"])
    assert "of 40 pairs; 3 more (7.0%) are left out, for the model knows no word" in capsys.readouterr().out
    sparse = {name: cells[-12:] for name, cells in others.items()}
    with pytest.raises(InputError, match=r"needs 10 pairs\. Got 9 whose words the model knows, and 3 others"):
        cp.evaluate_similarity(load(run), sparse, pairs=["one", "two"], scores="score")


def test_pieces_of_words_are_all_known():
    bag = cp.fit(remarks(64).source, epochs=1, width=8, batch_size=16)
    one = np.array([f"ყ{number} some" for number in range(12)], dtype=object)
    source = {"one": one, "two": one[::-1].copy(), "score": np.arange(12.0)}
    result = cp.evaluate_similarity(bag, source, pairs=["one", "two"], scores="score")
    assert (result["pairs"], result["unknown"]) == (12, 0)


def test_the_least_count_of_a_word_is_as_the_user_says():
    texts = ["a b c d e f g h"] * 4 + ["x y a b c d e"] * 3

    def known(**choices):
        return prepare_words(texts, **choices)[1].modality.tokenizer.words[2:]

    assert known() == list("abcdefghxy")
    assert known(min_count=4) == list("abcdefgh")
    assert known(min_count=7) == list("abcde")
    with pytest.raises(SourceError, match=r"occurs 8 times, which it takes to learn it\. Give more text, or a smaller"):
        known(min_count=8)
    with pytest.raises(PlanError, match="min_count must be at least 1"):
        known(min_count=0)
    with pytest.raises(PlanError, match="tokens is one of words, spaces"):
        known(tokens="letters")
    for choices in ({"min_count": 2}, {"tokens": "spaces"}):
        with pytest.raises(PlanError, match="are for whole words"):
            prepare_words(remarks(40).source, method="simclr", **choices)


def test_texts_that_are_tokenised_already_are_split_at_spaces_only(tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(["The New_York 's key - (US) don\u2019t\tthe"] * 8), encoding="utf-8")
    out = str(tmp_path / "run")
    choices = ["--min-count", "8", "--tokens", "spaces", "--epochs", "1", "--width", "8"]
    main(["fit", str(corpus), "--out", out, "--method", "skipgram", *choices])
    model = load(out)
    assert sorted(model.modality.tokenizer.words[2:]) == sorted(
        ["The", "New_York", "'s", "key", "-", "(US)", "don\u2019t", "the"]
    )
    place = {word: number for number, word in enumerate(model.modality.tokenizer.words)}
    assert model.modality.open(["the THE The - new_york"]).take(np.arange(1)).tolist() == [
        [place["the"], place["The"], place["-"]]
    ]
    assert cp.words(out, "KEY", k=2) == cp.words(out, "key", k=2)
