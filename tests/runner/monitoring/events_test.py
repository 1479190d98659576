"""Tests of nas_keras/runner/monitoring/events.py: TensorBoard's own reader gets what was written."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from nas_keras.runner.monitoring.events import EventFile, as_code, image, scalar, text, write_event_file


def _read(folder):
    accumulator = EventAccumulator(str(folder)).Reload()
    return {
        (accumulator.SummaryMetadata(tag).plugin_data.plugin_name, tag): [
            (event.step, make_ndarray(event.tensor_proto).tolist()) for event in accumulator.Tensors(tag)
        ]
        for tag in accumulator.Tags()["tensors"]
    }


def test_many_values_of_one_step_are_one_event(tmp_path):
    events = EventFile(tmp_path / "tensorboard")
    assert list(tmp_path.iterdir()) == []  # no file before the first value
    events.write(3, [scalar("a", 0.5), scalar("b", -1.0), text("t", "*hello*")])
    events.write(4, [scalar("a", 0.25), image("i", b"PNG", (7, 5))])
    events.close()
    assert _read(tmp_path / "tensorboard") == {
        ("scalars", "a"): [(3, 0.5), (4, 0.25)],
        ("scalars", "b"): [(3, -1.0)],
        ("text", "t"): [(3, [b"*hello*"])],
        ("images", "i"): [(4, [b"7", b"5", b"PNG"])],
    }


def test_two_files_of_one_second_have_different_names(tmp_path):
    for value in (1.0, 2.0):
        events = EventFile(tmp_path)
        events.write(0, [scalar("a", value)])
        events.close()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("durable", [True, False])
def test_a_whole_file_replaces_the_one_before(tmp_path, durable):
    path = tmp_path / "events.out.tfevents.0"
    for value in (1.0, 2.0):
        write_event_file(path, [[scalar("a", value)], [scalar("b", value)]], durable=durable)
    assert _read(tmp_path) == {("scalars", "a"): [(0, 2.0)], ("scalars", "b"): [(0, 2.0)]}
    assert list(tmp_path.iterdir()) == [path]


def test_code_is_shown_as_it_is():
    assert as_code("<b>\n```") == "    <b>\n    ```"
