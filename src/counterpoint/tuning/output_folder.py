"""The output folder of a comparison or a search: who may write into it, and whether it can be resumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from counterpoint.data.paths import is_rest
from counterpoint.errors import RunError
from counterpoint.plans import by_new_names
from counterpoint.runs.locks import occupied
from counterpoint.storage.typed_json import read_json
from counterpoint.tuning.records import Kept

Held = TypeVar("Held")


@dataclass(frozen=True)
class Folder:
    """A folder with a record, and the kind of that: 'comparison', 'search'."""

    path: Path
    record: str
    what: str
    resumable: bool = True
    others: Sequence[str] = ()
    """Files that may exist before the record does, for instance after a kill; without the first it is not ours."""

    def require(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse a folder that contains something else, or a record that is not to be resumed."""
        if resume and overwrite:
            raise RunError("Give --resume to go on or --overwrite to start anew, not both.")
        there = occupied(self.path)
        if there and not (self.path / self.record).exists():
            if not is_rest(self.path, self.others, self.others[:1]):
                raise RunError(f"'{self.path}' holds other things than a {self.what}. Choose another --out.")
            if not overwrite:
                raise RunError(
                    f"The {self.what} in '{self.path}' was stopped before it had a record. Start anew with --overwrite."
                )
        if there and not overwrite and not self.resumable:
            raise RunError(f"'{self.path}' holds a {self.what}. Replace it with --overwrite, or choose another --out.")
        if there and not (resume or overwrite):
            raise RunError(f"'{self.path}' holds a {self.what}. Go on with --resume, or start anew with --overwrite.")
        if resume and not there:
            raise RunError(f"There is nothing to resume in '{self.path}'. Start without --resume.")

    def read(self, kind: type[Held]) -> Held:
        """The record in the folder, validated against this type."""
        return read_json(self.path / self.record, kind, "Start anew with --overwrite.")

    def require_same(self, now: Mapping[str, Any], names: Collection[str], free: Collection[str] = ()) -> None:
        """Refuse to resume with other choices, names or data than before."""
        before: Any = by_new_names(self.read(Kept))
        for name in names:
            if before.get(name) != now[name]:
                raise RunError(
                    f"The {self.what} was started with {name}={before.get(name)!r}, not {now[name]!r}. Give the same, "
                    "or start anew with --overwrite."
                )
        for name, value in now["asked"].items():
            if name not in free and before["asked"].get(name) != value:
                raise RunError(
                    f"The {self.what} was started with {name}={before['asked'].get(name)!r}, and {value!r} is asked "
                    "for now. Ask for the same, or start anew with --overwrite."
                )
        if before.get("identity") != now["identity"]:
            raise RunError(
                f"The {self.what} was started on other data than '{now['source']}' holds now, or on other labels. Give "
                "the same, or start anew with --overwrite."
            )
