"""Text: every source opens to the same texts, views change whole words, and a model is whole in its folder."""

import gzip
import json

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer

import counterpoint as cp
from counterpoint import rng
from counterpoint.cli import main
from counterpoint.data.duplicate_texts import near_duplicates
from counterpoint.data.texts import may_be_texts, read_texts
from counterpoint.data.tokens import learned
from counterpoint.encoders.bag import bag
from counterpoint.errors import InputError, RunError, SourceError
from counterpoint.modalities.image import Images
from counterpoint.modalities.text import Text
from counterpoint.modality import DataOptions, label_preserving
from counterpoint.model import load
from counterpoint.plans.data_options import ReadOptions
from counterpoint.setup.dataset import recognised
from counterpoint.views.text_views import Words, dropout
from tests.worlds import remarks

SAID = ["The card has not arrived.", "Où est ma carte ?", "卡在哪里", "the card has not arrived"]


@pytest.fixture(scope="module")
def learnt():
    return Text.fit(remarks().source, DataOptions())


def keys(count, view=0):
    return rng.keys(seed=0, epoch=0, items=torch.arange(count), view=view)


def test_lines_columns_lists_and_folders_hold_the_same_texts(tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("\ufeff" + "\r\n".join(SAID), encoding="utf-8")
    (tmp_path / "wide.txt").write_text("\n".join(SAID) + "\n", encoding="utf-16")
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress("\n".join(SAID).encode()))
    rows = "\n".join(json.dumps({"n": row, "said": text}) for row, text in enumerate(SAID))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "rows.csv").write_text("n,said\n" + "\n".join(f'{row},"{text}"' for row, text in enumerate(SAID)))
    folder = tmp_path / "folder"
    folder.mkdir()
    for row, text in enumerate(SAID):
        (folder / f"{row}.md").write_text(text, encoding="utf-8")
    paths = [lines, *(tmp_path / name for name in ("wide.txt", "packed.txt.gz", "rows.jsonl", "rows.csv")), folder]
    for source in [*paths, SAID, np.array(SAID), {"said": np.array(SAID, dtype=object)}]:
        column = "said" if isinstance(source, dict) or "rows" in str(source) else None
        assert list(read_texts(source, ReadOptions(column=column)).texts) == SAID, source
    assert [may_be_texts(path) for path in paths] == [True] * len(paths)
    assert [recognised(path, DataOptions())[1] for path in paths] == [Text] * len(paths)
    assert list(read_texts(folder).names) == [f"{row}.md" for row in range(4)]


def test_a_folder_with_a_picture_is_one_of_pictures(tmp_path):
    (tmp_path / "about.txt").write_text("these are pictures", encoding="utf-8")
    assert recognised(tmp_path, DataOptions())[1] is Text
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    assert recognised(tmp_path, DataOptions())[1] is Images


def test_empty_texts_are_left_out_and_the_others_keep_their_places():
    read = read_texts(["one", " ", "two", ""])
    assert (list(read.names), read.rows.tolist()) == (["0", "2"], [0, 2])
    assert [name for name, _ in read.skipped] == ["1", "3"]


def test_lines_in_another_encoding_are_read_and_said(tmp_path):
    (tmp_path / "mixed.txt").write_bytes("voilà\n".encode() + "déjà vu\n".encode("cp1252"))
    read = read_texts(tmp_path / "mixed.txt")
    assert (list(read.texts), len(read.notes)) == (["voilà", "déjà vu"], 1)
    assert "1 of 3 lines of 'mixed.txt'" in read.notes[0]


def test_the_most_wordy_column_is_the_text_and_an_id_names_it():
    columns = {
        "doc_id": np.array([7, 9]),
        "title": np.array(["On keys", "On queues"], dtype=object),
        "body": np.array(["Keys come and go here.", "Queues are first in, first out."], dtype=object),
    }
    read = read_texts(columns)
    assert (list(read.names), read.texts[0]) == (["7", "9"], "Keys come and go here.")
    assert (
        read_texts(columns, ReadOptions(column="title, body")).texts[1] == "On queues Queues are first in, first out."
    )


@pytest.mark.parametrize(
    ("source", "claimed"),
    [
        (["a few words"], True),
        ([1, 2], False),
        (np.zeros((3, 2)), False),
        ({"text": np.array(["some words"], dtype=object)}, True),
    ],
)
def test_only_plain_texts_are_claimed(source, claimed):
    assert may_be_texts(source) == claimed


def test_categories_of_two_words_are_no_texts(tmp_path):
    file = tmp_path / "towns.csv"
    file.write_text("kind,size\n" + "\n".join(f"{('very small', 'very large')[n % 2]},{n}" for n in range(20)))
    assert not may_be_texts(file)


def test_a_table_with_a_column_of_names_stays_a_table(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("name,age,height,weight\n" + "\n".join(f"Ann Lee {n},{30 + n},170.5,{60 + n}" for n in range(8)))
    assert not may_be_texts(file)


@pytest.mark.parametrize(
    ("source", "columns", "message"),
    [
        ([], [], "no text in the source"),
        (["", "  "], [], "no text in the source"),
        (["a", 3], [], "Item 1 is 3, which is no string"),
        (np.zeros(3), [], "a list of strings, a file or a column of them. Got an array of shape"),
        (["a"], ["text"], "no column 'text'"),
        ({"body": np.array(["a b"], dtype=object)}, ["bdy"], "Did you mean 'body'"),
        (
            {name: np.array(["a"], dtype=object) for name in ("kind", "colour")},
            [],
            "No column holds text of several words",
        ),
    ],
)
def test_what_is_no_text_is_refused_with_advice(source, columns, message):
    with pytest.raises(SourceError, match=message):
        read_texts(source, ReadOptions(column=",".join(columns) or None))


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "noise.txt").write_bytes(np.random.default_rng(0).bytes(4000))
    with pytest.raises(SourceError, match="no file of text"):
        read_texts(tmp_path / "noise.txt")


def test_the_same_texts_give_the_same_vocabulary():
    texts = remarks().source
    assert learned(texts, size=300) == learned(list(texts), size=300)
    assert len(learned(texts, size=100)["model"]["vocab"]) == 100 + 256  # of bytes


def test_the_same_rare_characters_are_left_out_every_time():
    rare = [chr(code) for code in range(0x4E00, 0x5E00)]  # each once, and more than have room
    texts = ["a few words", *("".join(rare[start : start + 64]) for start in range(0, len(rare), 64))]
    vocabularies = [learned(texts, size=600)["model"]["vocab"] for _ in range(3)]
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]
    kept = [character for character in rare if character in vocabularies[0]]
    assert kept == rare[: len(kept)]
    assert 200 < len(kept) < 300


def test_views_keep_words_whole_and_are_never_empty(learnt):
    text, items = learnt
    batch = items.take(np.arange(64))
    said = [set(items.info.texts[row].split()) for row in range(64)]
    augmentation = Words(crop=0.1, delete=0.9, swap=0.3)
    seen = augmentation(
        batch, keys(64), begins=text.tokenizer.begins(), pad=text.tokenizer.pad, mask=text.tokenizer.mask
    )
    for row, tokens in enumerate(seen.tolist()):
        pieces = "".join(text.tokenizer.words[token] for token in tokens if token != text.tokenizer.pad)
        words = pieces.split("▁")[1:]
        assert words
        assert set(words) <= said[row]


def test_every_change_is_what_it_says(learnt):
    text, items = learnt
    batch = items.take(np.arange(8))
    pad, mask = text.tokenizer.pad, text.tokenizer.mask

    def seen(augmentation):
        return augmentation(batch, keys(8), begins=text.tokenizer.begins(), pad=pad, mask=mask)

    assert torch.equal(seen(dropout()), batch)
    swapped = seen(Words(crop=1.0, delete=0.0, swap=0.5))
    assert not torch.equal(swapped, batch)
    assert torch.equal(swapped.sort(dim=1).values, batch.sort(dim=1).values)
    masked = seen(Words(crop=1.0, delete=0.0, mask=0.5))
    assert 0.3 < float(((masked == mask) & (batch != pad)).sum() / (batch != pad).sum()) < 0.7
    assert torch.equal(masked.where(masked != mask, batch), batch)
    run = seen(Words(crop=0.4, largest=0.6, delete=0.0))
    whole = [[token for token in row if token != pad] for row in batch.tolist()]
    for row, tokens in enumerate(run.tolist()):
        kept = [token for token in tokens if token != pad]
        assert kept in [whole[row][start : start + len(kept)] for start in range(len(whole[row]))]


def test_a_bag_reads_no_order_and_no_padding():
    network = bag([f"▁w{n}" for n in range(9)], torch.full((9,), 1 / 9), pad=0, width=16)
    tokens = torch.tensor([[3, 4, 5], [5, 3, 4]])
    one, other = network.eval()(tokens)
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(network(torch.nn.functional.pad(tokens, (0, 4)))[0], one)
    weights = network.log_weights.exp()[tokens[0]]
    torch.testing.assert_close(one, (weights[:, None] * network.vectors[tokens[0]]).sum(dim=0) / weights.sum())


def test_raw_features_are_what_others_call_tfidf(learnt):
    text, items = learnt
    words = [" ".join(map(str, row.tolist())) for row in items.tokens]
    theirs = TfidfVectorizer(analyzer=str.split, sublinear_tf=True).fit_transform(words).toarray()
    ours = next(iter(text.baselines().values()))(items.take(np.arange(len(items)))).numpy()
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-5)


def test_a_saved_model_reads_new_text_as_before_and_notices_damage(tmp_path):
    model = cp.fit(remarks(64).source, out=tmp_path / "run", epochs=1, batch_size=16, width=8, precision="fp32")
    again = load(tmp_path / "run")
    np.testing.assert_array_equal(
        model.embed(["some news", "of art"]).vectors, again.embed(["some news", "of art"]).vectors
    )
    (tmp_path / "run" / "tokenizer.json").write_text("{}")
    with pytest.raises(RunError, match=r"tokenizer\.json' is not what was saved"):
        load(tmp_path / "run")


def test_a_run_finds_texts_by_a_text_by_a_place_and_by_a_file(tmp_path, capsys):
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(remarks(64).source))
    main(["fit", str(lines), "--out", str(tmp_path / "run"), "--epochs", "1", "--batch-size", "16"])
    (tmp_path / "asked.txt").write_text(remarks(64).source[5])

    def first(like):
        capsys.readouterr()
        main(["search", str(tmp_path / "run"), str(lines), "--like", like, "-k", "2", "--json"])
        return json.loads(capsys.readouterr().out)["hits"][0]

    for like in (remarks(64).source[5], str(tmp_path / "asked.txt")):
        assert (first(like)["name"], first(like)["text"]) == ("5", remarks(64).source[5])
    assert first("5")["name"] != "5"
    with lines.open("a") as file:
        file.write(f"\n{remarks(64).source[7].upper()}")
    main(["duplicates", str(tmp_path / "run"), str(lines), "--threshold", "0.999", "--json"])
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert (group["names"], group["contents"][0]) == (["7", "64"], remarks(64).source[7])


def test_the_report_shows_what_texts_say_and_what_views_leave_of_them(tmp_path):
    texts = remarks(64).source
    cp.fit(texts, out=tmp_path / "run", epochs=1, batch_size=16, width=8)
    rows = json.loads((tmp_path / "run" / "views.json").read_text())["views"]
    assert rows[0][0] == texts[0]
    for item, *views in rows:
        assert len(views) == 3
        assert all(set(view.split()) <= set(item.split()) for view in views)
    page = cp.report(tmp_path / "run", source=texts).read_text(encoding="utf-8")
    assert f"0: {texts[0]}" in page or any(f"{row}: {text}" in page for row, text in enumerate(texts))
    assert rows[0][1] in page


def test_labels_stand_beside_the_texts_that_were_kept(tmp_path):
    world = remarks(80)
    file = tmp_path / "labelled.csv"
    rows = [f"{text},{label}" for text, label in zip(world.source, world.labels, strict=True)]
    file.write_text("\n".join(["text,topic", *rows[:40], ",9", *rows[40:]]))
    model = cp.fit(str(file), epochs=1, batch_size=16, width=8, column="text")
    scores = cp.evaluate(model, str(file), labels="topic")
    assert scores["linear"]["baselines"]["chance"]["value"] < 0.5


def test_texts_of_every_length_are_represented_in_their_order():
    source = [" ".join(text.split()[: 1 + row % 9]) for row, text in enumerate(remarks(40).source)]
    model = cp.fit(source, epochs=1)
    items = model.modality.open(source)
    alone = [model.represent(model.modality.open([text]))[0] for text in source]
    np.testing.assert_allclose(model.represent(items, batch_size=7), alone, rtol=1e-4, atol=1e-6)


def test_views_may_be_a_callable_for_one_text(tmp_path):
    def fewer(text):
        words = text.split()
        return " ".join(words[place] for place in torch.randperm(len(words))[: len(words) // 2])

    source = remarks(40).source
    text, items = Text.fit(source, DataOptions(views=fewer))
    index = np.arange(6)
    seen = text.augmentation(items.take(index), keys(6))
    for said, view in zip(items.info.texts, text.view_words(seen), strict=False):
        assert len(view.split()) == 5
        assert set(view.split()) < set(said.split())
    width = text.augmentation(items.take(index[2:4]), keys(6)[2:4])
    assert torch.equal(seen[2:4, : width.shape[1]], width)
    assert not torch.equal(seen, text.augmentation(items.take(index), keys(6, view=1)))
    cp.fit(source, views=fewer, epochs=1, width=8, batch_size=16, out=tmp_path)
    with pytest.raises(InputError, match="trained with views by a callable"):
        load(tmp_path).modality.augmentation(items.take(index), keys(6))


def test_a_classifier_learns_from_whole_texts_unless_the_views_are_the_users(learnt):
    text, items = learnt
    batch = items.take(np.arange(4))
    assert torch.equal(label_preserving(text).augmentation(batch, keys(4)), text.inputs(batch))
    user_parts, _ = Text.fit(remarks(20).source, DataOptions(views=str.upper))
    assert label_preserving(user_parts) is user_parts


@pytest.mark.parametrize("encoder", ["bag", "lookup"])
@pytest.mark.parametrize("left", [" ", "\u200b"])
def test_a_callable_that_leaves_nothing_of_a_text_shows_it_whole(encoder, left):
    def nothing(said):
        assert said.split()  # it is not asked about a text without words
        return left

    text, items = Text.fit(["\u200b", *remarks(20).source], DataOptions(views=nothing, encoder=encoder))
    batch = items.take(np.arange(4))
    assert torch.equal(text.augmentation(batch, keys(4)), batch)


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        (lambda text: text.split(), "must be texts. Got list"),
        (lambda text: text.nothing, "failed on a text: AttributeError"),
    ],
)
def test_a_callable_that_gives_no_text_is_refused(augmentation, message):
    with pytest.raises(InputError, match=message):
        cp.fit(remarks(20).source, views=augmentation, epochs=1, width=8, batch_size=16)


def test_texts_of_a_word_each_are_the_column_that_is_no_name():
    words = {"name": np.array(["w1", "w2"], dtype=object), "word": np.array(["king", "queen"], dtype=object)}
    read = read_texts(words)
    assert (list(read.texts), list(read.names)) == (["king", "queen"], ["w1", "w2"])


SCRIPTS = ["გამარჯობა", "สวัสดี", "ສະບາຍດີ", "नमस्ते", "ನಮಸ್ಕಾರ", "안녕하세요", "Γειά", "Привет", "שלום", "مرحبا"]
LIKE = ["რამდენი ადამიანია ოთახში დღეს", "ჩემი ბარათი ჯერ არ მოსულა სახლში", "5", "6"]


def test_unknown_characters_are_told_apart_by_an_untrained_and_a_trained_model():
    model = cp.fit(remarks(64).source, epochs=4, batch_size=16, width=256, learning_rate=1e-2)
    for each in (model, model.untrained()):
        z = each.embed([*SCRIPTS, *LIKE]).vectors
        alike = z @ z.T - np.eye(len(z))
        assert alike[:10, :10].max() < 0.6
        assert alike[10, 11] < 0.8
        assert alike[12, 13] < 0.3
        assert not cp.duplicates(each.embed([*SCRIPTS, *LIKE]), threshold=0.95).pairs
        same = each.embed(["ბარათი", "ბარათი ჯერ", "ოთახში"]).vectors
        assert same[0] @ same[1] > 0.5 > same[0] @ same[2]
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    sizes = [np.linalg.norm(model.represent(model.modality.open([text]))) for text in [*SCRIPTS, remarks(1).source[0]]]
    assert max(sizes) < 5 * min(sizes)
    assert not next(iter(model.modality.baselines().values()))(
        model.modality.open(["5", "Γειά"]).take(np.arange(2))
    ).any()


def test_texts_of_unknown_characters_do_not_say_the_same():
    known = remarks(60).source
    reader = Text.fit(known, DataOptions())[0].tokenizer
    telling, size = reader.telling(reader.numbers([*LIKE, LIKE[0].replace(" ", "! "), *SCRIPTS]))
    numbers = near_duplicates(telling, size=size)
    assert numbers[4] == numbers[0]
    assert len(np.unique(numbers)) == len(LIKE) + len(SCRIPTS)


def test_what_is_unknown_is_said_where_it_is_more_than_one_in_a_hundred():
    text, items = Text.fit(["abcdefghij klmnopqrst"] * 10, DataOptions())
    assert not [note for note in items.info.notes if "unknown" in note]
    opened = text.open(["abcdefghij klmnopqr5ก", *["abcdefghij klmnopqrst"] * 2])
    assert opened.info.notes == ["3.3 % of the characters are unknown to the model's vocabulary and are read as bytes"]
    assert not text.open([*["abcdefghij klmnopqrst"] * 9, "5"]).info.notes


@pytest.mark.parametrize("layers", [0, 1])
def test_a_byte_is_read_as_the_run_that_ends_with_it(layers):
    pieces = ["[PAD]", "▁", "▁a", *(f"<0x{byte:02X}>" for byte in range(256))]
    network = bag(pieces, torch.ones(len(pieces)), pad=0, width=16, layers=layers).eval()
    class_ids = [
        [1, 3 + 0xE1, 3 + 0x83, 3 + 0xA0, 3 + 0xE1, 3 + 0x83, 3 + 0xA1, 3 + 7],
        [2, 3 + 7, 1, 3 + 9, 3 + 7, 0, 0, 0],
    ]
    expected = []
    for row in class_ids:
        read, run = [], []
        for token in row:
            run = [*run, token - 3] if token >= 3 else []
            whole = sum((byte + 1) * 31**place for place, byte in enumerate(reversed(run[-6:])))
            read.append(3 + (whole - 1) % 256 if run else token)
        expected.append(read)
    tokens = torch.tensor(class_ids)
    assert network._by_runs(tokens, network.code[tokens]).tolist() == expected
    assert expected[1][1] == 3 + 7
    alone = network(tokens[1:, :5])
    torch.testing.assert_close(network(tokens)[1:], alone)
    assert float(network.log_weights[1].detach().exp()) == pytest.approx(0.01 / 1.01)
    assert float(network.log_weights[3].detach().exp()) > 0.5


@pytest.mark.parametrize("first", ["a long remark " * 400, "", " ", "~nobody says hello", "nul\0 in it", "odd. jpg?"])
def test_a_list_of_texts_is_one_whatever_its_first_says(first):
    source = [first, *remarks(32).source]
    assert recognised(source, DataOptions())[1] is Text
    assert len(cp.fit(source, epochs=1).embed(source[1:])) == 32


@pytest.mark.parametrize("text", ["~so what", "a long remark " * 40, "nul\0 in it"])
def test_one_text_is_a_text_though_no_path_can_be_called_so(text):
    model = cp.fit(remarks(32).source, epochs=1)
    assert len(model.embed(text)) == 1
