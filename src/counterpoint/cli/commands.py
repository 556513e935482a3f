"""The commands: which verbs they call, and what they say for them. What they take is in the files of the verbs."""

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
def _fit(given: Given) -> Shown | None:
    from counterpoint.runs import run_folder
    from counterpoint.training.distributed import launched

    done("fit", given)
    out = given["out"]
    if not launched().first:
        return None
    plan = run_folder.read_plan(out)
    classes: Any = plan.get("classes") or plan.get("followed")
    verdict = _held(out / run_folder.VERDICT)
    return Shown({"out": str(out), **verdict, **({"classes": classes} if classes else {})}, f"The model is in {out}")


@command("semi", LABELS, "counterpoint semi photos/ --labels labels.csv --out runs/sorted --minutes 60")
def _semi(given: Given) -> Shown:
    from counterpoint.runs import run_folder
    from counterpoint.verbs.label_efficiency import efficiency_table

    done("semi", given)
    out, budget = given["out"], _held(given["out"] / run_folder.BUDGET)
    told = f"The classifier is in {out}, its report is {out / 'report.html'}"
    record = {"out": str(out), **_held(out / run_folder.TUNED)}
    return Shown({**record, "budget": budget}, f"{efficiency_table(budget)}\n{told}") if budget else Shown(record, told)


@command("predict", LABELS, "counterpoint predict runs/tuned new/ --out predictions.csv", needs=["out"])
def _predict(given: Given) -> Shown:
    count = len(done("predict", given))
    told = f"{counted(count, 'label is', 'labels are')} in {given['out']}"
    return Shown({"out": str(given["out"]), "items": count}, told)


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
        "test": "Labelled items to ask about, a fifth of --train when left out; with --pairs columns with texts.",
        "labels": "folder, a column, or an .npy file (two, comma-separated, for train and test).",
        "source": "Of vectors what they were made of, for raw features beside them; of two, with a comma between.",
        "queries": "Texts that are asked, with their names: columns, queries.jsonl of BEIR, topics of TREC.",
        "seed": "Names the held-out items and the draws.",
    },
)
def _evaluate(given: Given) -> Shown:
    """Score the model in RUN, or vectors in a file, on labelled items, beside raw features, untrained ones and chance.

    With --budget it is asked instead what so many labels are worth: from scratch, by a linear probe, fine-tuned and
    distilled, over several draws of the labels. Every draw teaches a student on all items.

    With --pairs it is asked to find the partners of texts, with --queries, --documents and --relevance, or a folder of
    BEIR for --test, what is relevant, beside counting words; with --pairs and --scores whether it takes for alike what
    people do.
    """
    from counterpoint.data.relevance import is_beir
    from counterpoint.data.vectors import is_vectors
    from counterpoint.runs import run_folder

    run, test, pairs, queries = (given[name] for name in ("run", "test", "pairs", "queries"))
    if is_vectors(run):
        source = given["source"]
        return _printed("evaluate", given, train=None, source=tuple(source.split(",")) if source and test else source)
    if pairs is not None:
        if test is None:
            raise InputError("Say --test as well.")
        if given["scores"] is not None:
            return _printed("evaluate_similarity", given)
        return _printed("evaluate_retrieval", given, queries=test)
    if queries is not None or is_beir(test):
        return _printed("evaluate_retrieval", given, queries=test if queries is None else queries)
    train = run_folder.source_of(run) if given["train"] is None else given["train"]
    if given["budget"] is not None:
        budget = [each for text in given["budget"] for each in text.split(",") if each]
        return _printed("label_efficiency", given, train=train, budget=budget)
    return _printed("evaluate", given, train=train)


@command(
    "embed",
    USE,
    "counterpoint embed runs/photos photos/ --out vectors.npz",
    verbs=["embed", "embed_shards"],
    needs=["out"],
    words={
        "source": "As for fit; for shards a folder or a pattern such as 'data/*.tar'.",
        "out": "An .npz file with the arrays vectors (n, d) and names, or a folder that gets one for each shard.",
    },
)
def _embed(given: Given) -> Shown:
    """Write the unit vectors and names of all items of SOURCE, into one file or, shard by shard, into a folder."""
    from counterpoint.data.paths import require
    from counterpoint.model import load

    out, source = given["out"], given["source"]
    if out.suffix and out.suffix != ".npz" and not out.is_dir():
        raise InputError(f"Vectors are written as .npz, or in shards into a folder. Got --out={out}.")
    if out.suffix != ".npz" or out.is_dir():
        for name, what in (("length", "Vectors are shortened in one file"), ("column", "A column is read into one")):
            if given[name] is not None:
                raise InputError(f"{what}. Give --out an .npz file, or leave out {option(name)}.")
        return _shards(given)
    if (given["workers"], given["engine"]) != (1, "local"):
        raise InputError(f"Workers and engines write shards. Give a folder instead of --out={out}.")
    model = load(given["run"])
    if not source.startswith("sample:"):
        require(source)  # the name of a file with a slip in it is no text to embed
    began = time.perf_counter()
    z = done("embed", {**given, "run": model})
    speed, length = round(len(z) / (time.perf_counter() - began), 1), int(z.vectors.shape[1])
    kept = counted(len(z), f"vector of length {length} is", f"vectors of length {length} are")
    record = {"out": str(out), "items": len(z), "items_per_second": speed, "length": length, "model": z.model}
    return Shown(record, f"{kept} in {out}, {speed:,.0f} items per second")


@command(
    "duplicates",
    USE,
    "counterpoint duplicates runs/photos --html pairs.html",
    words={
        "run": "The run folder; or vectors that embed wrote, an .npz file or a folder, compared by themselves.",
        "source": "As for fit; the run's own when left out.",
    },
)
def _duplicates(given: Given) -> Shown:
    from counterpoint.embeddings import is_saved
    from counterpoint.runs import run_folder

    own = given["source"] is None and not is_saved(given["run"])
    result = done("duplicates", {**given, "source": run_folder.source_of(given["run"]) if own else given["source"]})
    html = given["html"]
    return Shown(result.record(), str(result) if html is None else f"{result}\n\nThe page is {html}")


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
def _verify(given: Given) -> Shown:
    """Say whether two items are the same; or, without items, choose the threshold and say how often it is right."""
    first, second, source = (given[name] for name in ("first", "second", "source"))
    if first is not None and second is not None:
        return _printed("verify", given)
    if first is not None or source is None:
        raise InputError("Give two items to compare, or --source with --labels or --pairs to choose a threshold on.")
    return _printed("verification", given)


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
def _words(given: Given) -> Shown:
    """Find words that are used alike, or answer analogies."""
    like, unlike = given["like"], given["unlike"] or []
    if (like is None) == (given["analogies"] is None):
        raise InputError("Give words to be --like, or a file of --analogies.")
    if like is None:
        return _printed("analogies", given)
    hits = done("words", given, unlike=unlike)
    return Shown({"like": like, "unlike": unlike, "hits": hits.record()}, str(hits))


@command("report", JUDGE, "counterpoint report runs/photos --labels folder")
def _report(given: Given) -> Shown:
    path = done("report", given)
    return Shown({"report": str(path)}, f"The report is {path}")


def _printed(verb: str, given: Given, **others: Any) -> Shown:
    """A result, which is a record and prints as a table; and where its report is, if it has one."""
    result, out = done(verb, given, **others), given.get("out")
    if out is None:
        return Shown(result, str(result))
    report = out / "report.html"
    return Shown({"out": str(out), **result}, f"{result}\nThe report is {report}" if report.exists() else str(result))


def _tuned(verb: str, given: Given) -> Shown:
    """What is known of a classifier or a student, from its folder."""
    from counterpoint.runs import run_folder

    done(verb, given)
    out, what = given["out"], "classifier" if verb == "finetune" else "student"
    return Shown({"out": str(out), **_held(out / run_folder.TUNED)}, f"The {what} is in {out}")


def _held(path: Path) -> dict[str, Any]:
    """What a verb has just written; nothing where it had nothing to write."""
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return record


def _shards(given: Given) -> Shown:
    """What was embedded; where something failed, a sentence with which the command fails too."""
    result = done("embed_shards", given)
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
    words={"views": "Names or package.module:name, several with commas between; the usual ones when left out."},
)(partial(_printed, "lab"))

for _name, _example in (
    ("finetune", "runs/photos photos/ --labels labels.csv --out runs/tuned"),
    ("distill", "runs/tuned photos/ --out runs/small --width 16"),
):
    command(_name, LABELS, f"counterpoint {_name} {_example}", needs=["out"])(partial(_tuned, _name))
