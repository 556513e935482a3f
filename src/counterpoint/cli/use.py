"""The verbs that use a model: evaluate, embed, search, duplicates, report."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

from cyclopts import Parameter

from counterpoint.cli.app import AsJson, Flag, Place, Run, Several, app, say, trusts
from counterpoint.cli.help import JUDGE, USE, example
from counterpoint.data.paths import require
from counterpoint.errors import InputError, counted


@app.command(
    group=JUDGE,
    help_epilogue=example(
        "counterpoint evaluate runs/photos --labels folder",
        "counterpoint evaluate runs/photos --labels folder --budget 1 10 10%",
    ),
)
@trusts
def evaluate(
    run: Run,
    *,
    train: str | None = None,
    test: str | None = None,
    labels: str | None = None,
    budget: Several = None,
    draws: int = 3,
    pairs: str | None = None,
    among: int | None = None,
    scores: str | None = None,
    queries: str | None = None,
    documents: str | None = None,
    relevance: str | None = None,
    source: str | None = None,
    groups: str | None = None,
    seed: int = 0,
    as_json: AsJson = False,
) -> None:
    """Score the model in RUN, or vectors in a file, on labelled items, beside raw features, untrained ones and chance.

    With --budget it is asked instead what so many labels are worth: from scratch, by a linear probe, fine-tuned and
    distilled, over several draws of the labels. Every draw teaches a student on all items.

    With --pairs it is asked to find the partners of texts, with --queries, --documents and --relevance, or a folder of
    BEIR for --test, what is relevant, beside counting words.

    Args:
        run: The run folder, or an .npz or .npy file of vectors, whoever made them.
        train: Labelled items to learn from; the run's own source when left out.
        test: Labelled items to ask about; a fifth of --train when left out.
        labels: folder, a column, or an .npy file (two, comma-separated, for train and test).
        budget: Labels per class, such as 10, or shares, such as 1%; 1 5 10 50 1% 10% 100% when none is named.
        draws: How often the labels of a budget are drawn.
        pairs: Two columns of --test, such as question,answer: the second is to be found from the first.
        scores: A third column, of how alike people say the pairs are; then their order is compared with the encoder's.
        among: Among so many, drawn at random; among all when left out.
        queries: Texts that are asked, with their names: columns, queries.jsonl of BEIR, topics of TREC.
        documents: Texts among which the answers are, with their names: columns, corpus.jsonl of BEIR.
        relevance: Names of queries and documents, and perhaps a grade: columns, qrels of BEIR or of TREC.
        source: Of vectors what they were made of, for raw features beside them; of a pair two, with a comma between.
        groups: What several items share so that no split may part them, such as their patient: a column, folder for
            the folder below that of the class, an .npy file with one entry per item, or a .csv file with the columns
            name and group. As in training when left out.
        seed: Names the held-out items and the draws.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.data.relevance import is_beir
    from counterpoint.data.vectors import is_vectors
    from counterpoint.runs import run_folder

    if is_vectors(run):
        sources = tuple(source.split(",")) if source and test else source
        result = api.evaluate(run, None, test, labels=labels, source=sources, groups=groups, seed=seed)
        say(result, str(result), as_json=as_json)
        return
    if pairs is not None and scores is not None:
        result = api.agree(run, _given(test, "--test"), pairs=pairs.split(","), scores=scores, seed=seed)
        say(result, str(result), as_json=as_json)
        return
    if pairs is not None:
        result = api.match(run, _given(test, "--test"), pairs=pairs.split(","), among=among, seed=seed)
        say(result, str(result), as_json=as_json)
        return
    if queries is None and is_beir(test):
        queries, documents, relevance = test, documents or test, relevance or test
    if queries is not None:
        held, judged = _given(documents, "--documents"), _given(relevance, "--relevance")
        result = api.retrieve(run, queries, held, judged, seed=seed)
        say(result, str(result), as_json=as_json)
        return
    train = train if train is not None else run_folder.source_of(run)
    if budget is not None:
        budgets = [each for text in budget for each in text.split(",") if each]
        wanted: dict[str, Any] = {"labels": labels, "groups": groups, "budget": budgets, "draws": draws, "seed": seed}
        result = api.label_efficiency(run, train, test, **wanted)
        say(result, str(result), as_json=as_json)
        return
    result = api.evaluate(run, train, test, labels=labels, source=source, groups=groups, seed=seed)
    say(result, str(result), as_json=as_json)


def _given(value: str | None, name: str) -> str:
    if value is None:
        raise InputError(f"Say {name} as well.")
    return value


@app.command(group=USE, help_epilogue=example("counterpoint embed runs/photos photos/ --out vectors.npz"))
@trusts
def embed(
    run: Run,
    source: str,
    *,
    out: Place,
    length: int | None = None,
    column: str | None = None,
    groups: str | None = None,
    workers: int = 1,
    engine: str = "local",
    shard_size: int = 10_000,
    overwrite: Annotated[bool, Flag] = False,
    as_json: AsJson = False,
) -> None:
    """Write the unit vectors and names of all items of SOURCE, into one file or, shard by shard, into a folder.

    Args:
        run: The run folder.
        source: As for fit; for shards a folder or a pattern such as 'data/*.tar'.
        out: An .npz file with the arrays vectors (n, d) and names, or a folder that gets one for each shard.
        length: Numbers of every vector that are kept, of a model that was trained with --matryoshka; all when left out.
        column: The column with the texts, such as answer; the first that the model learned from when left out.
        groups: As for evaluate; kept with the vectors in one file, so that evaluate of those parts no group.
        workers: Shards are embedded by this many processes.
        engine: local, or ray for Ray Data.
        shard_size: Loose photos are cut into shards of this many.
        overwrite: Replace vectors of another model in the folder.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.model import load

    if out.suffix and out.suffix != ".npz" and not out.is_dir():
        raise InputError(f"Vectors are written as .npz, or in shards into a folder. Got --out={out}.")
    if out.suffix != ".npz" or out.is_dir():
        if length is not None:
            raise InputError("Vectors are shortened in one file. Give --out an .npz file, or leave out --length.")
        if column is not None:
            raise InputError("A column is read into one file. Give --out an .npz file, or leave out --column.")
        if groups is not None:
            raise InputError("Groups are kept in one file. Give --out an .npz file, or leave out --groups.")
        ways: dict[str, Any] = {"workers": workers, "engine": engine, "shard_size": shard_size, "overwrite": overwrite}
        _say_shards({"out": str(out), **api.embed_shards(run, source, out, **ways)}, as_json=as_json)
        return
    if (workers, engine) != (1, "local"):
        raise InputError(f"Workers and engines write shards. Give a folder instead of --out={out}.")
    model = load(run)
    if not source.startswith("sample:"):
        require(source)  # the name of a file with a slip in it is no text to embed
    began = time.perf_counter()
    z = api.embed(model, source, length=length, column=column, groups=groups)
    z.save(out)
    speed = round(len(z) / (time.perf_counter() - began), 1)
    numbers = int(z.vectors.shape[1])
    result = {"out": str(out), "items": len(z), "items_per_second": speed, "length": numbers, "model": z.model}
    kept = counted(len(z), f"vector of length {numbers} is", f"vectors of length {numbers} are")
    say(
        result,
        f"{kept} in {out}, {speed:,.0f} items per second",
        as_json=as_json,
    )


def _say_shards(done: dict[str, Any], *, as_json: bool) -> None:
    """Say what was embedded and what was not; where something failed, the exit status says so too."""
    failed = done["failed"]
    counts = f"{done['written']} of {done['shards']} shards are written, {done['skipped']} were there already"
    lines = [f"failed  {each['shard']}: {each['reason']}" for each in failed]
    if done["unreadable"]:
        lines.append(
            f"{counted(done['unreadable'], 'item that cannot be read is', 'items that cannot be read are')} left out"
        )
    speed = f"{counted(done['items'], 'vector')}, {done['items_per_second']:,.0f} items per second"
    say(done, "\n".join([*lines, f"{counts}; {speed}. They are in {done['out']}"]), as_json=as_json)
    if failed:
        sentence = (
            f"{len(failed)} of {done['shards']} shards could not be embedded; '{failed[0]['shard']}', for one: "
            f"{failed[0]['reason'].rstrip('.')}. The same command tries those again."
        )
        if not as_json:
            raise InputError(sentence)
        print(f"counterpoint: {sentence}", file=sys.stderr)  # its record is printed already, and says which
        sys.exit(2)


@app.command(group=USE, help_epilogue=example("counterpoint search runs/photos photos/ --like query.jpg -k 5"))
@trusts
def search(
    run: Run,
    source: str,
    *,
    like: str,
    column: str | None = None,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 10,
    as_json: AsJson = False,
) -> None:
    """Find the items of SOURCE most alike to one item, or to a text.

    Args:
        run: The run folder.
        source: As for fit, or vectors that embed wrote, an .npz file or a folder: then only --like is embedded.
        like: The name of an item, its row number, a file with one item, or, among texts, a text.
        column: Search in this column of SOURCE, such as answer; the first that the model learned from when left out.
        k: How many to find.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    hits = api.search(run, source, like=like, k=k, column=column)
    say({"like": like, "hits": hits.record()}, str(hits), as_json=as_json)


@app.command(group=USE, help_epilogue=example("counterpoint duplicates runs/photos --html pairs.html"))
@trusts
def duplicates(
    run: Run,
    source: str | None = None,
    *,
    threshold: float | None = None,
    precision: float = 0.9,
    html: Place | None = None,
    as_json: AsJson = False,
) -> None:
    """Find the items of SOURCE that are nearly copies of one another, each pair with its probability.

    What copies look like to the model is learned from copies that are planted among the items.

    Args:
        run: The run folder; or vectors that embed wrote, an .npz file or a folder, which are compared by themselves.
        source: As for fit; the run's own when left out.
        threshold: List pairs of at least this cosine similarity of centred vectors instead of probable ones.
        precision: Expected share of copies among the pairs that are listed; lower it to find more.
        html: A page that shows the pairs side by side.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.embeddings import is_saved
    from counterpoint.runs import run_folder

    if source is None and not is_saved(run):
        source = run_folder.source_of(run)
    result = api.duplicates(run, source, threshold=threshold, precision=precision, html=html)
    text = str(result) if html is None else f"{result}\n\nThe page is {html}"
    say(result.record(), text, as_json=as_json)


@app.command(group=JUDGE, help_epilogue=example("counterpoint report runs/photos --labels folder"))
@trusts
def report(run: Run, *, source: str | None = None, labels: str | None = None, as_json: AsJson = False) -> None:
    """Write report.html into RUN, or a page beside a file of vectors: one file that opens from disk.

    Args:
        run: The run folder, or an .npz or .npy file of vectors.
        source: The data for the gallery and the map; the run's own when left out.
        labels: Colour the map with these: folder, a column, an .npy file.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    path = api.report(run, source=source, labels=labels)
    say({"report": str(path)}, f"The report is {path}", as_json=as_json)
