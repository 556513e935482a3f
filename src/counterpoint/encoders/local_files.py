"""What the library transformers finds on this machine: a folder, or what was downloaded before. Nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint.errors import MissingPackage, SourceError

AS_DATA = {"local_files_only": True, "trust_remote_code": False}
"""How the library reads a folder: it fetches nothing, and runs no code that lies there."""


CODE = (
    "auto_map",
    "attn_implementation",
    "_attn_",
    "_experts_",
    "experts_impl",
    "kernel_config",
    "quantization_config",
)
"""How fields of a config begin that name code: a class of the folder's own, or a kernel to be fetched."""


def library() -> Any:
    """transformers, which says nothing while it works.

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
    """A file of a network, in its folder or among what was downloaded before; None where there is none."""
    if Path(name).is_dir():
        return Path(name) / inside if (Path(name) / inside).is_file() else None
    library()
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        result = try_to_load_from_cache(name, inside)
    except HFValidationError:  # a path, and no name that anything was downloaded by
        return None
    return Path(result) if isinstance(result, str) else None


def local_json(name: str, inside: str) -> Any:
    """What a file of JSON says, or None where there is none.

    Raises:
        SourceError: It is no JSON.
    """
    file = local_file(name, inside)
    if file is None:
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as wrong:
        raise SourceError(f"'{inside}' of 'hf:{name}' is no JSON: {wrong}. Save the network again.") from wrong


def without_code(config: Any) -> Any:
    """The config of a network, at every depth without what would have the library fetch or load other code."""
    if not isinstance(config, Mapping):
        return config
    return {name: without_code(value) for name, value in config.items() if not name.startswith(CODE)}
