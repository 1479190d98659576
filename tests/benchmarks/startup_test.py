"""Tests of nas_keras/benchmarks/startup.py, with steps that take a time that is known."""

from nas_keras.benchmarks import startup


def test_each_time_is_the_median(monkeypatch):
    now = [0.0]
    durations = {"fast": iter((1.0, 9.0, 2.0)), "slow": iter((30.0, 10.0, 20.0)), "worker": iter((7.0, 5.0, 6.0))}

    def run(command, **settings):
        assert settings["check"]
        now[0] += next(durations[command])

    class Evaluator:
        def __init__(self, images, *, workers):
            assert workers == 1
            now[0] += 1_000  # making it does not count

        def start(self):
            now[0] += next(durations["worker"])

        def __enter__(self):
            return self

        def __exit__(self, *exception_info):
            now[0] += 1_000

    monkeypatch.setattr(startup, "_STEPS", {"fast": "fast", "slow": "slow"})
    monkeypatch.setattr(startup, "python_command", lambda code: code)
    monkeypatch.setattr(startup.subprocess, "run", run)
    monkeypatch.setattr(startup.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(startup, "TrainingEvaluator", Evaluator)
    assert startup.measure_startup(None) == {"fast": 2.0, "slow": 20.0, "worker": 6.0}
