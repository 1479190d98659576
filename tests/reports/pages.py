"""Runs that are made up in memory, and their pages: what the tests of the HTML page share."""

import hashlib
import pathlib

import nas_keras as nk
from nas_keras.children import named_recipes
from nas_keras.reports import rendering
from nas_keras.reports.rows import rows_of_runs
from nas_keras.reports.search_page.facts import RunFacts
from nas_keras.reports.search_page.page import draw_charts, make_context
from nas_keras.results.runs import Run

NAMED = named_recipes.NAMED["mnist_1epoch_v1"]
RECIPE = {
    "child": named_recipes.settings_of(NAMED.child),
    "train": named_recipes.settings_of(NAMED.train),
    "data": {"name": "mnist", "digest": "1"},
}


def evaluate(text: str) -> nk.Evaluation:
    """Accuracy and costs that depend on a text; one in fifty fails."""
    chance = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32
    if chance < 0.02:
        return nk.Evaluation.failure(f"loss is NaN after {int(1e4 * chance)} steps")
    accuracy = 0.995 - 0.05 * chance**3
    costs = {"num_params": int(1_000 * (1 + chance) * len(text)), "flops": 1e5 * len(text), "latency_ms": 0.1 + chance}
    return nk.Evaluation(accuracy, valid_accuracy=accuracy, epochs=1, seconds=20.0, **costs)


def make_run(count: int, *, space: nk.SearchSpace | None = None, recipe: dict | None = None, title="random search"):
    """A run of `count` trials in batches of 8, one for each key of the space, in their order."""
    space = space or nk.spaces.large(4)
    trials, keys = [], set()
    for actions in space.enumerate():
        key = space.key(actions)
        if len(trials) == count:
            break
        if key not in keys:
            keys.add(key)
            number = len(trials)
            trials.append(nk.Trial(number, number // 8, 0, 7, actions, (), key, False, evaluate(key)))
    fixed = {
        "strategy": {"name": "random", "config": {}},
        "recipe": RECIPE if recipe is None else recipe,
        **{"seed": 0, "batch_size": 8, "lag": 0},
    }
    config = {"fixed": fixed, "budget": {"max_evaluations": count}, "environment": {"tensorflow": "2.21.0"}}
    batches = [trials[i : i + 8] for i in range(0, count, 8)]
    return Run(pathlib.Path("/runs/made_up"), title, config, space, batches, [], "0123456789abcdef")


def make_html(*runs: Run, commands=("python launch/search.py --workdir=runs/made_up",)) -> str:
    """The HTML page of runs, without their policies."""
    facts = RunFacts(list(runs))
    rows = rows_of_runs(facts)
    context = {**make_context(facts, {}, None), "commands": list(commands)}
    return rendering.render_html(context, rows, draw_charts(facts, rows, {}).to_json())
