"""Tokens: what is found piece by piece is what the library finds in whole texts, whatever stands in them."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from counterpoint.data import tokens
from counterpoint.data.words import counted
from counterpoint.errors import InputError
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
    found = [row.tolist() for row in reader.numbers(texts)]
    whole = Tokenizer.from_str(json.dumps(script))
    unknown = whole.token_to_id(tokens.UNKNOWN) if reader.whole else None
    expected = whole.encode_batch(texts, add_special_tokens=False)
    return found == [[number for number in encoding.ids if number != unknown] for encoding in expected]


@pytest.mark.parametrize("kind", [*IN_CHUNKS, *WHOLE])
@given(texts=st.lists(st.text(SPACES + LETTERS, max_size=30) | st.text(max_size=30), min_size=1, max_size=4))
@example(texts=["", " ", "  a  ", "[PAD] x[UNK]y of the @ of  the", "a\x1cb\x85c\xa0d\x0be\tf\ng \u0308h"])
@example(texts=SAID)
def test_texts_are_read_as_the_library_reads_them(kind, texts):
    assert agree((IN_CHUNKS | WHOLE)[kind], texts)


@pytest.mark.parametrize("kind", WHOLE)
def test_what_looks_beyond_a_space_would_be_read_otherwise_piece_by_piece(kind, monkeypatch):
    monkeypatch.setattr(tokens, "_ends_at_spaces", lambda script: True)
    assert not all(agree(WHOLE[kind], [text]) for text in [*SAID, "of the last  one "])


@pytest.mark.parametrize("kind", IN_CHUNKS)
def test_what_stands_between_spaces_is_asked_for_once(kind, monkeypatch):
    asked, ask = [], tokens.Tokenizer._asked
    monkeypatch.setattr(tokens.Tokenizer, "_asked", lambda self, texts: asked.extend(texts) or ask(self, texts))
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


def test_a_megabyte_without_a_space_is_read_as_far_as_it_can_matter():
    letters = "".join(np.random.default_rng(0).choice(list("abcdefghij"), 1_000_000))
    texts = ["a few words", f"before {letters} behind"] * 2
    tokenizer = tokens.Tokenizer(tokens.learned(texts, size=100))
    read = tokenizer.numbers(texts)
    assert read.lengths[1] == tokenizer.numbers([f"before {letters[: tokens.CHUNK]} behind"]).lengths[0]
    assert 512 <= read.lengths[1] <= tokens.CHUNK + 20
    assert tokenizer.said(read.padded(np.array([1]), most=10**6, pad=tokenizer.pad))[0].endswith(" behind")
