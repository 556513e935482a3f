"""Transformers of text: from scratch, and borrowed with their own tokenizer, saved and built again."""

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import counterpoint as cp
from counterpoint.distillation.vectors import imitate
from counterpoint.encoders.length_buckets import written_down
from counterpoint.encoders.transformer import transformer
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.modalities.text import Text
from counterpoint.modality import DataOptions
from counterpoint.plans import DistillPlan, FinetunePlan
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.verbs.distill import _once as once
from counterpoint.verbs.distill import lesson
from counterpoint.verbs.finetune import finetune_settings
from tests.unit.test_linked_texts import asked
from tests.worlds import remarks

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny network of the library, as it would be found on a disk, its weights drawn at random."""
    from transformers import BertConfig, BertModel

    path = tmp_path_factory.mktemp("hub") / "tiny"
    words = sorted({word for text in remarks().source for word in text.split()})
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *words])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    frame = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=frame)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=40,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(path)
    made.save(str(path / "tokenizer.json"))
    return path


def theirs(folder, texts, pooling):
    """What the library itself makes of texts, one at a time."""
    from transformers import AutoModel

    network, reader = AutoModel.from_pretrained(folder).eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))
    vectors = []
    for text in texts:
        with torch.no_grad():
            states = network(input_ids=torch.tensor([reader.encode(text).ids])).last_hidden_state[0]
        vectors.append(states.mean(dim=0) if pooling == "mean" else states[0])
    return torch.nn.functional.normalize(torch.stack(vectors), dim=1).numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_borrowed_network_reads_as_it_does_elsewhere(folder, pooling):
    from counterpoint.model import Model

    encoder = f"hf:{folder}(pooling='{pooling}')"
    text, _ = Text.fit(remarks(64).source, DataOptions(encoder=encoder))
    texts = ["", *remarks(5).source, remarks(1).source[0][:20]][1:]
    result = Model(text.build_encoder(encoder, None), text, {"encoder": encoder}).embed(texts)
    np.testing.assert_allclose(result.vectors, theirs(folder, texts, pooling), atol=1e-5)


def test_a_fine_tuned_network_is_whole_without_the_folder_it_came_from(folder, tmp_path):
    encoder = f"hf:{folder}"
    model = cp.fit(remarks(64).source, encoder=encoder, epochs=2, batch_size=16, precision="fp32", out=tmp_path / "run")
    z = model.embed(["some news", "of art"]).vectors
    assert not np.allclose(z, theirs(folder, ["some news", "of art"], "mean"), atol=1e-4)
    hidden = folder.with_name("away")
    folder.rename(hidden)
    try:
        again = cp.load(tmp_path / "run")
        np.testing.assert_array_equal(again.embed(["some news", "of art"]).vectors, z)
        with pytest.raises(SourceError, match="There is no network"):
            again.untrained()
    finally:
        hidden.rename(folder)
    untrained = again.untrained().embed(["some news"]).vectors
    np.testing.assert_allclose(untrained, theirs(folder, ["some news"], "mean"), atol=1e-5)


def test_small_steps_are_usual_for_what_has_learned_before(folder):
    wanted, user_parts = chosen({"encoder": f"hf:{folder}", "method": "simcse"})
    plan = prepare(remarks(400).source, wanted, user_parts, began=0.0).plan
    assert (plan.learning_rate, plan.batch_size) == (1e-4, 64)
    wanted, user_parts = chosen({"encoder": f"hf:{folder}", "learning_rate": 1e-3, "batch_size": 32})
    plan = prepare(remarks(400).source, wanted, user_parts, began=0.0).plan
    assert (plan.learning_rate, plan.batch_size) == (1e-3, 32)


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"encoder": "hf:nowhere/at-all"}, SourceError, "There is no network 'hf:nowhere/at-all' on this machine"),
        ({"encoder": "hf:/nowhere/at/all"}, SourceError, "There is no network 'hf:/nowhere/at/all' on this machine"),
        ({"encoder": "hf:{folder}(pooling='median')"}, InputError, "pooling='mean'"),
        ({"encoder": "hf:{folder}", "view_size": 39}, PlanError, "reads at most 38 tokens. Got view_size=39"),
    ],
)
def test_networks_that_cannot_be_had_are_refused(folder, choices, error, message):
    wanted = {**choices, "encoder": choices["encoder"].replace("{folder}", str(folder))}
    with pytest.raises(error, match=message):
        cp.fit(remarks(64).source, **wanted)


def test_a_network_does_not_read_tokens_of_another(folder, tmp_path):
    cp.fit(remarks(64).source, epochs=1, batch_size=16, width=8, out=tmp_path / "teacher")
    with pytest.raises(PlanError, match="reads tokens of its own tokenizer"):
        cp.distill(tmp_path / "teacher", remarks(64).source, encoder=f"hf:{folder}")


def test_a_bag_learns_from_a_borrowed_network(folder, tmp_path):
    cp.fit(remarks(64).source, encoder=f"hf:{folder}", epochs=1, batch_size=16, out=tmp_path / "teacher")
    student = cp.distill(tmp_path / "teacher", remarks(64).source, encoder="bag", width=16, epochs=2)
    assert student.embed(["some news"]).vectors.shape == (1, 16)


def test_a_borrowed_teacher_is_asked_once_and_a_small_one_about_views(folder, tmp_path):
    teachers = [cp.fit(remarks(64).source, encoder=name, epochs=1) for name in (f"hf:{folder}", "bag")]
    assert [once(teacher, "auto") for teacher in teachers] == [True, False]
    assert [once(teachers[0], sees) for sees in ("views", "items")] == [False, True]
    with pytest.raises(InputError, match="A teacher sees views or items"):
        cp.distill(teachers[1], remarks(64).source, teacher_sees="both")
    seen = []
    network = teachers[0].encoder
    network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    imitate(
        teachers[0],
        teachers[1],
        teachers[0].modality.open(remarks(64).source),
        lesson(DistillPlan(epochs=3), 64),
        once=True,
    )
    assert sum(seen) == 64


def test_fine_tuning_moves_what_has_learned_before_in_small_steps(folder):
    borrowed = cp.fit(remarks(64).source, encoder=f"hf:{folder}", method="simcse", epochs=1)
    user_parts = cp.fit(remarks(64).source, epochs=1, batch_size=16, width=8)
    moved, still, usual = (
        finetune_settings(borrowed, FinetunePlan()),
        finetune_settings(borrowed, FinetunePlan(frozen=True)),
        finetune_settings(user_parts, FinetunePlan(frozen=True)),
    )
    assert (moved.config.learning_rate, moved.penalty, moved.epochs) == (1e-4, 0.1, 10)
    assert (still.config.learning_rate, still.penalty) == (2e-3, 0.1)  # only the last layer, where there is no other
    assert (usual.config.learning_rate, usual.penalty) == (5e-4, 1.0)


def test_a_text_is_framed_where_it_ends(folder):
    text, items = Text.fit(["sea", *remarks(8).source], DataOptions(encoder=f"hf:{folder}"))
    framed = text.inputs(items.take(np.array([0, 1])))
    words = [[text.tokenizer.words[token] for token in row] for row in framed.tolist()]
    assert words[0][:4] == ["[CLS]", "[UNK]", "[SEP]", "[PAD]"]
    assert (words[1][0], words[1][-1]) == ("[CLS]", "[SEP]")


def test_a_transformer_reads_no_padding_and_the_order():
    torch.manual_seed(0)
    network = transformer(["[PAD]", *"abcdefg"], torch.ones(8) / 8, pad=0, width=32).eval()
    tokens = torch.tensor([[3, 4, 5], [5, 3, 4], [0, 0, 0]])
    one, other, nothing = network(tokens)
    assert not torch.allclose(one, other, atol=1e-3)
    assert torch.isfinite(nothing).all()
    torch.testing.assert_close(network(torch.nn.functional.pad(tokens, (0, 4)))[:2], torch.stack([one, other]))


@pytest.mark.parametrize("width", [1, 7, 33, 100])
def test_a_transformer_may_have_any_width(width):
    network = transformer(["[PAD]", *"abc"], torch.ones(4) / 4, pad=0, width=width)
    assert network(torch.tensor([[1, 2, 3]])).shape == (1, width)


def test_a_transformer_learns_from_scratch_what_partners_have_in_common():
    source = asked(300)
    wanted, user_parts = chosen(
        {
            "modality": "text",
            "encoder": "transformer(layers=1)",
            "method": "clip",
            "width": 32,
            "epochs": 40,
            "batch_size": 50,
            "learning_rate": 5e-3,
            "precision": "fp32",
        },
        pairs="question,answer",
    )
    parts = prepare(source, wanted, user_parts, began=0.0)
    from counterpoint.model import Model
    from counterpoint.training.loop import RunOptions, train

    model, new = Model(parts.method.encoder, parts.modality, parts.built), asked(100, seed=1)

    def result(model):
        q, a = (model.embed(list(new[name])).vectors for name in ("question", "answer"))
        return float(((q @ a.T).argmax(axis=1) == np.arange(100)).mean())

    before = result(model.untrained())
    train(parts.method, parts.items, parts.modality, parts.recipe, RunOptions())
    assert result(model) > before + 0.1


def test_the_record_of_a_run_can_be_read_by_a_person(folder, tmp_path):
    cp.fit(remarks(64).source, encoder=f"hf:{folder}", epochs=1, batch_size=16, out=tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["settings"]["network"]["config"]["hidden_size"] == 32
    assert set(config["apart"]) == {"tokenizer", "occurrences", "documents"}


def test_texts_of_like_length_go_together_and_nothing_else_changes():
    torch.manual_seed(0)
    network = transformer([*SPECIAL, *"abcdefgh"], torch.ones(13), pad=0, width=16).eval()
    length = torch.randint(0, 30, (90,))
    tokens = torch.randint(1, 13, (90, 40)).masked_fill(torch.arange(40) >= length[:, None], 0)
    tokens[3, 1:20] = 0  # what fills up may stand inside, where a text says it
    shapes = []
    network.layers.register_forward_hook(lambda part, given, made: shapes.append(tuple(made.shape[:2])))
    together = network(tokens)
    assert [rows for rows, _ in shapes] == [32, 32, 26]
    assert [longest for _, longest in shapes] == sorted(longest for _, longest in shapes)
    assert shapes[0][1] < shapes[-1][1] < 30
    alone = torch.cat([network(row[None, : max(1, int(size))]) for row, size in zip(tokens, length, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_while_a_graph_is_made_it_is_told():
    told = []

    def ask(tokens):
        told.append(written_down())
        return tokens + 1

    torch.jit.trace(ask, torch.ones(2, 3), check_trace=False)
    assert told
    assert all(told)
    assert not written_down()
