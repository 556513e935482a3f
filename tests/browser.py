"""A headless Chromium for the tests, and what it says of a page to people who do not see it, or not well."""

import os
import shutil
import threading
import time
from contextlib import contextmanager

CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
ABSENT = (
    None if CHROMIUM and DRIVER else "there is no chromium with its chromedriver here: apt-get install chromium-driver"
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--hide-scrollbars",
)
PATIENCE = 60.0
NAMED = {
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "image",
    "application",
    "dialog",
    "list",
    "navigation",
    "table",
}
"""Roles of what needs a name that is read out."""

FAULTS = """
const shown = (each) => each.checkVisibility({ visibilityProperty: true }) && each.getClientRects().length > 0;
const faults = [];
const parts = (colour) => {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data];
};
const light = ([r, g, b]) => [r, g, b].map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
const behind = (each) => { for (; each; each = each.parentElement) { const c = parts(getComputedStyle(each).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255, 255]; };
for (const each of document.querySelectorAll("body *")) {
  const words = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!words || !shown(each) || each.closest(":disabled")) continue;
  const style = getComputedStyle(each), a = light(parts(style.color)), b = light(behind(each));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
  if (ratio < least) faults.push(`contrast ${ratio.toFixed(2)} of '${each.textContent.trim().slice(0, 30)}'`);
}
const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) faults.push(`two elements are called ${id}`);
for (const each of document.querySelectorAll("button, a[href], select, input:not(.unseen)")) {
  const box = each.getBoundingClientRect();
  if (shown(each) && !each.closest("p") && box.width > 0 && (box.width < 24 || box.height < 24)) faults.push(`small: ${each.outerHTML.slice(0, 60)}`);
}
const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((each) => Number(each.tagName[1]));
levels.forEach((level, place) => { if (level - (levels[place - 1] ?? 0) > 1) faults.push(`a heading of level ${level} after ${levels[place - 1]}`); });
if (!document.documentElement.lang) faults.push("no language");
if (document.documentElement.scrollWidth > innerWidth + 1) faults.push(`wider than the screen: ${document.documentElement.scrollWidth}`);
return faults;
"""


@contextmanager
def opened(profile, *, width=1280, height=900):
    """A browser with an empty profile."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(DRIVER, log_output=os.devnull))
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def running(app, listening):
    """An application that answers at a socket meanwhile."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def until(browser, condition, *arguments):
    """What a condition in the page becomes, once it is there."""
    end = time.monotonic() + PATIENCE
    while not (value := browser.execute_script(f"return {condition}", *arguments)):
        if time.monotonic() > end:
            problem = browser.execute_script("return document.getElementById('problem').textContent")
            raise AssertionError(f"this never came about: {condition}; the page says '{problem}'")
        time.sleep(0.02)
    return value


def faults(browser):
    """What is wrong for those who read a page by ear, by keyboard, or with weak eyes."""
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nameless = [
        f"a {node['role']['value']} without a name"
        for node in tree
        if not node["ignored"]
        and node["role"]["value"] in NAMED
        and not node.get("name", {}).get("value")
        and node["role"]["value"] != "list"
    ]
    return [*nameless, *browser.execute_script(FAULTS)]


def shows(browser, scheme, width, height=900):
    """Show the page on a screen of this width, light or dark."""
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
