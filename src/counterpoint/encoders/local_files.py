"""Local files of the library transformers: a folder, or its download cache. Nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint.errors import MissingPackage, SourceError

AS_DATA = {"local_files_only": True, "trust_remote_code": False}
"""Options for loading a folder: offline, and without running code in it."""


CODE = (
    "auto_map",
    "attn_implementation",
    "_attn_",
    "_experts_",
    "experts_impl",
    "kernel_config",
    "quantization_config",
)
"""Prefixes of config fields that name code: a class in the folder, or a kernel to download."""


def library() -> Any:
    """The module transformers, without its log messages.

    Raises:
        MissingPackage: It is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise MissingPackage("transformers", "hf") from None
    result: Any = transformers
    result.logging.set_verbosity_error()
    result.logging.disable_progress_bar()
    return result


def local_file(name: str, inside: str) -> Path | None:
    """A file of a network, in its folder or in the download cache; None where there is none."""
    if Path(name).is_dir():
        return Path(name) / inside if (Path(name) / inside).is_file() else None
    library()
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        result = try_to_load_from_cache(name, inside)
    except HFValidationError:  # a path, not a name in the cache
        return None
    return Path(result) if isinstance(result, str) else None


def local_json(name: str, inside: str) -> Any:
    """The contents of a JSON file, or None where there is none.

    Raises:
        SourceError: It is not JSON.
    """
    file = local_file(name, inside)
    if file is None:
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as wrong:
        raise SourceError(f"'{inside}' of 'hf:{name}' is no JSON: {wrong}. Save the network again.") from wrong


def without_code(config: Any) -> Any:
    """The config of a network, at every depth without fields that make the library download or load other code."""
    if not isinstance(config, Mapping):
        return config
    return {name: without_code(value) for name, value in config.items() if not name.startswith(CODE)}
