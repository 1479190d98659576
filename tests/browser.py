"""A headless Chromium for tests, driven by Playwright: the fixtures `browser` and `page`.

A test that uses them is marked `browser`. Where Playwright or Chromium is missing it is skipped with the reason;
`make test-browser` sets NAS_KERAS_TEST_BROWSER=required, and it fails instead.
"""

import os
import pathlib
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session", name="browser")
def browser_fixture():
    """A `playwright.sync_api.Browser`."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _lacking("Playwright is not installed: pip install 'nas_keras[test]'")
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path  # what `playwright install chromium` has put there
        found = own if pathlib.Path(own).exists() else next(filter(None, map(shutil.which, _NAMES)), None)
        if found is None:
            _lacking("there is no Chromium: install one, or run `playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(name="page")
def page_fixture(browser):
    """A new `playwright.sync_api.Page`, 1280 x 900 pixels; `page.problems` lists the errors of its scripts."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    try:
        yield page
    finally:
        page.close()


def _lacking(reason: str) -> None:
    (pytest.fail if os.environ.get("NAS_KERAS_TEST_BROWSER") == "required" else pytest.skip)(reason)
