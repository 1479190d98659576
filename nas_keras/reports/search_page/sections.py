"""Sections of the page of searches, except those in `goals.py` and `commands.py`. Each function returns one.

Accuracies are fractions in `RunFacts` and percent on the page; their differences are percentage points, "points".
"""

import collections
import math
from collections.abc import Mapping

import numpy as np

from nas_keras.reports.markdown import code, escape, flatten, make_table, number, percent
from nas_keras.reports.search_page.facts import (
    TOP,
    RunFacts,
    accuracy_in,
    cache_hit_rate,
    children_per_hour,
    core_hours,
    reward_error,
    spread_of_best,
)
from nas_keras.reports.search_page.goals import verdicts
from nas_keras.results.policy_history import History
from nas_keras.results.runs import Run
from nas_keras.trial import Trial


def title(facts: RunFacts) -> str:
    """The title of the page."""
    data = facts.runs[0].fixed["recipe"].get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return f"# The {escape(facts.space.name)} space{f' on {escape(name)}' if name else ''}: searches and their winners"


def headlines(facts: RunFacts) -> list[str]:
    """The most important figures, as plain sentences."""
    lines = []
    for run in facts.runs:
        best = run.top(1)
        budget, rate = run.config["budget"]["max_evaluations"], children_per_hour(run)
        lines.append(
            f"{run.title}: {len(run.evaluated):,} of {budget:,} cells evaluated, {len(run.told):,} samples with "
            f"{percent(cache_hit_rate(run))} % cache hits"
            + ("" if math.isnan(rate) else f", {number(rate, 0)} children an hour")
            + (f"; {_best(run, best[0])}, {facts.names[best[0].key]}" if best else "; none succeeded")
            + "."
        )
    winner = facts.winner
    if winner:
        lines.append(
            f"The winner after the longer training is {facts.names[winner.key]}: validation "
            f"{percent(winner.valid, winner.valid_error)} %, test {percent(winner.test, winner.test_error)} % (mean ± "
            f"standard error; trainings: {winner.num_trainings})."
        )
    counts = collections.Counter(verdict.reached for verdict in verdicts(facts))
    lines.append(f"Goals: {counts[True]} reached, {counts[False]} not reached, {counts[None]} not known yet.")
    if facts.table:
        lines.append(_how_full(facts))
    return lines


def _accuracy(run: Run) -> str:
    """The accuracy of the best of a search in percent, with its standard error if that is known."""
    accuracy = accuracy_in(run, run.top(1)[0])
    return percent(accuracy, reward_error(run, accuracy))


def _best(run: Run, best: Trial) -> str:
    if run.objective is None:
        return f"best reward {_accuracy(run)} %"
    return f"best by {run.objective}: {_accuracy(run)} % with {best.evaluation.num_params:,} parameters"


def winners(facts: RunFacts, pictures: Mapping[str, str]) -> str:
    """The best cell as a picture, and a table of the cells that were trained longer."""
    lines = ["## The winners"]
    if "best_cell" in pictures:
        lines.append(f"![The best cell as a graph]({pictures['best_cell']})")
    if not facts.standings:
        return "\n\n".join([*lines, "No cell has been trained longer yet; the cell with the highest reward is shown."])
    train = facts.trained.recipe.get("train", {})
    is_complete = len({standing.num_trainings for standing in facts.standings}) == 1
    lines += [
        f"Each cell was trained again from scratch for {train.get('epochs', '?')} epoch(s) and tested, "
        f"{'all with the same seeds' if is_complete else 'with the same seeds, some of which are not done'}. "
        "Accuracies are in percent, mean ± standard error over trainings. The reward is that of the search's recipe; "
        "it is biased upwards for the cells that the searches selected by it. Ranks are by validation; nothing is "
        "selected by test.",
        make_table(
            ["rank", "cell ", "found as ", "validation", "test", "trainings", "reward", "parameters"],
            [
                [rank, code(facts.names[one.key]), escape(_found_as(facts, one.key))]
                + [percent(one.valid, one.valid_error), percent(one.test, one.test_error), one.num_trainings]
                + [percent(facts.known[one.key].reward) if one.key in facts.known else "–", f"{one.num_params:,}"]
                for rank, one in enumerate(facts.standings, start=1)
            ],
        ),
    ]
    unknown = [name for key, name in facts.human.items() if key not in facts.known]
    if unknown:
        lines.append(
            f"The reward of {', '.join(unknown)} is unknown; launch/precompute_rewards.py --cells adds it to the table."
        )
    correlation, count = facts.order_kept
    lines.append(
        f"Spearman's rank correlation of the reward with the mean after the longer training is {number(correlation)}, "
        f"over {count} cells. Most of them were selected for a high reward, and that narrow range lowers it."
    )
    return "\n\n".join(lines)


def searching(facts: RunFacts, pictures: Mapping[str, str]) -> str:
    """The searches, side by side."""
    rows = []
    rates = [children_per_hour(run) for run in facts.runs]
    has_rates = not all(map(math.isnan, rates))
    for run, rate in zip(facts.runs, rates, strict=True):
        failed = sum(trial.evaluation.failed for trial in run.evaluated)
        first = run.top(1)
        rows.append(
            [escape(run.title), run.fixed["seed"], f"{len(run.evaluated):,}", failed, f"{len(run.told):,}"]
            + [percent(cache_hit_rate(run)), *([number(rate, 0)] if has_rates else []), number(core_hours(run))]
            + [_accuracy(run) if first else "–", percent(*spread_of_best(run))]
        )
    header = ["search ", "seed", "cells evaluated", "failed", "samples", "cache hits, %"]
    header += ["children an hour"] * has_rates + ["core-hours", "best", f"the best {TOP}"]
    return "\n\n".join(
        [
            "## The searches",
            "All searches use the same recipe; " + _goal(facts),
            *_refused(facts),
            f"![Reward of each cell evaluated, and the best so far]({pictures['rewards']})",
            make_table(header, rows),
            f"The best {TOP}: mean ± standard deviation of their rewards. Cache hits are samples whose reward was "
            "already in D; they cost nothing."
            + (
                " Children an hour are per hour of wall time, by all workers together and with whatever else the "
                "machine was doing; children whose reward came from a table are included."
                if has_rates
                else ""
            ),
        ]
    )


def _goal(facts: RunFacts) -> str:
    if facts.runs[0].objective is None:
        return "the reward is the validation accuracy, in percent."
    return (
        f"they maximize {code(facts.runs[0].objective)}, which ranks the cells. The figures and pictures show the "
        "validation accuracy, in percent."
    )


def _refused(facts: RunFacts) -> list[str]:
    """A sentence about each search with cells that were refused."""
    return [
        f"{escape(run.title)}: {run.num_refused:,} further cells were refused without training (limits: "
        f"{escape(flatten(run.fixed.get('limits') or 'those of its evaluator'))})."
        for run in facts.runs
        if run.num_refused
    ]


def policy(run: Run, history: History, picture: str) -> str:
    """The policy that a controller learned."""
    replayed = "These are probabilities of the policy, obtained by replaying D to a new controller, which proposed"
    if history.reproduced is None:
        how = (
            "This version does not propose the encodings in D, so these are shares of the choices among the latest "
            "proposals."
        )
    elif history.reproduced == 1:
        how = f"{replayed} the same encodings as the run."
    else:
        how = (
            f"{replayed} {percent(history.reproduced)} % of the run's encodings; on a processor that rounds "
            "differently, a few samples differ."
        )
    rows = []
    for decision, rows_of_decision in zip(run.space.decisions, history.probabilities, strict=True):
        last = rows_of_decision[-1]
        likeliest = int(np.argmax(last))
        entropy = max(0.0, -float(np.sum(last * np.log(np.maximum(last, 1e-12)))) / math.log(len(last)))  # never -0.0
        choice = code(str(decision.choices[likeliest]))
        rows.append([code(decision.name), choice, percent(last[likeliest], digits=0), number(entropy)])
    return "\n\n".join(
        [
            f"## What the controller of {escape(run.title)} learned",
            f"The marginal probability of each choice at each decision, over {len(run.batches):,} batches. {how}",
            f"![Probability of each choice, batch by batch]({picture})",
            "At the end of the search (the entropy is 1 for a uniform policy, 0 for a deterministic one):",
            make_table(["decision ", "likeliest choice ", "its probability, %", "entropy"], rows),
        ]
    )


def sizes(facts: RunFacts, pictures: Mapping[str, str]) -> str:
    """The picture of accuracy against parameters, and the Pareto front."""
    lines = [
        "## Accuracy against parameters",
        f"![Reward against parameters]({pictures['sizes']})",
        "Accuracies are those of the search's recipe. Diamonds are the winner and the cells that people designed, "
        "where their reward is known.",
    ]
    if facts.front:
        rows = [
            [code(facts.names.get(key, key)), percent(facts.known[key].reward), f"{facts.known[key].num_params:,}"]
            for key in facts.front
        ]
        lines += [
            "The line is the Pareto front: each of these cells is more accurate than every other known cell that is "
            "not larger.",
            make_table(["cell ", "accuracy", "parameters"], rows),
        ]
    return "\n\n".join(lines)


def the_table(facts: RunFacts) -> str:
    """The number of cells in the table, and the ranks of the searches' best cells in it."""
    lines = ["## The table of the space"]
    if facts.table is None:
        return f"{lines[0]}\n\nNo table was given."
    accuracies = facts.table.accuracies
    lines.append(escape(_how_full(facts)))
    if accuracies.num_untested:
        lines.append(
            f"{accuracies.num_untested:,} of its {len(facts.table.table.trials):,} trainings have no test accuracy, "
            "because they come from searches, which do not use the test split."
        )
    places = {key: k for k, key in enumerate(accuracies.keys)}
    best = facts.table.valid.mean[facts.table.best[0]]
    for run in facts.runs:
        k = places[run.top(1)[0].key] if run.top(1) else None
        if k is not None and facts.table.ranks[k]:
            lines.append(
                f"The best of {escape(run.title)} has rank {facts.table.ranks[k]:,} of the {len(facts.table.best):,} "
                f"cells in it, {percent(best - facts.table.valid.mean[k])} points below the best."
            )
    return "\n\n".join(lines)


def _how_full(facts: RunFacts) -> str:
    total = len(facts.table.accuracies.keys)
    full = len(facts.table.best)
    return f"The table holds {full:,} of the {total:,} cells of the space ({percent(full / total, digits=1)} %)."


def _found_as(facts: RunFacts, key: str) -> str:
    names = [*facts.places.get(key, []), *([facts.human[key]] if key in facts.human else [])]
    return ", ".join(names) or "–"
