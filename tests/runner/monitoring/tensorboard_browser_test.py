"""TensorBoard's real server and a real browser: the table of children, the pictures and the texts of a search."""

import os
import socket
import subprocess
import sys
import urllib.request

import pytest
from helpers import ROOT, python_path, wait_until

import nas_keras as nk

pytestmark = pytest.mark.browser
NAME = "<img src=x onerror=document.title='run'>"


@pytest.fixture(scope="module", name="address")
def _address(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("tensorboard") / "run"
    space = nk.spaces.large(2)
    outcomes = iter([nk.Evaluation.failure(NAME)])
    evaluator = nk.FunctionEvaluator(
        lambda cell: next(outcomes, nk.Evaluation(0.9 - len(cell.key) / 100, num_params=len(cell.key), seconds=1.5)),
        recipe={"name": NAME},
    )
    nk.search(space, evaluator, strategy="random", max_evaluations=12, batch_size=4, workdir=workdir)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    logs = f"--logdir={workdir / 'tensorboard'}"
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", logs, "--host=127.0.0.1", f"--port={port}", "--load_fast=false"],
        env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"

    def is_up():
        try:
            with urllib.request.urlopen(f"{address}/data/runs", timeout=30) as answer:
                return answer.read().count(b"children/") == 12
        except OSError:
            return False

    try:
        assert wait_until(is_up, seconds=120)
        yield address
    finally:
        server.terminate()
        server.wait()


def test_the_table_has_a_row_for_each_child(address, page):
    page.goto(f"{address}/#hparams")
    page.get_by_text("000011").first.wait_for(timeout=60_000)
    for name in ("op_1", "input_2", "op_2", "combine", "reward", *(f"{number:06}" for number in range(12))):
        assert page.get_by_text(name, exact=True).count() >= 1, name


def test_the_best_cell_and_the_policy_are_drawn(address, page):
    pytest.importorskip("matplotlib")
    page.goto(f"{address}/#images")
    page.wait_for_function(
        "[...document.querySelectorAll('*')].length && (function find(root) {"
        "  let images = [...root.querySelectorAll('img')].filter(image => image.naturalWidth > 100);"
        "  for (const node of root.querySelectorAll('*')) if (node.shadowRoot) images.push(...find(node.shadowRoot));"
        "  return images;"
        "})(document).length >= 2",
        timeout=60_000,
    )
    for tag in ("best_cell", "policy"):
        page.get_by_text(tag).first.wait_for()


def test_the_texts_are_shown_as_they_are(address, page):
    page.goto(f"{address}/#text")
    page.get_by_text("max_evaluations").first.wait_for(timeout=60_000)
    assert page.get_by_text(NAME).count() >= 1
    assert page.get_by_text("launch/export_best.py").count() >= 1


@pytest.mark.parametrize("tab", ["timeseries", "scalars", "hparams", "images", "text"])
def test_a_malicious_name_runs_in_no_tab(address, page, tab):
    page.goto(f"{address}/#{tab}")
    page.wait_for_timeout(3_000)
    assert page.title() == "TensorBoard"
