"""Tests of tests/browser.py, the Chromium of the tests."""

import pytest


@pytest.mark.browser
def test_a_page_runs_its_scripts_and_their_errors_are_listed(page):
    page.set_content("<p id='p'></p><script>document.getElementById('p').textContent = 6 * 7; nothing()</script>")
    assert page.inner_text("#p") == "42"
    assert page.problems == ["nothing is not defined"]
