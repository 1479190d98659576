"""The tables on the pages of searches, and what they say of the winner and of the settings."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nas_keras.comparison.table_searches import TableSearches
from nas_keras.reports.importance import BEST_SHARE, Importance, importances
from nas_keras.reports.markdown import Code, Table, flatten, number, percent
from nas_keras.reports.search_page.facts import (
    TOP,
    RunFacts,
    accuracy_in,
    best_value,
    cache_hits,
    core_hours,
    spread_of_best,
)
from nas_keras.reports.searches_table import searches_table
from nas_keras.results.alarms import alarms_of
from nas_keras.results.export_folder import read_exported
from nas_keras.results.policy_history import History
from nas_keras.results.runs import Run
from nas_keras.spaces.architecture_names import name_key
from nas_keras.spaces.cell import Cell
from nas_keras.storage.run_folder import Workspace
from nas_keras.trial import Trial


class Section(NamedTuple):
    """A part of a page: a heading, a text, and a table."""

    title: str
    text: str
    table: Table


def title(facts: RunFacts) -> str:
    """The title of the page."""
    data = facts.runs[0].fixed["recipe"].get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return f"The {facts.space.name} space{f' on {name}' if name else ''}"


def sections(facts: RunFacts, histories: Mapping[str, History], searched: TableSearches | None) -> dict[str, Section]:
    """The sections of the page that are tables, by name; what is not known is left out."""
    found = {"searches": _searches(facts)}
    if facts.standings:
        found["longer"] = _longer(facts)
    matters = _importance(facts)
    if matters.table.rows:
        found["importance"] = matters
    titles = {run.path: run.title for run in facts.runs}
    traced = [run for run in facts.runs if run.batches and run.strategy != "random"]
    for run, (name, history) in zip(traced, histories.items(), strict=True):
        found[name] = _policy(run, titles[run.path], history)
    failures = Counter(kind_of_failure(t.evaluation.status) for run in facts.runs for t in _failed(run))
    if failures:
        text = "A failed child has no reward; the search goes on. A refused one was over a limit and was not trained."
        rows = [[kind, count] for kind, count in failures.most_common()]
        found["failures"] = Section("Failures", text, Table(["failed because ", "children"], rows))
    alarms = [[run.title, alarm.name, alarm.text] for run in facts.runs for alarm in alarms_of(run)]
    if alarms:
        table = Table(["search ", "alarm ", "what it says "], alarms)
        found["alarms"] = Section("Alarms", "What the searches warned of, and what to change.", table)
    if searched and facts.table:
        found["on_table"] = Section("Searches on the table", *searches_table(searched, len(facts.table.keys)))
    return found


def winner(facts: RunFacts) -> dict[str, Any] | None:
    """What the page shows of the best child: its card, and how to load it; None if none succeeded."""
    if facts.best is None:
        return None
    run, trial = facts.best
    one = trial.evaluation
    rows: list[list[object]] = []
    if facts.winner:
        rows += [
            [f"validation, after {_epochs(facts)} epochs", f"{percent(facts.winner.valid, facts.winner.valid_error)} %"]
        ]
        rows += [["test, likewise", f"{percent(facts.winner.test, facts.winner.test_error)} %"]]
    # Earlier versions of an export wrote the key itself.
    keys = (trial.key, name_key(run.space, trial.key, trial.actions))
    exported = next((child for child in read_exported(Workspace(run.path)) if child.key in keys), None)
    if exported:
        rows.append(
            ["validation, exported child", f"{percent(exported.valid_accuracy, exported.valid_error or math.nan)} %"]
        )
        if exported.test_accuracy is not None:
            rows.append(
                ["test, exported child", f"{percent(exported.test_accuracy, exported.test_error or math.nan)} %"]
            )
    if trial.key in facts.known:
        rows.append(["in the search", facts.value(facts.known[trial.key].reward)])
    costs = [("parameters", one.num_params, 0), ("MFLOPs", one.flops / 1e6, 2), ("latency, ms", one.latency_ms, 3)]
    rows += [[name, number(value, digits)] for name, value, digits in costs if value > 0]
    if one.epochs:
        rows.append(["epochs in the search", one.epochs])
    rows += [["found by", f"{run.title}, evaluation {_number(run, trial)}"], ["seed of its training", trial.seed]]
    cell = facts.space.decode(trial.actions)
    return {
        "name": facts.names[trial.key],
        "cell": cell.key if isinstance(cell, Cell) else None,
        "choices": [[d.name, str(d.choices[a])] for d, a in zip(facts.space.decisions, trial.actions, strict=True)],
        "card": Table(["of the winner ", "value"], rows),
        "exported": str(Workspace(run.path).root / exported.path) if exported else None,
        "is_trained": facts.is_accuracy,
    }


def _number(run: Run, trial: Trial) -> int:
    """The position of a trial among the evaluations of its run, from 1, as in the table of all of them."""
    return 1 + sum(not other.cached and other.trial < trial.trial for other in run.trials)


def settings(facts: RunFacts) -> list[tuple[str, Table]]:
    """Everything that the runs record of themselves: (title, table) for each."""
    found = []
    for run in facts.runs:
        strategy, config = run.fixed["strategy"], run.config
        parts: dict[str, Any] = {
            "folder": run.path.name,
            "digest of D": run.digest or "no batch is complete",
            "space": f"{run.space!r}, fingerprint {run.space.fingerprint}",
            "strategy": ": ".join(filter(None, [strategy["name"], flatten(strategy["config"])])),
            **{name: run.fixed[name] for name in ("seed", "batch_size", "lag")},
            "objective": run.objective or ("validation accuracy" if facts.is_accuracy else "the evaluator's reward"),
            "limits": flatten(run.fixed.get("limits") or "none"),
            "budget": flatten(config["budget"]),
            **{f"recipe: {name}": flatten(value) for name, value in run.fixed["recipe"].items()},
            **{f"machine: {name}": flatten(value) for name, value in (config.get("environment") or {}).items()},
        }
        if facts.trained:
            parts["longer training"] = flatten(facts.trained.recipe.get("train", {}))
        source = config.get("source")
        if isinstance(source, dict):
            parts["images"] = (
                flatten({name: value for name, value in source.items() if name != "class_names"}) or "arrays"
            )
            if isinstance(source.get("class_names"), list):
                parts["classes"] = ", ".join(map(str, source["class_names"]))
        rows = [[Code(name), value] for name, value in parts.items()]
        found.append((run.title, Table(["setting ", "value "], rows)))
    return found


def kind_of_failure(status: str) -> str:
    """The reason of a failure without its figures, so that failures of one kind are counted together."""
    return re.sub(r"\d[\d,.]*", "…", status.removeprefix("failed: "))[:120]


def _failed(run: Run) -> list:
    return [t for t in run.trials if t.evaluation.failed and not t.cached]


def _epochs(facts: RunFacts) -> object:
    return facts.trained.recipe.get("train", {}).get("epochs", "?") if facts.trained else "?"


def _searches(facts: RunFacts) -> Section:
    header = ["search ", "seed", f"{facts.kind} evaluated", "failed", "refused", "proposals", "repeats", "core-hours"]
    rows = []
    for run in facts.runs:
        mean, deviation = spread_of_best(run)
        spread = facts.value(mean, deviation)
        failed = sum(trial.evaluation.failed for trial in run.evaluated)
        row = [run.title, run.fixed["seed"], f"{len(run.evaluated):,}", failed, run.num_refused, f"{len(run.told):,}"]
        rows.append([*row, cache_hits(run), number(core_hours(run)), best_value(facts, run), spread])
    text = (
        f"The best {TOP}: mean ± standard deviation of their values. Repeats were answered from D and cost nothing."
        if facts.is_accuracy
        else f"The best {TOP}: mean of their rewards. Repeats were answered from D and cost nothing."
    )
    if facts.runs[0].objective:
        text += f" The searches maximize {facts.runs[0].objective}; the figures are validation accuracies."
    return Section("The searches", text, Table([*header, "best", f"the best {TOP}"], rows))


def _longer(facts: RunFacts) -> Section:
    text = (
        f"Each was trained again from scratch for {_epochs(facts)} epochs and tested. Accuracies are in percent, mean "
        "± standard error over trainings. The searches selected by the reward, so it is biased upwards. Nothing is "
        "selected by test."
    )
    rows = [
        [rank, Code(facts.names[one.key]), _found_as(facts, one.key), percent(one.valid, one.valid_error)]
        + [percent(one.test, one.test_error), one.num_trainings]
        + [percent(facts.known[one.key].reward) if one.key in facts.known else "–", f"{one.num_params:,}"]
        for rank, one in enumerate(facts.standings, start=1)
    ]
    header = ["rank", f"{facts.kind[:-1]} ", "found as ", "validation", "test", "trainings", "reward", "parameters"]
    return Section("Trained longer", text, Table(header, rows))


def _found_as(facts: RunFacts, key: str) -> str:
    names = [*facts.places.get(key, []), *([facts.human[key]] if key in facts.human else [])]
    return ", ".join(names) or "–"


def _importance(facts: RunFacts) -> Section:
    good = {
        t.key: (t.actions, accuracy_in(run, t)) for run in facts.runs for t in run.evaluated if not t.evaluation.failed
    }
    actions, values = zip(*good.values(), strict=True) if good else ((), ())
    return importance_section(importances(facts.space, actions, values), facts.value)


def importance_section(found: Sequence[Importance], value: Callable[[float], str]) -> Section:
    """The importance of each decision; `value` formats a reward."""
    rows = [
        [Code(one.decision), percent(one.share, digits=0), Code(one.choice), value(one.mean), value(one.rest)]
        for one in found
    ]
    text = (
        f"How far the choices of the best {BEST_SHARE:.0%} differ from those of all (PED-ANOVA), in percent of the "
        "sum. A decision counts for what it does alone. A search tries its favourites more often than other choices."
    )
    header = ["decision ", "importance, %", "best choice ", "its mean", "mean of the rest"]
    return Section("What matters", text, Table(header, rows))


def _policy(run: Run, name: str, history: History) -> Section:
    if history.reproduced is None:
        how = "This version does not propose the encodings in D, so these are shares among the latest proposals."
    else:
        how = f"D was replayed to a new controller, which proposed {percent(history.reproduced)} % of the encodings."
    rows = []
    for decision, by_time in zip(run.space.decisions, history.probabilities, strict=True):
        last = by_time[-1]
        likeliest = int(np.argmax(last))
        nats = -float(np.sum(last * np.log(np.maximum(last, 1e-12))))
        entropy = max(0.0, nats / math.log(max(2, len(last))))  # never -0.0
        choice = Code(str(decision.choices[likeliest]))
        rows.append([Code(decision.name), choice, percent(last[likeliest], digits=0), number(entropy)])
    text = (
        f"The probability of each choice over {len(run.batches):,} batches, and at the end. {how} The entropy is 1 for "
        "a uniform policy and 0 for a deterministic one."
    )
    return Section(
        f"The policy of {name}", text, Table(["decision ", "likeliest choice ", "probability, %", "entropy"], rows)
    )
