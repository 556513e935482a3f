"""Networks as sentence-transformers wrote them, beside what it makes of texts itself."""

import json
import shutil

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import counterpoint as cp
from counterpoint.data.prompts import Prompted
from counterpoint.data.tokens import Tokenizer as Reader
from counterpoint.encoders.hugging_face import described
from counterpoint.encoders.pooling import MODES
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.modalities.text import Text
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from tests.worlds import remarks

sentence_transformers = pytest.importorskip("sentence_transformers")
M = pytest.importorskip("sentence_transformers.sentence_transformer.modules")

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
TEXTS = [*remarks(5).source, remarks(1).source[0][:20], "Query: find Art", " ".join(remarks(9).source)]
"""Of unequal length; the last is longer than any network here reads."""


def words(frame, **special):
    """WordPiece of the words of the remarks, and of letters for all others."""
    letters = "abcdefghijklmnopqrstuvwxyzQFA:"
    known = sorted({word for text in remarks().source for word in text.split()} | {*letters, "query", ":"})
    pieces = [*special.values(), *known, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=special["unk_token"]))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return framed(made, frame, special)


def trained(model, frame, *, byte=False, **special):
    """Byte-level pairs, or pieces with a sign for spaces, learned from the remarks."""
    made = Tokenizer(model)
    options = {"vocab_size": 300, "special_tokens": list(special.values()), "show_progress": False}
    if byte:
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **options)
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(unk_token=special["unk_token"], **options)
    made.train_from_iterator([*remarks().source, "query: Query: find Art"], trainer)
    return framed(made, frame, special)


def framed(made, frame, special):
    from transformers import PreTrainedTokenizerFast

    if frame:
        there = [(token, made.token_to_id(token)) for token in frame.split() if token != "$A"]
        made.post_processor = processors.TemplateProcessing(single=frame, special_tokens=there)
    return PreTrainedTokenizerFast(tokenizer_object=made, **special)


def bert():
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    reader = words("[CLS] $A [SEP]", **names, mask_token="[MASK]")
    return "Bert", reader, {"max_position_embeddings": 60}


def like_roberta(kind, reader):
    return kind, reader, {"max_position_embeddings": 40, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


ROBERTAS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


def roberta():
    return like_roberta("Roberta", trained(models.BPE(), "<s> $A </s>", byte=True, **ROBERTAS))


def camembert():
    return like_roberta("Camembert", trained(models.BPE(), "<s> $A </s>", byte=True, **ROBERTAS))


def xlm_roberta():
    return like_roberta("XLMRoberta", trained(models.Unigram(), "<s> $A </s>", **ROBERTAS))


def mpnet():
    return like_roberta("MPNet", words("<s> $A </s>", **ROBERTAS))


def qwen(frame="$A <|end|>", side="left"):
    """A network that writes, whose padding is the token that ends a text, and whose tokenizer has no mask."""
    reader = trained(models.BPE(), frame, byte=True, eos_token="<|end|>")
    reader.pad_token, reader.padding_side = "<|end|>", side
    return "Qwen2", reader, {"max_position_embeddings": 60, "num_key_value_heads": 1}


def t5():
    reader = trained(models.Unigram(), "$A </s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    return "T5", reader, {"d_model": 32, "d_ff": 48, "num_layers": 1, "num_heads": 2, "d_kv": 16}


def network(path, made, *, task="Model"):
    """A tiny network, its weights drawn at random, with its tokenizer in a folder."""
    import transformers

    kind, reader, options = made
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(reader), **(options if kind == "T5" else {**SIZES, **options})
    )
    torch.manual_seed(0)
    whole = getattr(transformers, f"{kind}{task}")(config)
    with torch.no_grad():  # as drawn, places and the tokens around a text hardly count
        for name, weight in whole.named_parameters():
            if "position" in name or "embed" in name:
                weight.normal_()
    whole.save_pretrained(path)
    reader.save_pretrained(path)
    return path


def assembled(path, plain, *behind, reads=None, prompts=None, default=None):
    """The folder that sentence-transformers writes of a network and modules behind it."""
    torch.manual_seed(1)
    whole = sentence_transformers.SentenceTransformer(
        modules=[M.Transformer(str(plain), **(reads or {})), *behind],
        prompts=prompts,
        default_prompt_name=default,
        device="cpu",
    )
    whole.save(str(path), create_model_card=False)
    return path


def ours(path, texts, options=""):
    encoder = f"hf:{path}{options}"
    text, _ = Text.fit(list(texts), DataOptions(encoder=encoder))
    return Model(text.build_encoder(encoder, None), text, {"encoder": encoder})


def theirs(path, texts, **how):
    whole = sentence_transformers.SentenceTransformer(str(path), device="cpu", local_files_only=True)
    return whole.encode(list(texts), normalize_embeddings=True, batch_size=3, show_progress_bar=False, **how)


def agree(path, texts=TEXTS, options="", **how):
    result, expected = ours(path, texts, options).embed(texts).vectors, theirs(path, texts, **how)
    cosine = (result * expected).sum(axis=1)
    assert cosine.min() >= 0.9999, cosine
    near = expected @ expected.T - np.eye(len(expected))
    assert near.min() < 0.999  # else anything would agree
    return result


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return network(tmp_path_factory.mktemp("plain") / "bert", bert())


def test_every_way_to_pool_gives_what_it_gives_there(plain, tmp_path):
    vectors = [agree(assembled(tmp_path / mode, plain, M.Pooling(32, mode))) for mode in MODES]
    both = agree(assembled(tmp_path / "both", plain, M.Pooling(32, ("lasttoken", "mean", "cls"))))
    assert both.shape == (len(TEXTS), 96)
    for place, mode in enumerate(MODES):
        for other in range(place):
            same = {mode, MODES[other]} == {"mean", "mean_sqrt_len_tokens"}  # but for their length
            assert np.allclose(vectors[place], vectors[other], atol=1e-3) == same


def test_a_folder_of_an_older_version_is_read_alike(plain, tmp_path):
    path = assembled(tmp_path / "old", plain, M.Pooling(32, "mean"), M.Normalize(), reads={"max_seq_length": 60})
    (path / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {
                "word_embedding_dimension": 32,
                "pooling_mode_mean_tokens": True,
                "pooling_mode_cls_token": True,
                "pooling_mode_max_tokens": False,
            }
        )
    )
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 11, "do_lower_case": True}))
    modules = json.loads((path / "modules.json").read_text())
    for module, kind in zip(modules, ("Transformer", "Pooling", "Normalize"), strict=True):
        module["type"] = f"sentence_transformers.models.{kind}"
    (path / "modules.json").write_text(json.dumps(modules))
    shutil.rmtree(path / "2_Normalize")
    result = agree(path)
    assert result.shape[1] == 64
    text, items = Text.fit(TEXTS, DataOptions(encoder=f"hf:{path}"))
    assert text.inputs(items.take(np.arange(len(TEXTS)))).shape[1] == 11
    query = ours(path, TEXTS).embed(["QUERY: find ART", "query: find art"]).vectors
    np.testing.assert_array_equal(query[0], query[1])


def test_a_network_in_a_folder_of_its_own_inside_is_found(plain, tmp_path):
    path = assembled(tmp_path / "deep", plain, M.Pooling(32, "cls"))
    inside = path / "0_Transformer"
    inside.mkdir()
    for file in path.glob("*"):
        if file.is_file() and file.name not in ("modules.json", "config_sentence_transformers.json"):
            file.rename(inside / file.name)
    modules = json.loads((path / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (path / "modules.json").write_text(json.dumps(modules))
    agree(path)


def test_layers_behind_the_pooling_are_read_with_their_weights(plain, tmp_path):
    stacks = {
        "usual": (M.Dense(32, 12), M.Normalize()),
        "plain": (M.Dense(32, 12, bias=False, activation_function=None), M.LayerNorm(12), M.Dropout(0.3)),
        "added": (M.Dense(32, 32, use_residual=True), M.Dense(32, 8, use_residual=True)),
        "bent": (M.Dense(32, 12, activation_function=torch.nn.GELU()), M.Dense(12, 6)),
    }
    for name, stack in stacks.items():
        result = agree(assembled(tmp_path / name, plain, M.Pooling(32, "mean"), *stack))
        assert result.shape[1] == {"usual": 12, "plain": 12, "added": 8, "bent": 6}[name]


def test_texts_are_cut_where_they_are_cut_there(plain, tmp_path):
    for most in (3, 8, 60):
        path = assembled(tmp_path / str(most), plain, M.Pooling(32, "mean"), reads={"max_seq_length": most})
        agree(path)
        text, items = Text.fit(TEXTS, DataOptions(encoder=f"hf:{path}"))
        assert text.inputs(items.take(np.arange(len(TEXTS)))).shape[1] == most
        assert any("cut after" in note and f"{most} tokens" in note for note in items.info.notes)


@pytest.mark.parametrize("made", [roberta, camembert, xlm_roberta, mpnet])
def test_networks_that_number_places_from_the_padding_have_that_much_less_room(made, tmp_path):
    plain = network(tmp_path / "plain", made())
    assert described(f"hf:{plain}").room == 38
    with pytest.raises(PlanError, match=r"reads at most 36 tokens[.] Got view_size=37"):
        Text.fit(TEXTS, DataOptions(encoder=f"hf:{plain}", view_size=37))
    for mode in ("mean", "cls"):
        modules = (M.Pooling(32, mode), M.Normalize())
        path = assembled(tmp_path / mode, plain, *modules, reads={"max_seq_length": 38})
        agree(path)
        agree(path, TEXTS[:2])  # of one length, with nothing filled up
    too_many = assembled(tmp_path / "many", plain, M.Pooling(32), reads={"max_seq_length": 40})
    longest, result = theirs(path, TEXTS), ours(too_many, TEXTS).embed(TEXTS).vectors
    assert len(result) == len(longest)  # where the original ends with an error


def test_a_network_that_writes_pools_the_last_token_wherever_it_was_filled_up(tmp_path):
    for side in ("left", "right"):
        for frame in ("$A <|end|>", ""):
            plain = network(tmp_path / f"{side}{len(frame)}", qwen(frame, side))
            path = assembled(tmp_path / f"{side}{len(frame)}st", plain, M.Pooling(32, ("lasttoken", "mean")))
            text = agree(path)
            assert np.isfinite(text).all()
            alike = ours(path, TEXTS).encoder.pad
            assert alike >= len(qwen()[1])  # a number of its own: the end of a text is no padding


def test_without_a_word_on_pooling_it_is_what_is_usual_there(plain, tmp_path):
    agree(plain)
    writes = network(tmp_path / "writes", qwen("", "right"), task="ForCausalLM")
    agree(writes)
    assert described(f"hf:{plain}").settings["pooling"] == ["mean"]
    assert described(f"hf:{writes}").settings["pooling"] == ["lasttoken"]


def test_of_a_network_that_reads_and_writes_the_half_that_reads_is_taken(tmp_path):
    plain = network(tmp_path / "plain", t5())
    path = assembled(tmp_path / "st", plain, M.Pooling(32), M.Dense(32, 12, activation_function=None), M.Normalize())
    agree(path)
    assert not any("decoder" in name for name in ours(path, TEXTS).encoder.state_dict())


def test_the_prompt_that_is_usual_stands_before_every_text(plain, tmp_path):
    prompts = {"query": "query: ", "sea": "find Art\nQuery:"}
    readers = {"bert": plain}
    readers |= {kind.__name__: network(tmp_path / kind.__name__, kind()) for kind in (roberta, xlm_roberta, qwen)}
    for name, folder in readers.items():
        for pooled in (True, False):
            path = tmp_path / f"{name}{pooled}"
            pooling = M.Pooling(32, ("cls", "mean", "max", "weightedmean", "lasttoken"), include_prompt=pooled)
            assembled(path, folder, pooling, reads={"max_seq_length": 30}, prompts=prompts, default="query")
            agree(path)
            agree(path, TEXTS, "(prompt='sea')", prompt_name="sea")
            agree(path, TEXTS, "(prompt='')", prompt="")
            apart = ours(path, TEXTS, "(prompt='')").embed(TEXTS).vectors
            assert not np.allclose(apart, ours(path, TEXTS).embed(TEXTS).vectors, atol=1e-2)


def test_views_keep_the_prompt_and_counts_leave_it_out(plain, tmp_path):
    prompts = {"query": "query: "}
    path = assembled(tmp_path / "st", plain, M.Pooling(32), prompts=prompts, default="query")
    text, items = Text.fit(TEXTS, DataOptions(encoder=f"hf:{path}"))
    start = [text.tokenizer.words.index(word) for word in ("[CLS]", "query", ":")]
    views = text.augmentation(items.take(np.arange(len(TEXTS))), torch.arange(len(TEXTS)))
    assert (views[:, :3] == torch.tensor(start)).all()
    assert text.reading.occurrences[start[1]] == 0
    assert any("the prompt 'query: ' precedes each" in note for note in items.info.notes)


def test_prompts_that_none_is_of_usually_are_named(plain, tmp_path):
    path = assembled(tmp_path / "st", plain, M.Pooling(32), prompts={"passage": "passage: "})
    _, items = Text.fit(TEXTS, DataOptions(encoder=f"hf:{path}"))
    assert any("none of its prompts is used (passage;" in note for note in items.info.notes)
    with pytest.raises(InputError, match=r"has no prompt 'query'. They are passage\."):
        described(f"hf:{path}(prompt='query')")


def test_a_run_is_whole_without_the_folder(plain, tmp_path):
    modules = (M.Pooling(32, ("cls", "mean"), include_prompt=False), M.Dense(64, 12), M.Normalize())
    path = assembled(tmp_path / "st", plain, *modules, prompts={"query": "query: "}, default="query")
    options = {"encoder": f"hf:{path}", "epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "out": tmp_path / "run"}
    model = cp.fit(remarks(32).source, **options)
    expected = model.embed(TEXTS).vectors
    untrained = model.untrained().embed(TEXTS).vectors
    shutil.rmtree(path)
    again = cp.load(tmp_path / "run")
    np.testing.assert_array_equal(again.embed(TEXTS).vectors, expected)
    assert not np.allclose(untrained, expected, atol=1e-3)  # training has moved it
    assert any(name.startswith("layers.0.linear") for name in again.encoder.state_dict())


def test_a_run_of_an_older_version_still_loads(plain, tmp_path):
    options = {"encoder": f"hf:{plain}", "epochs": 1, "batch_size": 16, "out": tmp_path / "run"}
    expected = cp.fit(remarks(32).source, **options).embed(TEXTS).vectors
    file = tmp_path / "run" / "config.json"
    config = json.loads(file.read_text())
    network = config["settings"]["network"]
    config["settings"]["network"] = {"name": network["name"], "pooling": "mean", "config": network["config"]}
    file.write_text(json.dumps(config))
    np.testing.assert_array_equal(cp.load(tmp_path / "run").embed(TEXTS).vectors, expected)
    assert cp.load(tmp_path / "run").untrained().embed(TEXTS).vectors.shape == expected.shape


def test_the_file_of_onnx_holds_pooling_and_layers(tmp_path):
    pytest.importorskip("onnxscript")
    modules = (M.Pooling(32, (*MODES,)), M.Dense(192, 12), M.Normalize())
    kind, reader, _ = bert()
    long = network(tmp_path / "long", (kind, reader, {"max_position_embeddings": 128, "num_hidden_layers": 1}))
    path = assembled(tmp_path / "st", long, *modules, prompts={"query": "query: "}, default="query")
    from counterpoint.exporting.onnx_file import write_onnx

    assert write_onnx(ours(path, TEXTS), None, tmp_path / "model.onnx")["deviation"] < 1e-4


def edited(path, file, **values):
    """A file of JSON in a folder with other values."""
    whole = json.loads((path / file).read_text()) if (path / file).exists() else {}
    (path / file).write_text(json.dumps({**whole, **values}))


def module(path, place, kind):
    modules = json.loads((path / "modules.json").read_text())
    modules[place]["type"] = kind
    (path / "modules.json").write_text(json.dumps(modules))


def pickled(path):
    weights = path / "2_Dense" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))


HERE, DENSE = "sentence_transformers.sentence_transformer.modules.", "2_Dense/config.json"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: module(path, 0, f"{HERE}static_embedding.StaticEmbedding"), "a module '.*StaticEmbedding'"),
        (lambda path: module(path, 1, f"{HERE}WeightedLayerPooling"), "has a module '.*WeightedLayerPooling'"),
        (lambda path: module(path, 2, "sentence_transformers.models.Asym"), "has a module '.*Asym'"),
        (lambda path: module(path, 2, "my_code.Dense"), "has a module 'my_code.Dense'"),
        (lambda path: module(path, 2, f"{HERE}pooling.Pooling"), "has a second Pooling"),
        (lambda path: module(path, 1, f"{HERE}Normalize"), "is built of Transformer, Normalize, Dense"),
        (lambda path: edited(path, "1_Pooling/config.json", pooling_mode="median"), "pools by 'median'"),
        (lambda path: edited(path, DENSE, activation_function="my.Tanh"), "has a Dense with 'my.Tanh'"),
        (lambda path: edited(path, DENSE, module_input_name="token_embeddings"), "works on 'token_embeddings'"),
        (lambda path: edited(path, DENSE, out_features=9), "The weights in '2_Dense' .* do not fit it"),
        (lambda path: edited(path, "config_sentence_transformers.json", model_type="SparseEncoder"), "SparseEncoder"),
        (lambda path: edited(path, "sentence_bert_config.json", modality_config={"message": {}}), "messages of a chat"),
        (lambda path: edited(path, "sentence_bert_config.json", transformer_task="fill-mask"), "made for fill-mask"),
        (lambda path: edited(path, "sentence_bert_config.json", config_args={"a": 1}), "settings of its own, 'config"),
        (lambda path: edited(path, "tokenizer_config.json", truncation_side="left"), "cuts texts at their beginning"),
        (lambda path: edited(path, "adapter_config.json"), "is an adapter"),
        (lambda path: (path / "1_Pooling" / "config.json").unlink(), "lacks '1_Pooling/config.json'"),
        (lambda path: (path / "modules.json").write_text("[{"), "'modules.json' .* is no JSON"),
        (pickled, "'2_Dense' as safetensors, and a pickle is never opened"),
    ],
)
def test_what_is_not_read_as_it_was_written_is_refused_by_name(plain, tmp_path, change, message):
    path = assembled(tmp_path / "st", plain, M.Pooling(32), M.Dense(32, 12))
    change(path)
    with pytest.raises(SourceError, match=message):
        ours(path, TEXTS)


def test_a_prompt_that_leaves_no_room_is_refused(plain, tmp_path):
    reads, prompts = {"max_seq_length": 4}, {"query": "query: "}
    path = assembled(tmp_path / "st", plain, M.Pooling(32), reads=reads, prompts=prompts, default="query")
    with pytest.raises(PlanError, match="has no room for a text behind its prompt 'query: '"):
        ours(path, TEXTS)


def test_a_prompt_that_a_tokenizer_joins_with_a_text_is_refused():
    _, reader, _ = bert()
    script = json.loads(reader.backend_tokenizer.to_str())
    joins = {"type": "Replace", "pattern": {"String": "query: sea"}, "content": "sea"}
    prompted = Prompted(Reader({**script, "normalizer": joins}), "query: ")
    assert [prompted.tokenizer.words[token] for token in prompted.tokens] == ["query", ":"]
    assert (
        prompted.numbers(["find", "art"]).lengths.tolist() == Reader(script).numbers(["find", "art"]).lengths.tolist()
    )
    with pytest.raises(SourceError, match="joins the prompt 'query: ' with one of the texts"):
        prompted.numbers(["find", "sea"])


def test_a_network_without_all_its_weights_is_refused(plain, tmp_path):
    from safetensors.torch import load_file, save_file

    path = shutil.copytree(plain, tmp_path / "less")
    weights = load_file(path / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SourceError, match=r"lacks 1 of its weights, the first is 'encoder[.]layer[.]1"):
        ours(path, TEXTS)
