"""A headless Chromium for tests of the page, and a check of its accessibility."""

import os
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")


def major_version(program):
    """The major version of a browser or driver, such as 150."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return text.rpartition(".")[0].partition(".")[0].rpartition(" ")[2]


def matching_browser(driver):
    """The browser of the same version as the driver, the only one that it starts."""
    installed = [path for path in map(shutil.which, NAMES) if path is not None]
    return next((path for path in installed if driver and major_version(path) == major_version(driver)), None)


DRIVER = shutil.which("chromedriver")
CHROMIUM = matching_browser(DRIVER)
MISSING = "" if CHROMIUM else "there is no chromium with a chromedriver of its version: apt-get install chromium-driver"
FLAGS = (
    "--headless",
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
TIMEOUT = 60.0
ACCESSIBILITY = (Path(__file__).parent / "accessibility.js").read_text(encoding="utf-8")
NAMED_ROLES = {
    "application",
    "button",
    "combobox",
    "dialog",
    "image",
    "link",
    "navigation",
    "region",
    "searchbox",
    "table",
    "textbox",
}


@contextmanager
def started(profile, *, width=1280, height=900):
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
    """An application that serves at a socket meanwhile."""
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
    """The value of a JavaScript expression, once it is true."""
    end = time.monotonic() + TIMEOUT
    while not (value := browser.execute_script(f"return {condition}", *arguments)):
        if time.monotonic() > end:
            error = browser.execute_script("return document.getElementById('error').textContent")
            raise AssertionError(f"{condition} is still false after {TIMEOUT} seconds; the page says '{error}'")
        time.sleep(0.02)
    return value


def accessibility_faults(browser):
    """Controls without a name for screen readers, low contrast, small targets, and the like."""
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED_ROLES]
    nameless = [node["role"]["value"] for node in controls if not node.get("name", {}).get("value")]
    return [*(f"a {role} without a name" for role in nameless), *browser.execute_script(ACCESSIBILITY)]


def set_screen(browser, scheme, width, height=900):
    """Show the page on a screen of this size, with a light or a dark color scheme."""
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
