"""The page in a headless browser: it searches, lassoes, filters, reviews and explains, and everybody can use it."""

import os
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("selenium")

from counterpoint.auditing.decisions import read_decisions
from counterpoint.serving.reviewing import Review
from counterpoint.serving.routes import application
from counterpoint.serving.server import access_for, bound
from counterpoint.serving.service import Service
from counterpoint.verbs.serve import open_collection
from tests import browser as chromium
from tests import served

pytestmark = pytest.mark.skipif(chromium.ABSENT is not None, reason=str(chromium.ABSENT))

READY = "'ready' in document.documentElement.dataset"
AXE = "COUNTERPOINT_AXE"
"""The path of axe.min.js, where a person has it: npm pack axe-core."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return served.make(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page(tiny, tmp_path_factory):
    """A browser that shows the page of the tiny collection."""
    with (
        bind("127.0.0.1", 0) as listening,
        open_collection(tiny.index, tiny.photos, None) as collection,
        chromium.running(application(Service(collection, Review(tiny.audit)), access_for("127.0.0.1", 0)), listening),
        chromium.opened(tmp_path_factory.mktemp("profile")) as browser,
    ):
        browser.get(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        chromium.until(browser, READY)
        yield browser


def search(page, like, where=""):
    page.execute_script(
        "location.hash = '#explore'; document.getElementById('like').value = arguments[0];"
        "document.getElementById('where').value = arguments[1]; document.getElementById('results').replaceChildren();"
        "document.getElementById('search').requestSubmit();",
        like,
        where,
    )


def cards(page):
    script = "[...document.querySelectorAll('#results .card')].map((each) => [Number(each.dataset.row), each.querySelector('.name').textContent])"
    return page.execute_script(f"return {script}")


def drag(page, places, *, shift=False):
    """Press the mouse on the map, move it over these shares of its sides, and let it go."""
    from selenium.webdriver import ActionChains, Keys
    from selenium.webdriver.common.by import By

    canvas = page.find_element(By.ID, "marks")
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", canvas)
    width, height = canvas.size["width"], canvas.size["height"]
    chain = ActionChains(page, duration=10)
    if shift:
        chain.key_down(Keys.SHIFT)
    for number, (x, y) in enumerate(places):
        chain.move_to_element_with_offset(canvas, round((x - 0.5) * width), round((y - 0.5) * height))
        if number == 0:
            chain.click_and_hold()
    chain.release()
    if shift:
        chain.key_up(Keys.SHIFT)
    chain.perform()


AROUND = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.5)]


def test_a_search_shows_what_is_like_an_item_and_names_are_text(page):
    search(page, f"kind1/{served.HOSTILE}")
    chromium.until(page, "document.querySelectorAll('#results .card').length === 24")
    assert (
        page.execute_script("return document.querySelector('#results .query .name').textContent")
        == f"kind1/{served.HOSTILE}"
    )
    assert page.title == "index · Counterpoint"
    assert page.execute_script("return document.querySelectorAll('#results img[onerror]').length") == 0
    row = cards(page)[0][0]
    page.execute_script("document.querySelector('#results .card .pick').click()")
    chromium.until(
        page,
        "document.querySelector('#results .query') && !document.querySelector(`#results .card[data-row='${arguments[0]}']`)",
        row,
    )
    assert "24 items found" in page.execute_script("return document.getElementById('status').textContent")


def test_a_filter_leaves_what_it_says_and_a_wrong_one_is_explained(page):
    search(page, "3", "label == 'kind2'")
    chromium.until(page, "document.querySelectorAll('#results .card').length > 0")
    assert all(name.startswith("kind2/") for _, name in cards(page))
    search(page, "3", "label = 'kind2'")
    chromium.until(page, "!document.getElementById('problem').hidden")
    assert "is not read" in page.execute_script("return document.getElementById('problem').textContent")
    search(page, "3")
    chromium.until(page, "document.querySelectorAll('#results .card').length === 24")


def test_a_lasso_takes_what_is_inside_it_by_mouse_and_by_keyboard(page):
    search(page, "3")
    chromium.until(page, "document.querySelectorAll('#results .card').length === 24")
    drag(page, AROUND, shift=True)
    chromium.until(page, "document.getElementById('results-title').textContent.includes('in the lasso')")
    assert page.execute_script("return document.getElementById('results-title').textContent") == "64 items in the lasso"
    chromium.until(page, "document.querySelectorAll('#results .card').length === 48")
    page.execute_script("document.querySelector('#results > button').click()")
    chromium.until(page, "document.querySelectorAll('#results .card').length === 64")
    page.execute_script("document.querySelector('#legend button').click(); document.getElementById('in-view').click()")
    chromium.until(page, "document.querySelectorAll('#results .card').length === 16")
    assert {name.split("/")[0] for _, name in cards(page)} == {"kind0"}
    page.execute_script("document.querySelector('#legend button').click(); document.getElementById('marks').focus()")
    page.switch_to.active_element.send_keys("0+")
    page.switch_to.active_element.send_keys("\ue007")  # Enter takes the item nearest to the cross
    chromium.until(page, "document.querySelector('#results .query')")


def test_moving_and_zooming_keep_the_place_under_the_pointer(page):
    shift = "document.getElementById('marks').dataset.drawnWith"
    assert chromium.until(page, shift) in ("2d", "webgl2")
    page.execute_script("document.getElementById('whole').click()")
    drag(page, [(0.1, 0.5), (0.5, 0.5), (0.9, 0.5)])
    page.execute_script("document.getElementById('in-view').click()")
    chromium.until(page, "document.getElementById('results-title').textContent.includes('in the lasso')")
    seen = page.execute_script("return parseInt(document.getElementById('results-title').textContent)")
    assert 0 < seen < 64
    page.execute_script("document.getElementById('whole').click()")


def test_why_two_items_are_alike_is_drawn_and_said(page):
    search(page, "3")
    chromium.until(page, "document.querySelector('#results .why')")
    page.execute_script("document.querySelector('#results .why').click()")
    chromium.until(page, "document.querySelectorAll('#why .pairs li').length > 0")
    assert page.execute_script("return document.querySelectorAll('#why .cut .part').length") == 98
    assert page.execute_script("return document.querySelectorAll('#why .cut sup').length") > 0
    assert chromium.faults(page) == []
    page.execute_script("document.querySelector('#why form button').click()")
    chromium.until(page, "!document.getElementById('why').open")


def test_the_queue_is_reviewed_by_button_and_by_key(page, tiny):
    page.execute_script("location.hash = '#review'")
    first = chromium.until(page, "document.querySelector('#entry h3')?.textContent")
    assert page.execute_script("return document.querySelectorAll('#entry figure').length") == 2  # the copy beside it
    page.execute_script("document.getElementById('accept').click()")
    chromium.until(page, "document.querySelector('#entry h3').textContent !== arguments[0]", first)
    second = page.execute_script("return document.querySelector('#entry h3').textContent")
    page.switch_to.active_element.send_keys("r")
    chromium.until(page, "document.querySelector('#entry h3').textContent !== arguments[0]", second)
    assert read_decisions(tiny.audit / "queue.csv") == {first: True, second: False}
    assert page.execute_script("return document.getElementById('review-left').textContent") == "2 left"
    page.switch_to.active_element.send_keys("\ue012")  # back
    chromium.until(page, "document.querySelector('#entry h3').textContent === arguments[0]", second)
    page.switch_to.active_element.send_keys("u")
    chromium.until(page, "document.querySelector('.decision').textContent === 'Not decided yet'")
    assert read_decisions(tiny.audit / "queue.csv") == {first: True}


def test_scores_and_verdict_are_shown(page):
    page.execute_script("location.hash = '#scores'")
    chromium.until(page, "document.querySelectorAll('#scores .verdict').length > 0")
    assert page.execute_script("return document.querySelector('#scores').checkVisibility()")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_everybody_can_use_every_view(page, scheme, width):
    chromium.shows(page, scheme, width)
    search(page, "3")
    chromium.until(page, "document.querySelectorAll('#results .card').length > 0")
    for view in ("explore", "review", "scores"):
        page.execute_script("location.hash = arguments[0]", f"#{view}")
        chromium.until(page, "document.getElementById(arguments[0] + '-view').checkVisibility()", view)
        assert chromium.faults(page) == [], (view, scheme, width)
    chromium.shows(page, "light", 1280)


def test_a_fault_would_be_met(page):
    page.execute_script(
        "document.body.insertAdjacentHTML('beforeend', '<div id=extra><h4>a</h4><button id=like></button>"
        "<p id=pale>pale</p></div>'); Object.assign(document.getElementById('pale').style, { color: '#999', background: '#fff' })"
    )
    met = " ".join(chromium.faults(page))
    page.execute_script("document.getElementById('extra').remove()")
    for fault in (
        "a button without a name",
        "contrast 2.8",
        "two elements are called like",
        "small",
        "a heading of level 4",
    ):
        assert fault in met, met


@pytest.mark.slow
@pytest.mark.skipif(AXE not in os.environ, reason=f"{AXE} names no axe.min.js: npm pack axe-core")
def test_axe_meets_nothing_serious(page):
    axe = Path(os.environ[AXE]).read_text(encoding="utf-8")
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
        chromium.shows(page, scheme, width)
        search(page, "3")
        chromium.until(page, "document.querySelectorAll('#results .card').length > 0")
        page.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
        for view in ("explore", "review", "scores"):
            page.execute_script("location.hash = arguments[0]", f"#{view}")
            chromium.until(page, "document.getElementById(arguments[0] + '-view').checkVisibility()", view)
            result = page.execute_async_script(
                "axe.run(document, {}).then((result) => arguments[0](result.violations))"
            )
            met = [(each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]]) for each in result]
            assert met == [], (view, scheme, width)
