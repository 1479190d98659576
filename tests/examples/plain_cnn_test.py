"""Test of examples/plain_cnn.py: its real `main`, on few small images."""

import importlib.util
import json
import sys

from helpers import ROOT, tiny_images

import nas_keras as nk


def test_the_example_searches_and_exports_a_network(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("plain_cnn", ROOT / "examples" / "plain_cnn.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(nk, "load_images", lambda name, data_dir: tiny_images(count=256))
    arguments = [f"--workdir={tmp_path / 'run'}", "--max_evaluations=2", "--final_epochs=1", "--workers=1"]
    monkeypatch.setattr(sys, "argv", ["plain_cnn.py", *arguments])
    example.main()
    (child,) = json.loads((tmp_path / "run" / "best" / "children.json").read_text())["children"]
    names = [part.partition("=")[0] for part in child["name"].split(", ")]
    assert names == ["blocks", "filters", "kernel", "pooling", "dropout"]
    assert (tmp_path / "run" / "best" / "saved_model" / "saved_model.pb").exists()
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{child['name']}: validation ")
