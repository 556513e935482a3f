"""One shard becomes one file: the work of every worker, in this process, in others, or on other machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.data.shards import Shard
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError, RunError
from counterpoint.interfaces import info_of
from counterpoint.model import Model, load
from counterpoint.storage.files import PARTIAL, target_of


@dataclass(frozen=True)
class Outcome:
    """The outcome of a shard: the numbers of items in its file and of unreadable ones, or why it has none."""

    shard: str
    items: int = 0
    unreadable: int = 0
    reason: str | None = None


Tell = Callable[[Outcome], None]
"""Called with the outcome of every shard."""


@dataclass(frozen=True)
class Embedder:
    """A model, loaded once, that writes the vectors of one shard after another."""

    model: Model
    fingerprint: str
    out: Path

    def __call__(self, shard: Shard) -> Outcome:
        """Write the file of a shard atomically; one that cannot be read must not stop the others."""
        try:
            return self._write(shard)
        except (InputError, OSError) as wrong:
            return Outcome(shard.name, reason=" ".join(str(wrong).split()))
        except Exception as wrong:  # libraries may raise anything for damaged files
            return Outcome(shard.name, reason=f"{type(wrong).__name__}: {' '.join(str(wrong).split())}")

    def _write(self, shard: Shard) -> Outcome:
        state = shard.state()
        items = self.model.modality.open(shard.source)
        names = [shard.item(name) for name in items.names]
        z = Embeddings(self.model.directions(items), names, self.fingerprint, state)
        z.save(target(self.out, shard))
        return Outcome(shard.name, len(z), len(info_of(items).skipped))


@dataclass(frozen=True)
class Order:
    """What a worker in another process needs to make an embedder."""

    run: str
    fingerprint: str
    out: str

    def embedder(self) -> Embedder:
        """Load the model, and check that it was not replaced meanwhile.

        The calling process has loaded it, too, and with it parts from outside.
        """
        model = load(self.run, trust=True)
        if model.fingerprint() != self.fingerprint:
            raise RunError(f"The model in '{self.run}' has been replaced. Start again.")
        return Embedder(model, self.fingerprint, Path(self.out))


def target(out: Path, shard: Shard) -> Path:
    """The file of a shard."""
    return out / f"{shard.name}.npz"


def sweep(out: Path, shards: Sequence[Shard]) -> None:
    """Remove leftovers of killed processes for these shards: temporary files beside their files."""
    targets = {target(out, shard) for shard in shards}
    for path in out.rglob(f".*{PARTIAL}"):
        if target_of(path) in targets:
            path.unlink(missing_ok=True)
