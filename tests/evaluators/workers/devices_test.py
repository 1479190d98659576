"""Tests of nas_keras/evaluators/workers/devices.py, on a machine that pretends to have GPUs."""

import types

import pytest

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.workers import devices


@pytest.fixture(name="pretend_gpus")
def _devices(monkeypatch):
    """Pretends that there are so many GPUs."""

    def pretend(num_gpus):
        gpus = [f"GPU {i}" for i in range(num_gpus)]
        fake = types.SimpleNamespace(config=types.SimpleNamespace(list_physical_devices=lambda kind: gpus))
        monkeypatch.setattr(devices, "tf", fake)
        monkeypatch.setattr(devices, "make_distribution", lambda name: None)
        for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)

    return pretend


def test_one_worker_a_core_where_there_is_no_gpu(pretend_gpus, monkeypatch):
    pretend_gpus(0)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2})
    common = {
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    assert devices.worker_environments(None, "none") == [common] * 3
    assert devices.worker_environments(2, "none") == [common] * 2
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    (own,) = devices.worker_environments(1, "none")
    assert own == {**common, "TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "0"}  # the user's wins


def test_one_worker_a_gpu_and_each_sees_one(pretend_gpus, monkeypatch):
    def visible(workers):
        return [e["CUDA_VISIBLE_DEVICES"] for e in devices.worker_environments(workers, "none")]

    pretend_gpus(2)
    assert visible(None) == ["0", "1"]
    assert visible(3) == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-1a")
    assert visible(2) == ["5", "GPU-1a"]


def test_mirrored_takes_one_worker_that_sees_everything(pretend_gpus):
    pretend_gpus(2)
    (environment,) = devices.worker_environments(None, "mirrored")
    assert "CUDA_VISIBLE_DEVICES" not in environment
    assert devices.worker_environments(1, "mirrored") == [environment]
    with pytest.raises(InvalidValueError, match="workers=2 with distribute='mirrored': one child takes all devices"):
        devices.worker_environments(2, "mirrored")


def test_workers_get_the_kernels_with_which_a_run_began():
    environments = [{"TF_ENABLE_ONEDNN_OPTS": "1"}, {"TF_ENABLE_ONEDNN_OPTS": "1"}]
    devices.restore_kernels(environments, {"onednn": "0"})
    assert environments == [{"TF_ENABLE_ONEDNN_OPTS": "0"}] * 2
    devices.restore_kernels(environments, {})  # an older run, which did not record them
    assert environments == [{"TF_ENABLE_ONEDNN_OPTS": "0"}] * 2
    with pytest.raises(DataError, match="has onednn=0, where a text such as '1' is expected"):
        devices.restore_kernels(environments, {"onednn": 0})


def test_the_processor_has_a_name():
    assert devices.processor().strip()
