import logging

import numpy as np
from rich.console import Console

import counterpoint as cp
from counterpoint.output.console import draws_bars
from counterpoint.setup import progress
from tests.unit.test_watch import HEALTHY
from tests.worlds import records


def heard(told, monkeypatch):
    out = Console(record=True, width=200, force_terminal=False)
    monkeypatch.setattr(progress, "console", lambda: out)
    with progress.progress() as listen:
        for record in told:
            listen({**record, "views_per_second": 10.0})
    return out.export_text()


def test_trouble_is_said_once_while_the_run_goes(monkeypatch):
    told = [HEALTHY | {"step": step, "effective_rank_z": 2.5} for step in (40, 60, 80)]
    text = heard(told, monkeypatch)
    assert text.count("Dimensional collapse") == 1
    assert "step 40/100" in text


def test_a_healthy_run_says_nothing_but_where_it_stands(monkeypatch):
    text = heard([HEALTHY | {"step": 50}, {"step": 50, "steps": 100, "epoch": 4, "knn": 0.5}], monkeypatch)
    assert "collapse" not in text
    assert "epoch 5: kNN accuracy 50.0%" in text


def test_decoding_many_photos_says_how_far_it_is_and_few_nothing(monkeypatch):
    out = Console(record=True, width=200, force_terminal=False)
    monkeypatch.setattr(progress, "console", lambda: out)
    for total in (50, 2000):
        tell = progress.decoding()
        for done in range(1, total + 1):
            tell(done, total)
    lines = out.export_text().splitlines()
    assert len(lines) == 10
    assert lines[0] == "decoding  200 of 2,000 photos"


def test_embedding_says_how_far_it_is_once_it_takes_a_while(monkeypatch):
    out = Console(record=True, width=200, force_terminal=False)
    monkeypatch.setattr(progress, "console", lambda: out)
    model = cp.fit(records(64).source, epochs=1, batch_size=16, width=8)
    items = model.modality.open(records(64).source)
    out.export_text()
    for patience in (1e9, -1.0):
        monkeypatch.setattr(progress, "WHILE", patience)
        told = model.embed_items(items, batch_size=16, tell=progress.embedding("teacher"))
    assert out.export_text().splitlines() == [f"teacher  {done} of 64 items" for done in (16, 32, 48, 64)]
    np.testing.assert_array_equal(told.vectors, model.embed_items(items).vectors)


def test_a_quiet_verb_prints_nothing_and_loggers_hear_it(capsys, caplog):
    caplog.set_level(logging.INFO, logger="counterpoint")
    rows = np.random.default_rng(0).normal(size=(40, 4))
    choices = {"epochs": 1, "batch_size": 8, "width": 8, "head_hidden": 16, "head_outputs": 8}
    model = cp.fit(rows, quiet=True, **choices)
    cp.evaluate(model, rows, labels=np.arange(40) % 2, quiet=True)
    cp.plan(rows, quiet=True, **choices)
    assert capsys.readouterr() == ("", "")
    logged = [record.getMessage() for record in caplog.records]
    assert "data      40 items of 4, recognised as table" in logged
    assert any(line.startswith("warning  Nothing is known of its use yet") for line in logged)


def test_a_notebook_has_a_bar_where_it_can_move_and_few_lines_elsewhere(monkeypatch):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    for installed in (True, False):
        monkeypatch.setattr(
            "counterpoint.output.console.find_spec", lambda name, installed=installed: installed or None
        )
        assert draws_bars(progress.console()) is installed
