"""The tables on the pages of searches, beside those that `reports/sections.py` shares with the pages of tables."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from nas_keras.comparison.table_searches import TableSearches
from nas_keras.reports.importance import importances
from nas_keras.reports.markdown import Code, Table, flatten, number, percent
from nas_keras.reports.search_page.facts import RunFacts, accuracy_in
from nas_keras.reports.sections import Section, importance_section, make_section, searches_section
from nas_keras.results.alarms import alarms_of
from nas_keras.results.policy_history import History
from nas_keras.results.runs import Run
from nas_keras.runner.monitoring.tensorboard import failure_kind
from nas_keras.runner.result import top_trials

_TOP = 10  # number of best cells by which searches are compared


def sections(facts: RunFacts, histories: Mapping[str, History], searched: TableSearches | None) -> dict[str, Section]:
    """The sections of the page that are tables, by name; what is not known is left out.

    Args:
        facts: the facts of the searches.
        histories: the policies, by the name of their section.
        searched: searches on a table.
    """
    found = {"searches": _searches(facts)}
    if facts.standings:
        found["longer"] = _longer(facts)
    good = {t.key: (t.actions, accuracy_in(r, t)) for r in facts.runs for t in r.evaluated if not t.evaluation.failed}
    if matters := importances(facts.space, *zip(*good.values(), strict=True)) if good else []:
        found["importance"] = importance_section(matters, facts.value)
    for run, (name, history) in zip(with_policy(facts), histories.items(), strict=True):
        found[name] = _policy(run, history)
    failed = [t.evaluation.status for run in facts.runs for t in run.trials if t.evaluation.failed and not t.cached]
    if failed:
        rows = Counter(map(failure_kind, failed)).most_common()
        found["failures"] = make_section("failures", ["failed because ", "children"], rows)
    if alarms := [[run.title, alarm.name, alarm.text] for run in facts.runs for alarm in alarms_of(run)]:
        found["alarms"] = make_section("alarms", ["search ", "alarm ", "what it says "], alarms)
    if searched and facts.table:
        found["on_table"] = searches_section(searched, facts.table.num_keys)
    return found


def with_policy(facts: RunFacts) -> list[Run]:
    """The searches whose proposals changed over time."""
    return [run for run in facts.runs if run.batches and run.strategy != "random"]


def settings(facts: RunFacts) -> list[tuple[str, Table]]:
    """Everything that the runs record of themselves: (title, table) for each."""
    found = []
    for run in facts.runs:
        parts = {
            "folder": run.path.name,
            "digest of its trials": run.digest or "no batch is complete",
            **{
                name: part
                for name, part in run.fixed.items()
                if name not in ("recipe", "space", "strategy", "objective")
            },
            "strategy": f"{run.strategy}, settings: {flatten(run.fixed['strategy']['config'])}",
            "space": f"{run.space!r}, fingerprint {run.space.fingerprint}",
            "objective": run.objective or ("validation accuracy" if facts.is_accuracy else "the evaluator's reward"),
            **{f"recipe: {name}": part for name, part in run.fixed["recipe"].items()},
            "longer training": facts.trained and facts.trained.recipe.get("train"),
            "budget": run.config["budget"],
            "images": run.config.get("source"),
            **{f"machine: {name}": part for name, part in (run.config.get("environment") or {}).items()},
        }
        rows = [[Code(name), flatten(part)] for name, part in parts.items() if part is not None]
        found.append((run.title, Table(["setting ", "value "], rows)))
    return found


def _searches(facts: RunFacts) -> Section:
    header = ["search ", "seed", f"{facts.kind} evaluated", "failed", "refused", "proposals", "repeats"]
    rows = []
    for run in facts.runs:
        best = [accuracy_in(run, trial) for trial in top_trials(run.evaluated, _TOP)]
        has_spread = len(best) > 1
        spread = facts.value(float(np.mean(best)), float(np.std(best, ddof=1))) if has_spread else "–"
        failed = sum(trial.evaluation.failed for trial in run.evaluated)
        hours = sum(trial.evaluation.seconds for trial in run.evaluated) / 3600
        row = [run.title, run.fixed["seed"], f"{len(run.evaluated):,}", failed, run.num_refused, f"{len(run.told):,}"]
        rows.append([*row, sum(t.cached for t in run.told), number(hours), facts.best_value(run), spread])
    columns = [*header, "hours of training", "best", f"the best {_TOP}"]
    return make_section("searches", columns, rows, facts=facts, top=_TOP)


def epochs_of(facts: RunFacts) -> object:
    """The number of epochs of the longer trainings."""
    return facts.trained.recipe.get("train", {}).get("epochs", "?") if facts.trained else "?"


def _longer(facts: RunFacts) -> Section:
    rows = [
        [rank, Code(facts.names[one.key]), ", ".join(facts.places.get(one.key, ["–"]))]
        + [percent(one.valid, one.valid_error), percent(one.test, one.test_error), one.num_trainings]
        + [percent(facts.known[one.key].reward) if one.key in facts.known else "–", f"{one.num_params:,}"]
        for rank, one in enumerate(facts.standings, start=1)
    ]
    header = ["rank", f"{facts.kind[:-1]} ", "found as ", "validation", "test", "trainings", "reward", "parameters"]
    return make_section("longer", header, rows, epochs=epochs_of(facts))


def _policy(run: Run, history: History) -> Section:
    rows = []
    for decision, by_time in zip(run.space.decisions, history.probabilities, strict=True):
        last = by_time[-1]
        likeliest = int(np.argmax(last))
        nats = -float(np.sum(last * np.log(np.maximum(last, 1e-12))))
        entropy = max(0.0, nats / math.log(max(2, len(last))))  # never -0.0
        choice = Code(str(decision.choices[likeliest]))
        rows.append([Code(decision.name), choice, percent(last[likeliest], digits=0), number(entropy)])
    header = ["decision ", "likeliest choice ", "probability, %", "entropy"]
    batches, reproduced = len(run.batches), history.reproduced
    return make_section("policy", header, rows, title=run.title, batches=batches, reproduced=reproduced)
