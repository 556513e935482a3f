from rich.console import Console

from counterpoint import progress
from tests.test_watch import HEALTHY


def heard(records, monkeypatch):
    out = Console(record=True, width=200, force_terminal=False)
    monkeypatch.setattr(progress, "console", lambda: out)
    with progress.progress() as listen:
        for record in records:
            listen({**record, "views_per_second": 10.0})
    return out.export_text()


def test_trouble_is_said_once_while_the_run_goes(monkeypatch):
    records = [HEALTHY | {"step": step, "rank": 2.5} for step in (40, 60, 80)]
    text = heard(records, monkeypatch)
    assert text.count("Dimensional collapse") == 1
    assert "step 40/100" in text


def test_a_healthy_run_says_nothing_but_where_it_stands(monkeypatch):
    text = heard([HEALTHY | {"step": 50}, {"step": 50, "steps": 100, "epoch": 4, "knn": 0.5}], monkeypatch)
    assert "collapse" not in text
    assert "epoch 5: neighbours agree for 50.0%" in text


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
