"""What the documentation promises: its code runs, its commands work, its links lead somewhere."""

import importlib
import re
import runpy
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.verbs.check_processes import check_processes
from tests.served import Kept

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md"))]
LONG = ("compare_and_tune", "few_labels", "images")
"""Examples whose verbs a page of the documentation runs, too."""

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NOT_RUN = ("pip install ", "export ")
FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]*)\)")


class Block(NamedTuple):
    language: str
    title: str
    text: str
    line: int


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return [
        Block(result[1], result[2], result[3], text[: result.start()].count("\n") + 1)
        for result in FENCE.finditer(text)
    ]


def prose(page):
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page):
    """What headings are called in links, as GitHub calls them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def draw_photos(random):
    """Pictures of stripes: those of leaves lie, those of shells stand; colour and place are an accident."""
    pictures = np.empty((48, 20, 20, 3), dtype=np.uint8)
    for row in range(len(pictures)):
        wave = np.sin(2 * np.pi * (np.arange(20) / 5 + random.uniform()))
        plane = np.tile(wave, (20, 1)) if row % 2 else np.tile(wave[:, None], (1, 20))
        colour, back = random.uniform(0, 255, (2, 3))
        pictures[row] = back + (colour - back) * (plane[..., None] * 0.5 + 0.5)
        path = Path("photos", "shells" if row % 2 else "leaves", f"{row:03}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[row]).save(path)
    np.save("pictures.npy", pictures)


def write_patients(random):
    """Six measurements that an illness moves a little, four that it does not, a town, and whether they are ill."""
    ill = np.arange(300) % 2
    measured = random.normal(0, 1, (300, 10)) + 1.2 * ill[:, None] * (np.arange(10) < 6)
    town = random.choice(["Bath", "Leeds", "York"], 300)
    names = ["age", "pressure", "glucose", "pulse", "sodium", "iron", "height", "shoes", "siblings", "steps"]
    lines = [",".join(["patient", *names, "town", "ill"])]
    for row in range(300):
        numbers = [f"{number:.2f}" for number in measured[row]]
        lines.append(",".join([f"P{row:03}", *numbers, town[row], ("no", "yes")[ill[row]]]))
    Path("patients.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_waves(random):
    """Series of three channels that swing slowly or fast."""
    time, swings = np.linspace(0, 1, 48), 2 + 4 * (np.arange(64) % 2)
    phase, size = random.uniform(0, 6, (64, 3, 1)), random.uniform(0.5, 2, (64, 3, 1))
    np.save("waves.npy", (size * np.sin(2 * np.pi * swings[:, None, None] * time + phase)).astype(np.float32))


def write_questions(random):
    """What people ask a bank, of one of four topics."""
    what = {
        "card": ["card", "new card", "credit card"],
        "money": ["money", "cash", "salary"],
        "loan": ["loan", "house loan", "credit line"],
        "app": ["app", "login", "password"],
    }
    ways = ["Where is my {}?", "I have lost my {}.", "Please help me with the {}!", "Why does nobody send the {}?"]
    lines = ["question,topic"]
    for row in range(96):
        topic = list(what)[row % 4]
        lines.append(f'"{ways[random.integers(4)].format(random.choice(what[topic]))} It is day {row}.",{topic}')
    Path("questions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with photos, pictures, patients, questions and waves, in which modules can be written and found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    random = np.random.default_rng(0)
    draw_photos(random)
    write_patients(random)
    draw_waves(random)
    write_questions(random)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith((str(tmp_path), str(ROOT / "examples"))):
            del sys.modules[name]


def run_command(line, server):
    """What stands in a block of commands: ours are run, those of make are looked up, few others are let pass."""
    words = shlex.split(line, comments=True)
    if words[:1] == ["counterpoint"]:
        main(words[1:])
    elif words[:1] == ["curl"]:
        server.curl(*words[1:])
    elif words[:1] == ["make"]:
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), line
    else:
        assert not words or line.startswith(NOT_RUN), f"nobody checks this command: {line}"


@pytest.mark.usefixtures("quick_lessons")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page, folder, monkeypatch):
    two = partial(check_processes, counts=(1, 2))  # each costs seconds of imports; four meet in the tests of processes
    monkeypatch.setattr("counterpoint.verbs.check_processes.check_processes", two)
    namespace = {"__name__": "__main__"}
    server = Kept(monkeypatch)
    for block in blocks(page):
        assert block.language in ("python", "bash", "text"), f"{page.name}, line {block.line}"
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
            importlib.invalidate_caches()
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, page.name, "exec"), namespace)
        elif block.language == "bash":
            for line in block.text.replace("\\\n", " ").splitlines():
                run_command(line, server)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "example",
    [pytest.param(each, id=each.stem, marks=[pytest.mark.slow] if each.stem in LONG else []) for each in EXAMPLES],
)
def test_every_example_runs_and_prints(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_examples_read_as_notebooks_and_are_listed():
    listed = re.findall(r"\]\((\w+\.py)\)", (ROOT / "examples" / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [example.name for example in EXAMPLES]
    for example in EXAMPLES:
        text = example.read_text(encoding="utf-8")
        assert text.startswith("# %% [markdown]\n# # "), example.name
        assert not re.search(r"^# %%(?! \[markdown\]\n|\n)", text, re.MULTILINE), example.name
        if example.stem != "own_loop_parts":  # which is about the parts
            inside = set(re.findall(r"^(?:from|import) (counterpoint\S*)", text, re.MULTILINE))
            assert inside <= {"counterpoint", "counterpoint.comparison"}, example.name


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor.startswith("counterpoint.") or anchor in anchors(place), target


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^::: counterpoint\.(\w+)$", text, re.MULTILINE)) == sorted(cp.PUBLIC)
    for module, name in re.findall(r"^::: (counterpoint\.\w+)\.(\w+)$", text, re.MULTILINE):
        assert hasattr(importlib.import_module(module), name)


def test_what_a_site_loads_from_elsewhere_is_found(tmp_path, capsys):
    offline = runpy.run_path(str(ROOT / "docs" / "hooks" / "offline.py"))
    page = tmp_path / "index.html"
    page.write_text('<a href="https://a.example">free</a><script src="app.js"></script>', encoding="utf-8")
    assert offline["main"](str(tmp_path)) == 0
    for loads in (
        '<script src="https://a.example/x.js"></script>',
        '<link rel="preconnect stylesheet" href="//a.example/x.css">',
        "<style>@import 'https://a.example/x.css';</style>",
        '<p style="background: url(https://a.example/x.png)">',
    ):
        page.write_text(loads, encoding="utf-8")
        assert offline["main"](str(tmp_path)) == 1, loads
        assert "a.example/x." in capsys.readouterr().err
    page.unlink()
    assert offline["main"](str(tmp_path)) == 1  # a site that was not built is not one without faults


def test_the_index_lists_every_page():
    listed = {target.partition("#")[0] for target in LINK.findall(prose(ROOT / "docs" / "index.md"))}
    assert listed >= {page.name for page in PAGES if page.parent.name == "docs" and page.stem != "index"}


@pytest.mark.parametrize("page", ["journey.md", "glossary.md"])
def test_every_file_that_a_map_of_the_code_names_exists(page):
    named = re.findall(r"`([a-z_0-9/]+\.py)`", prose(ROOT / "docs" / page))
    assert len(named) > 10
    for name in named:
        assert (ROOT / "src" / "counterpoint" / name).exists() or (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "verb", ["fit", "plan", "evaluate", "embed", "search", "report", "list", "check", "export", "tune", "lab"]
)
def test_every_verb_has_help(verb, capsys):
    main([verb, "--help"])
    assert f"counterpoint {verb}" in capsys.readouterr().out
