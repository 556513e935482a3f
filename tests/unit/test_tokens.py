"""Tokens: what is found piece by piece is what the library finds in whole texts, whatever stands in them."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from counterpoint.data import tokens
from counterpoint.data.overlong import CHUNK
from counterpoint.data.words import counted
from counterpoint.errors import InputError
from counterpoint.plans.data_options import ReadOptions
from tests.worlds import remarks

SAID = [*remarks(60).source, "Où est ma carte ?", "Où est la ﬁn ?", "don’t don't", "卡在 哪里", "卡在 哪里"]
SPACES = " \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u2003\u3000\u200b\ufeff"
LETTERS = "aàÀßσΣς\u0301\u0308¨ﬁİ卡’'-_.,!▁Ġ#@0½\U0001f600\x00\ufffd"


def wordpiece(**options):
    made = Tokenizer(models.WordPiece(unk_token=tokens.UNKNOWN))
    made.normalizer = normalizers.BertNormalizer(**options)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return trained(made, trainers.WordPieceTrainer)


def letters(split, cleaning=None):
    made = Tokenizer(models.BPE(unk_token=tokens.UNKNOWN))
    made.normalizer, made.pre_tokenizer = cleaning, split
    return trained(made, trainers.BpeTrainer)


def trained(made, trainer):
    special = [tokens.PAD, tokens.UNKNOWN]
    made.train_from_iterator(SAID, trainer(vocab_size=300, special_tokens=special, show_progress=False))
    return json.loads(made.to_str())


def with_token(script, **said):
    usual = {"id": len(script["model"]["vocab"]), "single_word": False, "lstrip": False, "rstrip": False}
    return {
        **script,
        "added_tokens": [*script["added_tokens"], {**usual, "normalized": False, "special": True, **said}],
    }


FIRST = pre_tokenizers.Metaspace(prepend_scheme="first")
IN_CHUNKS = {
    "byte pairs of ours": tokens.learned(SAID, size=300),
    "whole words": counted(SAID * 5),
    "words of its own": counted(SAID * 5, ReadOptions(tokens="spaces")),
    "uncased word pieces": wordpiece(),
    "cased word pieces": wordpiece(lowercase=False, handle_chinese_chars=False, clean_text=False),
    "a token that eats spaces": with_token(wordpiece(), content="@", lstrip=True),
}
WHOLE = {
    "bytes": letters(pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "nothing parts": letters(None, normalizers.NFKC()),
    "the first differs": letters(FIRST),
    "the first of the parted differs": letters(pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), FIRST])),
    "spaces are cleaned away": letters(pre_tokenizers.BertPreTokenizer(), normalizers.Replace(Regex(" "), "")),
    "a token of two words": with_token(wordpiece(), content="of the"),
}


def agree(script, texts):
    reader = tokens.Tokenizer(script)
    result = [row.tolist() for row in reader.numbers(texts)]
    whole = Tokenizer.from_str(json.dumps(script))
    unknown = whole.token_to_id(tokens.UNKNOWN) if reader.whole else None
    expected = whole.encode_batch(texts, add_special_tokens=False)
    return result == [[number for number in encoding.ids if number != unknown] for encoding in expected]


@pytest.mark.parametrize("kind", [*IN_CHUNKS, *WHOLE])
@settings(deadline=None)
@given(texts=st.lists(st.text(SPACES + LETTERS, max_size=30) | st.text(max_size=30), min_size=1, max_size=4))
@example(texts=["", " ", "  a  ", "[PAD] x[UNK]y of the @ of  the", "a\x1cb\x85c\xa0d\x0be\tf\ng \u0308h"])
@example(texts=SAID)
def test_texts_are_read_as_the_library_reads_them(kind, texts):
    assert agree((IN_CHUNKS | WHOLE)[kind], texts)


@pytest.mark.parametrize("kind", WHOLE)
def test_what_looks_beyond_a_space_would_be_read_otherwise_piece_by_piece(kind, monkeypatch):
    monkeypatch.setattr(tokens, "_ends_at_spaces", lambda script: True)
    assert not all(agree(WHOLE[kind], [text, text]) for text in [*SAID, "of the last  one "])


@pytest.mark.parametrize("kind", IN_CHUNKS)
def test_what_stands_between_spaces_is_asked_for_once(kind, monkeypatch):
    asked, ask = [], tokens.Tokenizer._encode
    monkeypatch.setattr(tokens.Tokenizer, "_encode", lambda self, texts: asked.extend(texts) or ask(self, texts))
    tokens.Tokenizer(IN_CHUNKS[kind]).numbers(["a b a", "b c"])
    assert sorted(asked) == ["a", "b", "c"]


def test_words_are_counted_as_the_library_counts_them():
    texts = SAID * 5
    script = counted(texts)
    whole = Tokenizer.from_str(json.dumps(script))
    trainer = trainers.WordLevelTrainer(
        min_frequency=2, special_tokens=[tokens.PAD, tokens.UNKNOWN], show_progress=False
    )
    whole.train_from_iterator(texts, trainer)
    assert json.loads(whole.to_str()) == script
    assert len(counted(texts, most=7)["model"]["vocab"]) == 7


def test_a_tokenizer_without_padding_is_refused():
    script = json.loads(json.dumps(tokens.learned(["a few words", "a few"], size=40)).replace("[PAD]", "[NONE]"))
    with pytest.raises(InputError, match=r"no token \[PAD\]"):
        tokens.Tokenizer(script)


def test_no_text_is_no_row():
    reader = tokens.Tokenizer(IN_CHUNKS["byte pairs of ours"])
    assert len(reader.numbers([])) == 0
    np.testing.assert_array_equal(reader.numbers(["", "a"]).lengths[:1], [0])


def test_a_tokenizer_may_leave_out_what_the_library_does_not_need():
    script = IN_CHUNKS["uncased word pieces"]
    bare = {name: part for name, part in script.items() if name not in ("normalizer", "pre_tokenizer", "added_tokens")}
    assert agree(bare, ["of the keys", "a b"])
    older = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    steps = [{"type": "BertPreTokenizer"}, older]
    assert agree({**script, "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}, SAID)
    mark = with_token(script, content="¨", normalized=True)  # a space and a mark, once it is cleaned
    assert agree({**mark, "normalizer": {"type": "NFKC"}}, ["a \u0308b", "a ¨b"])


def spoken(reader, texts):
    return [[reader.words[number] for number in row] for row in reader.numbers(texts)]


def test_what_has_no_token_is_spelled_in_bytes_and_said_again():
    reader = tokens.Tokenizer(tokens.learned(["a queue of keys", "queues and keys"], size=60))
    assert spoken(reader, ["5", "6 ก"]) == [["▁", "<0x35>"], ["▁", "<0x36>", "▁", "<0xE0>", "<0xB8>", "<0x81>"]]
    texts = ["5 keys", "ไทย queue", "keყs", "\U0001f600 5"]
    assert reader.decode(reader.numbers(texts).padded(np.arange(4), most=50, pad=reader.pad)) == texts
    begins, says = reader.begins(), reader.says()
    place = {word: number for number, word in enumerate(reader.words)}
    assert [bool(begins[place[word]]) for word in ("▁", "▁keys", "s", "<0x35>", "<0xE0>")] == [True, True, *[False] * 3]
    assert [bool(says[place[word]]) for word in ("▁", "s", "<0x35>", "<0x21>", "<0xE0>")] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert tokens.UNKNOWN not in {
        word for text in spoken(reader, ["".join(map(chr, range(33, 0x3000)))]) for word in text
    }


def test_bytes_in_a_row_are_one_thing_that_is_said():
    reader = tokens.Tokenizer(tokens.learned(["a queue of keys", "queues and keys"], size=60))
    telling, size = reader.telling(reader.numbers(["ก ข, ก", "", "queue5!5", "กข", "!", "5!5"]))
    rows = [row.tolist() for row in telling]
    assert rows[0][0] == rows[0][2] != rows[0][1]
    assert (rows[1], rows[4]) == ([], [])
    assert len(rows[3]) == 1
    assert rows[3][0] not in rows[0]
    assert rows[5] == [rows[2][-1]] * 2
    assert max(map(max, filter(None, rows))) < size
    whole = tokens.Tokenizer(counted(SAID * 5))
    plain = whole.numbers(SAID)
    np.testing.assert_array_equal(whole.telling(plain)[0].flat, plain.flat)


def test_chinese_keeps_its_characters():
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 3001)
    characters = random.permutation([chr(0x4E00 + number) for number in range(3000)])
    texts = ["".join(row) for row in random.choice(characters, (3000, 40), p=share / share.sum())]
    reader = tokens.Tokenizer(tokens.learned(texts, size=20_000))
    result = reader.numbers(texts)
    bytes_ = np.isin(np.asarray(reader.words), [*tokens.BYTES, tokens.UNKNOWN])
    assert bytes_[result.flat].mean() < 0.01
    assert reader.remark(result) is None
    begins = reader.begins().numpy()
    assert [int(begins[row].sum()) for row in result] == [40] * 3000


def test_letters_in_two_parts_are_counted_as_one():
    texts = ["cafe\u0301 d\u0065\u0301ja\u0300", "\u1112\u1161\u11ab"] * 2
    assert {"é", "à", "한"} <= set(tokens.learned(texts, size=200)["model"]["vocab"])


def test_a_tokenizer_without_bytes_reads_as_before_and_says_what_it_does_not_know():
    script = letters(pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace()]))
    reader = tokens.Tokenizer(script)
    assert agree(script, ["კ the ყ", *SAID])
    assert reader.remark(reader.numbers(["კ the"])).endswith("vocabulary and count as unknown")
    assert reader.remark(reader.numbers(["the the"])) is None
    assert len(reader.telling(reader.numbers(SAID))[0]) == len(SAID)
    assert reader.remark(reader.numbers([])) is None


def test_a_megabyte_without_a_space_is_read_as_far_as_it_can_matter():
    letters = "".join(np.random.default_rng(0).choice(list("abcdefghij"), 1_000_000))
    texts = ["a few words", f"before {letters} behind"] * 2
    tokenizer = tokens.Tokenizer(tokens.learned(texts, size=100))
    read = tokenizer.numbers(texts)
    assert read.lengths[1] == tokenizer.numbers([f"before {letters[:CHUNK]} behind"]).lengths[0]
    assert 512 <= read.lengths[1] <= CHUNK + 20
    assert tokenizer.decode(read.padded(np.array([1]), most=10**6, pad=tokenizer.pad))[0].endswith(" behind")


@pytest.mark.parametrize("kind", [*IN_CHUNKS, *WHOLE])
def test_a_text_alone_is_read_as_among_others(kind):
    reader = tokens.Tokenizer((IN_CHUNKS | WHOLE)[kind])
    alone = [row.tolist() for text in SAID for row in reader.numbers([text])]
    assert alone == [row.tolist() for row in reader.numbers(SAID)]


@pytest.mark.parametrize("kind", ["byte pairs of ours", "whole words"])
def test_the_vocabulary_is_gone_through_once(kind):
    reader = tokens.Tokenizer(IN_CHUNKS[kind])
    first = reader.numbers(SAID[-1:])
    remark, reader.words = reader.remark(first), None
    again = reader.numbers(SAID[-1:])
    assert again.flat.tolist() == first.flat.tolist()
    assert reader.remark(again) == remark
