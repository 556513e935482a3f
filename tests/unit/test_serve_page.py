"""The page in a headless browser: it searches, filters, lassoes, explains and reviews, and is accessible."""

import os
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("selenium")

from counterpoint.auditing.decisions import read_decisions
from counterpoint.serving.reviewing import Review
from counterpoint.serving.routes import application
from counterpoint.serving.server import access_for, bind
from counterpoint.serving.service import Service
from counterpoint.verbs.serve import open_collection
from tests import browser as chromium
from tests import served

pytestmark = pytest.mark.skipif(bool(chromium.MISSING), reason=chromium.MISSING)

VIEWS = ("explore", "review", "scores")
SCREENS = [("light", 1280), ("dark", 1280), ("light", 390)]
AXE = "COUNTERPOINT_AXE"
"""The path of axe.min.js, from ``npm pack axe-core``."""

LASSO = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.5)]


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
        chromium.started(tmp_path_factory.mktemp("profile")) as browser,
    ):
        browser.get(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        chromium.until(browser, "'ready' in document.documentElement.dataset")
        yield browser


def js(page, expression, *arguments):
    return page.execute_script(f"return {expression}", *arguments)


def text(page, selector):
    return js(page, "document.querySelector(arguments[0]).textContent", selector)


def click(page, selector):
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


def press(page, keys):
    page.switch_to.active_element.send_keys(keys)


def count(page, selector):
    return js(page, "document.querySelectorAll(arguments[0]).length", selector)


def until_count(page, selector, expected):
    chromium.until(page, "document.querySelectorAll(arguments[0]).length === arguments[1]", selector, expected)


def until_shown(page, selector):
    chromium.until(page, "document.querySelector(arguments[0])?.checkVisibility()", selector)


def search(page, like, where="", cards=24):
    page.execute_script(
        """
        location.hash = "#explore";
        document.getElementById("like").value = arguments[0];
        document.getElementById("where").value = arguments[1];
        document.getElementById("results").replaceChildren();
        document.getElementById("search").requestSubmit();
        """,
        like,
        where,
    )
    if cards:
        until_count(page, "#results .card", cards)


def names(page):
    return js(page, "[...document.querySelectorAll('#results .card > .name')].map((each) => each.textContent)")


def drag(page, places, *, shift=False):
    """Drag the mouse over the map, along places in shares of its sides."""
    from selenium.webdriver import ActionChains, Keys
    from selenium.webdriver.common.by import By

    overlay = page.find_element(By.ID, "overlay")
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", overlay)
    width, height = overlay.size["width"], overlay.size["height"]
    chain = ActionChains(page, duration=10)
    if shift:
        chain.key_down(Keys.SHIFT)
    for number, (x, y) in enumerate(places):
        chain.move_to_element_with_offset(overlay, round((x - 0.5) * width), round((y - 0.5) * height))
        if number == 0:
            chain.click_and_hold()
    chain.release()
    if shift:
        chain.key_up(Keys.SHIFT)
    chain.perform()


def until_selected(page):
    """How many items a lasso or a button has selected."""
    title = "document.getElementById('results-title').textContent"
    return int(chromium.until(page, f"{title}.endsWith('selected') && {title}").split()[0].replace(",", ""))


def test_a_search_shows_similar_items_and_treats_names_as_text(page):
    search(page, f"kind1/{served.HOSTILE}")
    assert text(page, "#results .query .name") == f"kind1/{served.HOSTILE}"
    assert page.title == "index · Counterpoint"
    assert count(page, "img[onerror]") == 0
    assert text(page, "#status") == "24 items, most similar first."
    first = names(page)[0]
    click(page, "#results .card .pick")
    chromium.until(page, "document.querySelector('#results .query .name')?.textContent === arguments[0]", first)


def test_a_filter_restricts_the_search_and_a_wrong_one_is_explained(page):
    search(page, "3", "label == 'kind2'", cards=16)
    assert all(name.startswith("kind2/") for name in names(page))
    search(page, "3", "label = 'kind2'", cards=0)
    until_shown(page, "#error")
    assert text(page, "#error").startswith("The filter \"label = 'kind2'\" is not")
    search(page, "3")
    assert not js(page, "document.getElementById('error').checkVisibility()")


def test_an_upload_is_searched_for_and_what_is_no_image_is_refused(page, tiny, tmp_path):
    from selenium.webdriver.common.by import By

    upload = page.find_element(By.ID, "file")
    upload.send_keys(str(tiny.photos / "kind0" / "004.png"))
    chromium.until(page, "document.getElementById('results-title').textContent === 'Similar to the file 004.png'")
    assert "kind0/004.png" in names(page)[:5]  # others are as similar, up to rounding
    (tmp_path / "note.txt").write_text("no image", encoding="utf-8")
    upload.send_keys(str(tmp_path / "note.txt"))
    until_shown(page, "#error")
    assert text(page, "#error") == "'note.txt' is not an image that can be read."
    search(page, "3")


def test_a_lasso_selects_by_mouse_and_a_button_by_keyboard(page):
    search(page, "3")
    drag(page, LASSO, shift=True)
    assert until_selected(page) == 64
    until_count(page, "#results .card", 48)
    click(page, "#results .more")
    until_count(page, "#results .card", 64)
    click(page, "#legend button")
    click(page, "#select-visible")
    until_count(page, "#results .card", 16)
    assert {name.split("/")[0] for name in names(page)} == {"kind0"}
    click(page, "#legend button")
    page.execute_script("document.getElementById('overlay').focus()")
    press(page, "0+")
    press(page, "\ue007")  # Enter picks the item nearest to the cross
    until_shown(page, "#results .query")


def test_the_map_is_moved_by_dragging_and_reset(page):
    assert js(page, "document.getElementById('overlay').dataset.renderer") in ("2d", "webgl2")
    click(page, "#reset")
    drag(page, [(0.1, 0.02), (0.3, 0.02), (0.6, 0.02)])
    click(page, "#select-visible")
    assert 0 < until_selected(page) < 64
    click(page, "#reset")
    search(page, "3")
    click(page, "#select-visible")
    assert until_selected(page) == 64


@pytest.mark.parametrize(("module", "context"), [("webgl", "webgl2"), ("2d", "2d")])
def test_points_are_drawn_in_their_colour(page, module, context):
    drawn = page.execute_async_script(
        """
        const [module, context, done] = arguments;
        (async () => {
          const made = await import(`/page/renderer_${module}.js`);
          const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
          const gl = context === "webgl2" && canvas.getContext(context);
          if (gl === null) return null;
          const renderer = gl ? made.webglRenderer(gl, canvas) : made.canvasRenderer(canvas);
          renderer.setPoints(Float32Array.of(0.25, 0.5), Uint8Array.of(1));
          renderer.setStates(Uint8Array.of(2));
          renderer.setColours(Array.from({ length: 12 }, (_, i) => (i === 1 ? [255, 0, 0] : [0, 0, 255])), [0, 0, 0]);
          renderer.draw({ x: 0.5, y: 0.5, scale: 64, width: 64, height: 64, ratio: 1 });
          const copy = Object.assign(document.createElement("canvas"), { width: 64, height: 64 }).getContext("2d");
          copy.drawImage(canvas, 0, 0);
          return [[16, 32], [48, 32]].map(([x, y]) => [...copy.getImageData(x, y, 1, 1).data]);
        })().then(done, (error) => done(String(error)));
        """,
        module,
        context,
    )
    if drawn is None:
        pytest.skip("this browser has no WebGL 2")
    assert drawn == [[255, 0, 0, 255], [0, 0, 0, 0]]


def test_an_explanation_shows_matching_parts(page):
    search(page, "3")
    click(page, "#results .why")
    chromium.until(page, "document.querySelectorAll('#why .pairs li').length > 0")
    assert count(page, "#why .cut .part") == 2 * 49
    assert count(page, "#why .cut sup") > 0
    assert chromium.accessibility_faults(page) == []
    click(page, "#why form button")
    chromium.until(page, "!document.getElementById('why').open")


def test_the_queue_is_reviewed_by_button_and_by_key(page, tiny):
    page.execute_script("location.hash = '#review'")
    until_shown(page, "#entry h3")
    first = text(page, "#entry h3")
    assert count(page, "#entry figure") == 2  # its duplicate is shown beside it
    click(page, "#accept")
    another = "document.querySelector('#entry h3').textContent !== arguments[0]"
    chromium.until(page, another, first)
    second = text(page, "#entry h3")
    press(page, "r")
    chromium.until(page, another, second)
    assert read_decisions(tiny.audit / "queue.csv") == {first: True, second: False}
    assert text(page, "#review-left") == "2 left"
    press(page, "\ue012")  # left
    chromium.until(page, f"!({another})", second)
    press(page, "u")
    chromium.until(page, "document.querySelector('.decision').textContent === 'Not reviewed'")
    assert read_decisions(tiny.audit / "queue.csv") == {first: True}


def test_the_verdict_is_shown(page):
    page.execute_script("location.hash = '#scores'")
    until_shown(page, "#scores .verdict")


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_every_view_is_accessible(page, scheme, width):
    chromium.set_screen(page, scheme, width)
    search(page, "3")
    for view in VIEWS:
        page.execute_script("location.hash = arguments[0]", f"#{view}")
        until_shown(page, f"#{view}-view")
        assert chromium.accessibility_faults(page) == [], (view, scheme, width)
    chromium.set_screen(page, *SCREENS[0])


def test_the_check_of_accessibility_detects_faults(page):
    page.execute_script(
        """
        const extra = document.createElement("div");
        extra.id = "extra";
        extra.innerHTML = "<h4>a</h4><button id=like></button><p>pale</p>";
        Object.assign(extra.querySelector("p").style, { color: "#999", background: "#fff" });
        Object.assign(extra.querySelector("button").style, { height: "20px", minHeight: "0" });
        document.body.append(extra);
        """
    )
    faults = " ".join(chromium.accessibility_faults(page))
    page.execute_script("document.getElementById('extra').remove()")
    for fault in ("a button without", "contrast 2.85", "the id like", "small target", "a heading of level 4"):
        assert fault in faults


@pytest.mark.slow
@pytest.mark.skipif(AXE not in os.environ, reason=f"{AXE} is not the path of axe.min.js: npm pack axe-core")
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_axe_reports_no_violation(page, scheme, width):
    axe = Path(os.environ[AXE]).read_text(encoding="utf-8")
    chromium.set_screen(page, scheme, width)
    search(page, "3")
    page.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    for view in VIEWS:
        page.execute_script("location.hash = arguments[0]", f"#{view}")
        until_shown(page, f"#{view}-view")
        violations = page.execute_async_script(
            "axe.run(document, {}).then((result) => arguments[0](result.violations))"
        )
        found = [(each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]]) for each in violations]
        assert found == [], (view, scheme, width)
    chromium.set_screen(page, *SCREENS[0])
