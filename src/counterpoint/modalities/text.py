"""Text: words become token ids; views drop, cut and mask words; an encoder reads the rest.

Items are rows of tokens (b, l) int64, padded to the longest; so are views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.nn import functional

from counterpoint import catalogue
from counterpoint.data.duplicate_texts import alike, shown
from counterpoint.data.frames import is_columns
from counterpoint.data.prompts import Prompted
from counterpoint.data.reading import Reading
from counterpoint.data.schema import NO_COLUMNS, Schema
from counterpoint.data.sheets import later_sheet, read_sheet
from counterpoint.data.shingles import shingle_vectors
from counterpoint.data.text_pairs import read_to_learn
from counterpoint.data.texts import Texts, may_be_texts, of_sheet, read_texts
from counterpoint.data.tfidf import frequent, weighted
from counterpoint.data.token_items import Ragged, Written
from counterpoint.data.tokens import Tokenizer, learned
from counterpoint.data.words import counted, in_stretches, only_whole
from counterpoint.encoders.hugging_face import PREFIX, blank, described, longest_text, pretrained
from counterpoint.errors import InputError, PlanError
from counterpoint.interfaces import Items, Parts, Views
from counterpoint.modality import GENTLE, Baseline, DataOptions, Dataset, EncoderInput, Modality
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.typed_json import Misfit, made
from counterpoint.views import near_copies, text_parts
from counterpoint.views.callables import each_text
from counterpoint.views.named import Named
from counterpoint.views.text_views import Words

VOCABULARY = 20_000
"""The largest vocabulary of a tokenizer trained here."""

STRETCH = 64
"""Length of the pieces into which longer texts are cut for skip-gram and similar methods, in words."""

LONGEST = 256
"""Tokens after which a text is truncated, by default."""

WHOLE = "lookup"
"""The encoder that reads whole words."""


class Text(Modality):
    """Sentences and documents in any language that separates words by spaces."""

    name: ClassVar[str] = "text"
    usual_encoder: ClassVar[str] = "bag"
    only_here: ClassVar[frozenset[str]] = frozenset({"min_count", "tokens"})
    ragged: ClassVar[bool] = True
    kept_apart: ClassVar[Mapping[str, str]] = {
        "tokenizer": "tokenizer.json",
        "occurrences": "occurrences.json",
        "documents": "documents.json",
    }

    def __init__(self, reading: Reading, augmentation: Callable[[str], str] | None = None) -> None:
        self.reading = reading
        self.tokenizer = Tokenizer(reading.tokenizer)
        self._prompted = Prompted(self.tokenizer, str((reading.network or {}).get("prompt", "")))
        self._augmentation = augmentation
        self._begins = self.tokenizer.begins()

    @classmethod
    def accepts(cls, source: object) -> bool:
        return may_be_texts(source)

    @classmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        borrowed = described(options.encoder)
        sheet = read_sheet(source, options, cls.name) if is_columns(source) else None
        read, linked, columns = read_to_learn(source, sheet, options)
        if borrowed is None and catalogue.split(options.encoder)[0] == WHOLE:
            read = in_stretches(read, words=STRETCH)
            tokenizer = Tokenizer(counted(read.texts, options.data))
        else:
            only_whole(options.data)
            tokenizer = Tokenizer(learned(read.texts, size=VOCABULARY) if borrowed is None else borrowed.tokenizer)
        prompted = Prompted(tokenizer, "" if borrowed is None else borrowed.prompt)
        tokens = prompted.numbers(read.texts)
        views = options.views if isinstance(options.views, str) else "callable"
        reading = Reading(
            tokenizer=tokenizer.script,
            occurrences=np.bincount(tokens.flat, minlength=len(tokenizer)).tolist(),
            documents=tokens.rows_with(len(tokenizer)),
            texts=len(tokens),
            longest=longest_text(options.view_size, borrowed, around=prompted.around, usual=LONGEST),
            columns=columns,
            paired=linked is not None,
            views=("words" if linked is None else "dropout") if views == "auto" else views,
            schema=NO_COLUMNS if sheet is None else sheet.schema,
            options=options.data,
            network=None if borrowed is None else borrowed.settings,
        )
        if borrowed is not None:
            read = replace(read, notes=[*read.notes, *borrowed.notes])
        text = cls(reading, options.views if callable(options.views) else None)
        return Dataset(text, text._learned(read, tokens, linked, compares_items=options.compares_items))

    def open(self, source: object) -> Items:
        read = self._read_later(source)
        return self._items(read, self._prompted.numbers(read.texts))

    def written_as(self) -> ReadOptions:
        options = self.reading.options
        return ReadOptions(encoding=options.encoding, quoting=options.quoting, header=options.header)

    def open_column(self, source: object, column: str) -> Items:
        read = read_texts(source, replace(self.written_as(), column=column))
        return self._items(read, self._prompted.numbers(read.texts))

    @property
    def augmentation(self) -> Named:
        """For classifiers, full texts: the class of a short one may depend on a single word."""
        views, custom = self.reading.views, self._augmentation is not None
        return Named(
            views,
            self._view,
            self.name,
            another=lambda spec: self.with_views(spec).augmentation,
            near=self._local_view,
            gentle=None if custom or views == "dropout" else "dropout",
            lost=not custom and views == "callable",
        )

    def _view(self, batch: Int64[Tensor, "b l"], key: Int64[Tensor, " b"]) -> Int64[Tensor, "b s"]:
        return self._prompted.framed(self._augmented(self._chosen(), batch, key))

    def _local_view(self, batch: Int64[Tensor, "b l"], key: Int64[Tensor, " b"]) -> Int64[Tensor, "b s"]:
        near = catalogue.find("views", self.reading.views, only=self.name)().local()
        return self._prompted.framed(self._augmented(near, batch, key))

    def aligned(self, views: Views) -> Views:
        longest = max(view.shape[1] for view in views)
        return tuple(functional.pad(view, (0, longest - view.shape[1]), value=self.tokenizer.pad) for view in views)

    def inputs(self, batch: Int64[Tensor, "b l"]) -> Int64[Tensor, "b m"]:
        return self._prompted.framed(batch)

    def near_copies(self, batch: Int64[Tensor, "b l"], key: Int64[Tensor, " b"]) -> Views:
        texts = self.tokenizer.decode(batch)
        return tuple(
            self._prompted.framed(self._seen(each, texts, batch)) for each in near_copies.sentences(texts, key)
        )

    def baselines(self) -> dict[str, Baseline]:
        return {"TF-IDF": self.flat}

    @cached_property
    def _frequent(self) -> tuple[Int64[Tensor, " u"], Float[Tensor, " d"]]:
        return frequent(self.reading.documents, self.reading.texts, self.tokenizer.fragments())

    def content_hash(self, view: Int64[Tensor, "b l"]) -> Float32[np.ndarray, "b d"]:
        return shingle_vectors(self.tokenizer.decode(view))

    def flat(self, view: Int64[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        return weighted(view, *self._frequent, pad=self.tokenizer.pad)

    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        if name.startswith(PREFIX):
            return pretrained(self._network(name), pad=self.tokenizer.pad)
        occurrences = torch.tensor(self.reading.occurrences, dtype=torch.float32)
        part = catalogue.find("encoder", self.usual_encoder if name == "auto" else name, only=self.name)
        width = getattr(part, "keywords", {}).get("width") if width is None else width  # set in the spec
        network: nn.Module = part(self.tokenizer.words, occurrences, pad=self.tokenizer.pad, width=width)
        return network

    def rebuild_encoder(self, name: str, width: int | None) -> nn.Module:
        borrowed = name.startswith(PREFIX)
        return blank(self._network(name), pad=self.tokenizer.pad) if borrowed else self.build_encoder(name, width)

    def recipe(self, encoder: str) -> Mapping[str, Any]:
        return GENTLE if encoder.startswith(PREFIX) else {}

    def _network(self, name: str) -> Mapping[str, Any]:
        """The settings to build a network; only for the one whose tokenizer is used here."""
        settings = self.reading.network
        if settings is None or catalogue.split(name)[0] != f"{PREFIX}{settings['name']}":
            raise PlanError(
                f"'{name}' reads tokens of its own tokenizer, and here texts are read by another. Train with "
                f"--encoder={name} from the beginning."
            )
        return settings

    def encoder_input(self) -> EncoderInput:
        prompt = f"the prompt {self._prompted.prompt!r} and " if self._prompted.prompt else ""
        recipe = f"The numbers of the tokens of {prompt}a text, by 'tokenizer', filled up behind with that of [PAD]."
        return EncoderInput({"tokens": None}, recipe, len(self.tokenizer))

    def view_words(self, view: Int64[Tensor, "b l"]) -> list[str]:
        return self.tokenizer.decode(view)

    def parts(self, item: Int64[Tensor, "1 l"]) -> Parts:
        return text_parts.words(item, self._begins, self.tokenizer.pad, self.tokenizer.decode)

    def with_parts(
        self, item: Int64[Tensor, "1 l"], kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]
    ) -> Int64[Tensor, "m s"]:
        return self._prompted.framed(text_parts.with_words(item, kept, self._begins, self.tokenizer.pad))

    def schema(self) -> Schema:
        return self.reading.schema

    def settings(self) -> Mapping[str, Any]:
        reading = self.reading
        return {**asdict(reading), "schema": reading.schema.settings(), "options": reading.options.record()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Text:
        schema, options = Schema.from_settings(settings.get("schema", [])), settings.get("options", {})
        text = cls(made(Reading, {**settings, "schema": schema, "options": options}))
        words = len(text.tokenizer)
        if not len(text.reading.occurrences) == len(text.reading.documents) == words:
            raise Misfit(f"its tokenizer has {words} tokens, and how often they occur is known of another number")
        return text

    def parse_query(self, like: str) -> list[str]:
        return [like]

    def _items(self, read: Texts, tokens: Ragged) -> Written:
        remark = self.tokenizer.remark(tokens)
        read = read if remark is None else replace(read, notes=[*read.notes, remark])
        return Written(read, tokens, self.reading.longest, self.tokenizer.pad)

    def _learned(self, read: Texts, tokens: Ragged, linked: np.ndarray | None, *, compares_items: bool) -> Written:
        """Training items, with their notes, pairs, and duplicates."""
        notes, long = list(read.notes), int((tokens.lengths > self.reading.longest).sum())
        if linked is not None:
            notes.append(f"{len(linked):,} rows of pairs: {', '.join(self.reading.columns)}")
        if long:
            notes.append(f"{long:,} texts are longer than {self.reading.longest} tokens and are cut (--view-size)")
        if not compares_items:
            return replace(self._items(replace(read, notes=notes), tokens), linked=linked)
        telling, size = self.tokenizer.telling(tokens)
        text_ids = alike(telling, size=size)
        again = len(text_ids) - len(np.unique(text_ids))
        if again:
            notes.append(f"{again:,} texts are near-duplicates of another; they are never negatives of each other")
        duplicate_ids = shown(text_ids, linked) if again or linked is not None else None
        return replace(self._items(replace(read, notes=notes), tokens), linked=linked, duplicate_ids=duplicate_ids)

    def _read_later(self, source: object) -> Texts:
        """Further data: the columns of training that exist (for pairs, one of them), else the column with the text."""
        reading = self.reading
        if not is_columns(source):
            return read_texts(source, ReadOptions(encoding=reading.options.encoding))
        sheet = later_sheet(source, reading.schema, self.name, reading.options)
        there = [name for name in reading.columns if name in sheet.frame.columns]
        if reading.paired:  # a column of dialogues contains no texts
            there = there[:1] if len(reading.columns) > 1 else []
        if there:
            return of_sheet(sheet, there)
        sheet = read_sheet(source, DataOptions(data=self.written_as()), self.name)  # which has no column of training
        return of_sheet(sheet, sheet.schema.of_role("text"))

    def _chosen(self) -> Callable[..., Any]:
        """The augmentation of the settings."""
        if self._augmentation is not None:
            return self._augmentation
        views = self.reading.views
        if views == "callable":
            raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
        part: Callable[..., Any] = catalogue.find("views", views, only=self.name)
        return part if ":" in views else part()

    def _augmented(self, augmentation: Callable[..., Any], batch: Tensor, key: Tensor) -> Tensor:
        if isinstance(augmentation, Words):
            return augmentation(batch, key, begins=self._begins, pad=self.tokenizer.pad, mask=self.tokenizer.mask)
        decoded = self.tokenizer.decode(batch)
        return self._seen(each_text(augmentation, decoded, key), decoded, batch)

    def _seen(self, views: Sequence[str], texts: Sequence[str], batch: Tensor) -> Int64[Tensor, "b s"]:
        """The tokens of views of texts; a text whose view would be empty is unchanged."""
        seen = self._prompted.numbers(views)
        if not seen.lengths.all():
            kept = zip(views, texts, seen.lengths, strict=True)
            seen = self._prompted.numbers([view if count else text for view, text, count in kept])
        return seen.padded(np.arange(len(batch)), most=self.reading.longest, pad=self.tokenizer.pad).to(batch.device)
