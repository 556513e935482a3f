"""The files of sentence-transformers beside a network: its pooling, further layers, and prompts.

As its versions 2 to 6 read them. Settings that would be read differently here are refused with a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from counterpoint.encoders.local_files import local_file, local_json
from counterpoint.encoders.pooling import ACTIVATIONS, LAYERS, MODES
from counterpoint.errors import InputError, SourceError, listed

NETWORK, POOLING = "Transformer", "Pooling"

CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""The file that says how texts are read; older versions named it after the network."""

OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""The fields that enable a mode, before version 6, in the order of concatenation."""

STATES = {"method": "forward", "method_output_name": "last_hidden_state"}
"""The input of texts."""

UNREAD = ("processing_kwargs", "query_expansion", "config_kwargs", "config_args")
"""Settings that would change the output, and are not supported."""


class Written(NamedTuple):
    """The contents of a folder besides its network."""

    root: str = ""
    """The subfolder of the network."""
    pooling: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    """Whether tokens of the prompt are pooled."""
    layers: tuple[Mapping[str, Any], ...] = ()
    """The layers after the pooling: the type, the options and the folder of the weights of each."""
    prompts: Mapping[str, str] = {}
    prompt: str = ""
    """The prompt before every text."""
    longest: int | None = None
    """Tokens after which texts are truncated, special tokens included; None where the tokenizer states it."""
    lower: bool = False
    """Whether texts are lowercased, whatever the tokenizer does."""
    tokenizer: Mapping[str, Any] = {}
    """Options for the tokenizer."""
    similarity: str = "cosine"


def read_written(name: str) -> Written | None:
    """The files of sentence-transformers in a folder, or in the download cache; None where there are none.

    Raises:
        SourceError: They have unsupported settings.
    """
    modules = local_json(name, "modules.json")
    if modules is None:
        return None
    kinds = [_kind(name, str(module["type"])) for module in modules]
    if kinds[:2] != [NETWORK, POOLING]:
        raise _refusal(name, f"is built of {listed(kinds)}, and a Transformer and a Pooling have to come first")
    paths = [str(module["path"]) for module in modules]
    pooling, include_prompt = _pooling(name, paths[1])
    config = local_json(name, "config_sentence_transformers.json") or {}
    if config.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        raise _refusal(name, f"is a {config['model_type']}, which does not make one vector of a text")
    prompts = {key: text for key, text in (config.get("prompts") or {}).items() if text}
    texts = _texts(name, paths[0])
    return Written(
        root=paths[0],
        pooling=pooling,
        include_prompt=include_prompt,
        layers=tuple(_layer(name, kind, path) for kind, path in zip(kinds[2:], paths[2:], strict=True)),
        prompts=prompts,
        prompt=prompts.get(config.get("default_prompt_name") or "", ""),
        longest=texts.get("max_seq_length"),
        lower=bool(texts.get("do_lower_case")),
        tokenizer=_tokenizer_options(texts),
        similarity=config.get("similarity_fn_name") or "cosine",
    )


def fill(name: str, layers: nn.Sequential, described: tuple[Mapping[str, Any], ...]) -> None:
    """Load the weights of the layers after the pooling from their folders.

    Raises:
        SourceError: They are missing as safetensors, or of the wrong shape.
    """
    from safetensors.torch import load_file

    for layer, each in zip(layers, described, strict=True):
        if not layer.state_dict():
            continue
        file = local_file(name, f"{each['path']}/model.safetensors")
        if file is None:
            raise SourceError(
                f"'hf:{name}' has no weights of its module '{each['path']}' as safetensors, and a pickle is never "
                "opened. Save it anew with sentence-transformers: save(path, safe_serialization=True)."
            )
        weights: dict[str, Tensor] = load_file(file)
        try:
            layer.load_state_dict(weights)
        except RuntimeError as wrong:
            reason = " ".join(str(wrong).split())
            raise SourceError(f"The weights in '{each['path']}' of 'hf:{name}' do not fit it: {reason}") from wrong


def named_prompt(name: str, prompts: Mapping[str, str], wanted: str) -> str:
    """A prompt by its name; none for an empty name.

    Raises:
        InputError: There is no prompt of that name.
    """
    if wanted and wanted not in prompts:
        there = f"They are {listed(prompts)}" if prompts else "There is none"
        raise InputError(f"'hf:{name}' has no prompt '{wanted}'. {there}.")
    return prompts[wanted] if wanted else ""


def _kind(name: str, called: str) -> str:
    """The type of a module, by the name of its class; never one from outside the library."""
    kind = called.rpartition(".")[2]
    if not called.startswith("sentence_transformers.") or kind not in (NETWORK, POOLING, *LAYERS):
        raise _refusal(name, f"has a module '{called}'")
    return kind


def _pooling(name: str, path: str) -> tuple[tuple[str, ...], bool]:
    """The modes, in order, and whether the prompt is pooled too."""
    config = local_json(name, f"{path}/config.json")
    if config is None:
        raise SourceError(f"'hf:{name}' lacks '{path}/config.json', which says how it pools. Save it again.")
    written = config.get("pooling_mode") or [mode for key, mode in OLD_MODES.items() if config.get(key)] or "mean"
    modes = (written,) if isinstance(written, str) else tuple(written)
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise _refusal(name, f"pools by '{unknown[0]}'")
    return modes, bool(config.get("include_prompt", True))


def _layer(name: str, kind: str, path: str) -> Mapping[str, Any]:
    """A module after the pooling: its type, its options, its folder."""
    if kind not in LAYERS:
        raise _refusal(name, f"has a second {kind}")
    config = local_json(name, f"{path}/config.json") or {}
    inputs = {config.get(key) or "sentence_embedding" for key in ("module_input_name", "module_output_name")}
    if inputs != {"sentence_embedding"}:
        raise _refusal(name, f"has a {kind} that works on '{(inputs - {'sentence_embedding'}).pop()}'")
    options: dict[str, Any] = {}
    if kind == "Dense":
        options = {
            "in_features": config["in_features"],
            "out_features": config["out_features"],
            "bias": bool(config.get("bias", True)),
            "activation": _activation(name, config.get("activation_function", "torch.nn.modules.activation.Tanh")),
            "residual": bool(config.get("use_residual", False)),
        }
    elif kind == "LayerNorm":
        options = {"dimension": config["dimension"]}
    elif kind == "Dropout":
        options = {"p": config.get("dropout", 0.2)}
    return {"type": kind, "options": options, "path": path}


def _activation(name: str, called: str) -> str:
    kind = called.rpartition(".")[2]
    if not called.startswith("torch.nn.") or kind not in ACTIVATIONS:
        raise _refusal(name, f"has a Dense with '{called}'")
    return kind


def _texts(name: str, root: str) -> Mapping[str, Any]:
    """The settings for reading texts."""
    inside = f"{root}/" if root else ""
    result = (local_json(name, f"{inside}{file}") for file in CONFIGS)
    texts: Mapping[str, Any] = next((each for each in result if each), {})
    modalities = texts.get("modality_config", {"text": STATES})
    if "message" in modalities:
        raise _refusal(name, "reads texts as messages of a chat")
    if modalities.get("text") != STATES or texts.get("module_output_name", "token_embeddings") != "token_embeddings":
        raise _refusal(name, f"reads {listed(modalities)} in a way of its own")
    if texts.get("transformer_task", "feature-extraction") != "feature-extraction":
        raise _refusal(name, f"is made for {texts['transformer_task']}")
    unread = [key for key in UNREAD if {k: v for k, v in (texts.get(key) or {}).items() if k != "trust_remote_code"}]
    if unread:
        raise _refusal(name, f"has settings of its own, '{unread[0]}'")
    return texts


def _tokenizer_options(texts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options for the tokenizer; never to run code."""
    options = texts.get("processor_kwargs") or texts.get("tokenizer_args") or {}
    return {key: value for key, value in options.items() if key != "trust_remote_code"}


def _refusal(name: str, what: str) -> SourceError:
    return SourceError(
        f"'hf:{name}' {what}, which is not read here. What is read of sentence-transformers is a Transformer of texts, "
        f"a Pooling ({', '.join(MODES)}), and behind them {', '.join(LAYERS)}."
    )
