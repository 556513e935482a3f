"""The commands: which verbs they call, and what they print. Their arguments are defined in the files of the verbs."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from counterpoint.cli.help import CHOOSE, JUDGE, LABELS, LEARN, USE
from counterpoint.cli.maker import Given, Shown, command, done
from counterpoint.errors import InputError, counted, option


@command("fit", LEARN, "counterpoint fit photos/ --out runs/photos --minutes 30", needs=["out"])
def _fit(values: Given) -> Shown | None:
    from counterpoint.runs import run_folder
    from counterpoint.training.distributed import launched

    done("fit", values)
    out = values["out"]
    if not launched().first:
        return None
    plan = run_folder.read_plan(out)
    classes: Any = plan.get("classes") or plan.get("followed")
    verdict = _held(out / run_folder.VERDICT)
    return Shown({"out": str(out), **verdict, **({"classes": classes} if classes else {})}, f"The model is in {out}")


@command("semi", LABELS, "counterpoint semi photos/ --labels labels.csv --out runs/sorted --minutes 60")
def _semi(values: Given) -> Shown:
    from counterpoint.runs import run_folder
    from counterpoint.verbs.label_efficiency import efficiency_table

    done("semi", values)
    out, budget = values["out"], _held(values["out"] / run_folder.BUDGET)
    sentence = f"The classifier is in {out}, its report is {out / 'report.html'}"
    record = {"out": str(out), **_held(out / run_folder.TUNED)}
    return (
        Shown({**record, "budget": budget}, f"{efficiency_table(budget)}\n{sentence}")
        if budget
        else Shown(record, sentence)
    )


@command("predict", LABELS, "counterpoint predict runs/tuned new/ --out predictions.csv", needs=["out"])
def _predict(values: Given) -> Shown:
    count = len(done("predict", values))
    sentence = f"{counted(count, 'label is', 'labels are')} in {values['out']}"
    return Shown({"out": str(values["out"]), "items": count}, sentence)


@command(
    "evaluate",
    JUDGE,
    "counterpoint evaluate runs/photos --labels folder",
    "counterpoint evaluate runs/photos --labels folder --budget 1 10 10%",
    verbs=["evaluate", "label_efficiency", "evaluate_retrieval", "evaluate_similarity"],
    several=["budget"],
    words={
        "run": "The run folder, or an .npz or .npy file of vectors, whoever made them.",
        "train": "Labelled items to learn from; the run's own source when left out.",
        "test": "Labelled test items, a fifth of --train when left out; with --pairs columns with texts.",
        "labels": "folder, a column, or an .npy file (two, comma-separated, for train and test).",
        "source": "For vectors, the data they were made from, for raw features as a baseline; two, comma-separated.",
        "queries": "Texts of queries, with their names: columns, queries.jsonl of BEIR, topics of TREC.",
        "seed": "Seed of the held-out items and the draws.",
    },
)
def _evaluate(values: Given) -> Shown:
    """Score the model in RUN, or vectors in a file, on labelled items, beside raw features, untrained ones and chance.

    With --budget it measures instead the accuracy by number of labels: from scratch, by a linear probe, fine-tuned and
    distilled, over several draws of the labels. In every draw a student is distilled on all items.

    With --pairs it measures the retrieval of partners of texts, with --queries, --documents and --relevance, or a
    folder of BEIR for --test, of relevant documents, beside lexical baselines; with --pairs and --scores the
    correlation with human similarity scores.
    """
    from counterpoint.data.relevance import is_beir
    from counterpoint.data.vectors import is_vectors
    from counterpoint.runs import run_folder

    run, test, pairs, queries = (values[name] for name in ("run", "test", "pairs", "queries"))
    if is_vectors(run):
        source = values["source"]
        return _printed("evaluate", values, train=None, source=tuple(source.split(",")) if source and test else source)
    if pairs is not None:
        if test is None:
            raise InputError("Say --test as well.")
        if values["scores"] is not None:
            return _printed("evaluate_similarity", values)
        return _printed("evaluate_retrieval", values, queries=test)
    if queries is not None or is_beir(test):
        return _printed("evaluate_retrieval", values, queries=test if queries is None else queries)
    train = run_folder.source_of(run) if values["train"] is None else values["train"]
    if values["budget"] is not None:
        budget = [each for text in values["budget"] for each in text.split(",") if each]
        return _printed("label_efficiency", values, train=train, budget=budget)
    return _printed("evaluate", values, train=train)


@command(
    "embed",
    USE,
    "counterpoint embed runs/photos photos/ --out vectors.npz",
    verbs=["embed", "embed_shards"],
    needs=["out"],
    words={
        "source": "As for fit; for shards a folder or a pattern such as 'data/*.tar'.",
        "out": "An .npz file with the arrays vectors (n, d) and names, or a folder for one file per shard.",
    },
)
def _embed(values: Given) -> Shown:
    """Write the unit vectors and names of all items of SOURCE, into one file or, shard by shard, into a folder."""
    from counterpoint.data.paths import require
    from counterpoint.model import load

    out, source = values["out"], values["source"]
    if out.suffix and out.suffix != ".npz" and not out.is_dir():
        raise InputError(f"Vectors are written as .npz, or in shards into a folder. Got --out={out}.")
    if out.suffix != ".npz" or out.is_dir():
        for name, what in (("length", "Vectors are shortened in one file"), ("column", "A column is read into one")):
            if values[name] is not None:
                raise InputError(f"{what}. Give --out an .npz file, or leave out {option(name)}.")
        return _shards(values)
    if (values["workers"], values["engine"]) != (1, "local"):
        raise InputError(f"Workers and engines write shards. Give a folder instead of --out={out}.")
    model = load(values["run"])
    if not source.startswith("sample:"):
        require(source)  # a mistyped file name is not a text to embed
    began = time.perf_counter()
    z = done("embed", {**values, "run": model})
    speed, length = round(len(z) / (time.perf_counter() - began), 1), int(z.vectors.shape[1])
    kept = counted(len(z), f"vector of length {length} is", f"vectors of length {length} are")
    record = {"out": str(out), "items": len(z), "items_per_second": speed, "length": length, "model": z.model}
    return Shown(record, f"{kept} in {out}, {speed:,.0f} items per second")


@command(
    "duplicates",
    USE,
    "counterpoint duplicates runs/photos --html pairs.html",
    words={
        "run": "The run folder; or vectors that embed wrote, an .npz file or a folder, compared without a model.",
        "source": "As for fit; the run's own when left out.",
    },
)
def _duplicates(values: Given) -> Shown:
    from counterpoint.embeddings import is_saved
    from counterpoint.runs import run_folder

    of_run = values["source"] is None and not is_saved(values["run"])
    result = done(
        "duplicates", {**values, "source": run_folder.source_of(values["run"]) if of_run else values["source"]}
    )
    html = values["html"]
    return Shown(result.record(), str(result) if html is None else f"{result}\n\nThe page is {html}")


@command(
    "explain",
    USE,
    "counterpoint explain runs/photos first.jpg second.jpg --html why.html",
    words={
        "run": "The run folder.",
        "a": "The first item: the name or the row of one of --source, a file with one item, or, for texts, a text.",
        "source": "Where names and rows are looked up, and what masked columns are filled from; the run's own data "
        "when left out.",
    },
)
def _explain(values: Given) -> Shown:
    result, html = done("explain", values), values["html"]
    return Shown(result.record(), str(result) if html is None else f"{result}\n\nThe page is {html}")


@command(
    "audit",
    USE,
    "counterpoint audit photos/ --labels folder --out runs/audit",
    "counterpoint audit photos/ --run runs/photos --test new/ --out runs/audit --apply clean.csv",
    words={"run": "The run folder; without one a model is trained on SOURCE itself, into run inside --out."},
)
def _audit(values: Given) -> Shown:
    result = done("audit", values)
    out, apply = values["out"], values["apply"]
    told = f"{result}\n\nThe queue is {out / 'queue.csv'}, the page {out / 'report.html'}"
    return Shown({"out": str(out), **result.record()}, told if apply is None else f"{told}, the cleaned list {apply}")


@command(
    "verify",
    USE,
    "counterpoint verify runs/faces first.png second.png",
    "counterpoint verify runs/faces --source other/ --labels folder",
    verbs=["verify", "verification"],
    words={
        "run": "The run folder. After fit --method siamese it has a threshold already.",
        "source": "Where the items are, the run's own data when left out. To choose a threshold: items that were not "
        "learned from.",
        "pairs": "Or pairs: a .csv file with the columns first, second and same.",
    },
)
def _verify(values: Given) -> Shown:
    """Tell whether two items are the same; or, without items, choose the threshold and measure its accuracy."""
    first, second, source = (values[name] for name in ("first", "second", "source"))
    if first is not None and second is not None:
        return _printed("verify", values)
    if first is not None or source is None:
        raise InputError("Give two items to compare, or --source with --labels or --pairs to choose a threshold on.")
    return _printed("verification", values)


@command(
    "words",
    USE,
    "counterpoint words runs/words --like king woman --unlike man",
    verbs=["words", "analogies"],
    several=["like", "unlike"],
    words={
        "unlike": "The same: --like king woman --unlike man is an analogy.",
        "analogies": "A file of questions, four words in each line, as questions-words.txt of word2vec.",
    },
)
def _words(values: Given) -> Shown:
    """Find similar words, or answer analogies."""
    like, unlike = values["like"], values["unlike"] or []
    if (like is None) == (values["analogies"] is None):
        raise InputError("Give words to be --like, or a file of --analogies.")
    if like is None:
        return _printed("analogies", values)
    hits = done("words", values, unlike=unlike)
    return Shown({"like": like, "unlike": unlike, "hits": hits.record()}, str(hits))


@command("report", JUDGE, "counterpoint report runs/photos --labels folder")
def _report(values: Given) -> Shown:
    path = done("report", values)
    return Shown({"report": str(path)}, f"The report is {path}")


def _printed(verb: str, values: Given, **others: Any) -> Shown:
    """A result, which is a record and prints as a table; and the path of its report, if it has one."""
    result, out = done(verb, values, **others), values.get("out")
    if out is None:
        return Shown(result, str(result))
    report = out / "report.html"
    return Shown({"out": str(out), **result}, f"{result}\nThe report is {report}" if report.exists() else str(result))


def _tuned(verb: str, values: Given) -> Shown:
    """The record of a classifier or a student, from its folder."""
    from counterpoint.runs import run_folder

    done(verb, values)
    out, what = values["out"], "classifier" if verb == "finetune" else "student"
    return Shown({"out": str(out), **_held(out / run_folder.TUNED)}, f"The {what} is in {out}")


def _held(path: Path) -> dict[str, Any]:
    """The record that a verb has just written; empty where there is none."""
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return record


def _shards(values: Given) -> Shown:
    """The result of embedding; where shards failed, with a sentence, and the command fails, too."""
    result = done("embed_shards", values)
    failed = result["failed"]
    if not failed:
        return Shown(result, str(result))
    sentence = (
        f"{len(failed)} of {result['shards']} shards could not be embedded; '{failed[0]['shard']}', for one: "
        f"{failed[0]['reason'].rstrip('.')}. The same command tries those again."
    )
    return Shown(result, str(result), sentence)


for _name, _group, _example in (
    ("plan", LEARN, "photos/ --method moco"),
    ("mine", USE, "runs/answers answers.csv --pairs question,answer --out mined.csv"),
    ("export", USE, "runs/photos --out model.onnx"),
    ("compare", CHOOSE, "photos/ --methods simclr,moco --labels folder --out runs/compared"),
    ("tune", CHOOSE, "photos/ --labels folder --minutes 60 --out runs/tuned"),
):
    command(_name, _group, f"counterpoint {_name} {_example}")(partial(_printed, _name))

command(
    "lab",
    CHOOSE,
    "counterpoint lab photos/ --labels folder --out runs/lab",
    words={"views": "Names or package.module:name, separated by commas; the default views when left out."},
)(partial(_printed, "lab"))

for _name, _example in (
    ("finetune", "runs/photos photos/ --labels labels.csv --out runs/tuned"),
    ("distill", "runs/tuned photos/ --out runs/small --width 16"),
):
    command(_name, LABELS, f"counterpoint {_name} {_example}", needs=["out"])(partial(_tuned, _name))
