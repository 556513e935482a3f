"""Loads every run in a folder again and again, one field of one file damaged each time; run as a process of its own.

Prints how many cases there were, how many were refused, and those that went wrong: what raised anything but a
CounterpointError, started a program, imported what a gadget names, or wrote outside of the folder.
"""

import contextlib
import json
import resource
import sys
import warnings
from pathlib import Path

import torch

import counterpoint as cp
from counterpoint.classification.classifier import RECORD
from counterpoint.reports.run_contents import read_run
from counterpoint.runs import run_folder
from counterpoint.storage.files import fingerprint

GADGET = "turtledemo.clock:main(cmd='touch x')"
VALUES = (
    GADGET,
    "../../../etc/passwd",
    "",
    None,
    -1,
    10**9,
    10**400,
    1e308,
    float("nan"),
    True,
    [],
    {},
    [[[]]],
    "x" * 20,
)
LIMIT = 6 * 2**30
"""Bytes of memory that may be asked for: torch alone takes some of it."""

SEEN: list[str] = []


def watch(event, arguments):
    """Note what no record may make happen."""
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn"):
        SEEN.append(event)
    elif event == "import" and "turtledemo" in str(arguments[0]):
        SEEN.append(f"import {arguments[0]}")
    elif event == "open" and set(str(arguments[1])) & set("wax+"):
        SEEN.append(f"open {arguments[0]}")


def fields(value, place=()):
    """The place of every field inside a value, of lists the first two."""
    yield place
    inside = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for name, each in list(inside)[:40]:
        yield from fields(each, (*place, name))


def replaced(value, place, new):
    """The value with another one at this place."""
    if not place:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = replaced(value[place[0]], place[1:], new)
    return copied


def load(run):
    """All that is read of a folder."""
    cp.load_classifier(run) if (run / RECORD).exists() else cp.load(run)
    read_run(run)
    run_folder.read_plan(run)
    with contextlib.suppress(cp.InputError):
        run_folder.source_of(run)


def tried(run):
    """Whether a folder is refused; and what went wrong."""
    SEEN.clear()
    try:
        load(run)
    except cp.CounterpointError as refusal:
        return True, list(SEEN) + ([] if len(str(refusal)) < 1000 else ["a long message"])
    except BaseException as wrong:
        return True, [*SEEN, f"{type(wrong).__name__}: {str(wrong)[:200]}"]
    return False, list(SEEN)


def damaged(file):
    """Other contents for a file, each under what it is: one field of its JSON replaced by every value in turn."""
    lines = file.suffix == ".jsonl"
    text = file.read_text()
    record = [json.loads(each) for each in text.splitlines()] if lines else json.loads(text)
    for place in fields(record):
        for value in VALUES:
            changed = replaced(record, place, value)
            if lines and not isinstance(changed, list):
                continue
            said = "\n".join(map(json.dumps, changed)) if lines else json.dumps(changed)
            yield (file.name, ".".join(map(str, place)), repr(value)[:30]), said.encode()
    for cut in (0, len(text) // 2, len(text) - 3):
        yield (file.name, "cut", cut), text.encode()[:cut]
    yield (file.name, "deep", ""), b"[" * 100_000
    yield (file.name, "bytes", ""), b"\xff\xfe\x00"


def signed(run, file):
    """Make the digests in ``config.json`` those of what a file holds now, as a stranger would."""
    config, digest = run / "config.json", fingerprint(file)
    record = json.loads(config.read_text()) if file != config else {}
    for name in record.get("apart", {}):
        if file.stem == name:
            record["apart"][name] = digest
    if file.name == "model.safetensors":
        record["weights"] = digest
    if record:
        config.write_text(json.dumps(record))


def main(home, every):
    """Try one in so many cases of every run in a folder."""
    number, refused, wrong = 0, 0, []
    for run in sorted(path.parent for path in home.glob("*/config.json")):
        for file in sorted([*run.glob("*.json"), *run.glob("*.jsonl")]):
            held = file.read_bytes()
            for case, data in damaged(file):
                number += 1
                if number % every:
                    continue
                file.write_bytes(data)
                signed(run, file)
                is_refused, said = tried(run)
                refused += is_refused
                wrong += [[*map(str, case), each] for each in said]
            file.write_bytes(held)
            signed(run, file)
    print(json.dumps({"cases": number // every, "refused": refused, "wrong": wrong}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    sys.addaudithook(watch)
    main(Path(sys.argv[1]), int(sys.argv[2]))
