"""Tests of nas_keras/runner/monitoring/pictures.py."""

import io
import types

import numpy as np
import pytest
from PIL import Image

import nas_keras as nk
from nas_keras.runner.monitoring import pictures as _pictures
from nas_keras.runner.monitoring.pictures import Pictures, draw_heat_map

SPACE = nk.spaces.large(1)


def _trial(actions, reward=0.5):
    return nk.Trial(0, 0, 0, 0, actions, (), SPACE.key(actions), False, nk.Evaluation(reward))


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(_pictures.time, "monotonic", lambda: clock.now)
    return clock


def _tags(pictures):
    return [picture.tag for picture in pictures]


def test_the_best_cell_is_drawn_each_time_it_changes(clock):
    pytest.importorskip("matplotlib")
    pictures, first, second = Pictures(SPACE), _trial((1, 0)), _trial((3, 0), 0.75)
    drawn = []
    for best in (None, first, first, second, second):
        clock.now += 100
        pictures.observe([first], best)
        drawn.append(pictures.due())
    assert list(map(_tags, drawn)) == [[], ["best_cell"], [], ["best_cell"], []]
    (picture,) = drawn[1]
    assert Image.open(io.BytesIO(picture.png)).size == picture.size
    assert _tags(pictures.due(last=True)) == ["policy"]  # too few batches until now
    assert pictures.due(last=True) == []


def test_pictures_take_little_of_the_time(clock, monkeypatch):
    monkeypatch.setattr(Pictures, "_draw_best", lambda self: setattr(clock, "now", clock.now + 1.0) or [])
    pictures = Pictures(SPACE)
    pictures.observe([_trial((1, 0))], _trial((1, 0)))
    clock.now = 10.0
    pictures.due()
    assert clock.now == 11.0
    for clock.now in (12.0, 49.0):  # the second that was spent is two percent of 50
        pictures.observe([_trial((1, 0))], _trial((1, 0), 0.9))
        pictures.due()
    assert clock.now == 49.0
    clock.now = 51.0
    pictures.due()
    assert clock.now == 52.0
    pictures.due(last=True)
    assert clock.now == 53.0


def test_heat_maps_become_rarer(clock, monkeypatch):
    monkeypatch.setattr(_pictures, "draw_heat_map", lambda space, counts: len(counts))
    pictures, drawn = Pictures(SPACE), []
    for _ in range(1000):
        clock.now += 100
        pictures.observe([_trial((1, 0))], None)
        drawn += pictures.due()
    assert drawn[:6] == [8, 10, 13, 17, 22, 28] and len(drawn) < 25


def test_without_the_extra_there_are_no_pictures_and_no_error(clock, monkeypatch):
    find_spec = _pictures.importlib.util.find_spec
    monkeypatch.setattr(
        _pictures.importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name)
    )
    pictures = Pictures(SPACE)
    pictures.observe([_trial((1, 0))], _trial((1, 0)))
    clock.now = 100.0
    assert pictures.due() == pictures.due(last=True) == []


def test_a_heat_map_is_dark_where_a_choice_was_proposed():
    first, second = np.array([8, 0, 0, 0, 0, 0, 0, 0, 8, 0]), np.array([0, 8, 0, 0, 0, 0, 0, 0, 4, 4])
    picture = draw_heat_map(SPACE, [first] * 20 + [second] * 20)
    pixels = np.array(Image.open(io.BytesIO(picture.png)).convert("L"))
    margin, (width, height) = _pictures._MARGIN, _pictures._CELL_SIZE

    def grey(row, batch, gap=0):
        return pixels[row * height + gap + height // 2, margin + batch * width + 1]

    assert (grey(0, 0), grey(0, 39), grey(1, 0), grey(1, 39)) == (0, 255, 255, 0)
    assert (grey(8, 0, 4), grey(9, 0, 4)) == (0, 255) and grey(8, 39, 4) == grey(9, 39, 4) == 127


def test_a_space_of_very_many_choices_has_no_heat_map(clock):
    space = nk.SearchSpace("wide", [nk.Decision("x", tuple(range(500)))])
    pictures = Pictures(space)
    for number in range(20):
        clock.now += 100
        trial = nk.Trial(0, 0, 0, 0, (number,), (), str(number), False, nk.Evaluation(0.5))
        pictures.observe([trial], trial)
        assert pictures.due() == []  # and no cell is drawn where there is none
    assert pictures.due(last=True) == []
