"""What a page of searches says: each function writes one section, as markdown, from `RunFacts`.

Accuracies are fractions in `RunFacts` and percent on the page; their differences are percentage points, "points".
"""

import collections
import math
from collections.abc import Mapping

import numpy as np

from nas_keras.reports.markdown import code, escape, make_table, number, percent
from nas_keras.reports.search_page.facts import (
    TOP,
    RunFacts,
    best_of,
    children_per_hour,
    hours_of_a_core,
    share_of_repeats,
)
from nas_keras.reports.search_page.goals import verdicts
from nas_keras.results.policy_history import History
from nas_keras.results.runs import Run


def title(facts: RunFacts) -> str:
    """The page's first line."""
    data = facts.runs[0].fixed["recipe"].get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return f"# The {escape(facts.space.name)} space{f' on {escape(name)}' if name else ''}: searches and their winners"


def headlines(facts: RunFacts) -> list[str]:
    """The figures that matter, as plain sentences."""
    lines = []
    for run in facts.runs:
        best = run.best(1)
        budget = run.config["budget"]["max_evaluations"]
        lines.append(
            f"{run.title}: {len(run.evaluated):,} of {budget:,} cells evaluated, {percent(share_of_repeats(run))} % of "
            f"{len(run.trials):,} samples answered from D, {number(children_per_hour(run), 0)} children an hour"
            + (f"; best reward {percent(best[0].reward)} %, {facts.names[best[0].key]}" if best else "; none succeeded")
            + "."
        )
    winner = facts.winner
    if winner:
        lines.append(
            f"The winner after the longer training is {facts.names[winner.key]}: validation "
            f"{percent(winner.valid, winner.valid_error)} %, test {percent(winner.test, winner.test_error)} % (mean ± "
            f"standard error; trainings: {winner.count})."
        )
    counts = collections.Counter(verdict.reached for verdict in verdicts(facts))
    lines.append(f"Goals: {counts[True]} reached, {counts[False]} not reached, {counts[None]} not known yet.")
    if facts.table:
        lines.append(_how_full(facts))
    return lines


def winners(facts: RunFacts, pictures: Mapping[str, str]) -> str:
    """The best cell, drawn, and the table of those that were trained longer."""
    lines = ["## The winners"]
    if "best_cell" in pictures:
        lines.append(f"![The best cell as a graph]({pictures['best_cell']})")
    if not facts.standings:
        return "\n\n".join([*lines, "No cell was trained longer yet, so that the best by its reward is shown."])
    train = facts.trained.recipe.get("train", {})
    is_whole = len({standing.count for standing in facts.standings}) == 1
    lines += [
        f"Trained anew, {train.get('epochs', '?')} epoch(s) each, and tested, "
        f"{'all with the same seeds' if is_whole else 'with the same seeds, some of which are not done'}: "
        "accuracies in percent, mean ± standard error over trainings. The reward is what the search's recipe gave; "
        "by it the searches chose, so it flatters what they chose. The rank is by validation; nothing was chosen by "
        "test.",
        make_table(
            ["rank", "cell ", "found as ", "validation", "test", "trainings", "reward", "parameters"],
            [
                [rank, code(facts.names[one.key]), escape(_found_as(facts, one.key))]
                + [percent(one.valid, one.valid_error), percent(one.test, one.test_error), one.count]
                + [percent(facts.known[one.key].reward) if one.key in facts.known else "–", f"{one.num_params:,}"]
                for rank, one in enumerate(facts.standings, start=1)
            ],
        ),
    ]
    untold = [name for key, name in facts.human.items() if key not in facts.known]
    if untold:
        lines.append(
            f"No reward is known of {', '.join(untold)}: launch/precompute_rewards.py --cells adds them to the table."
        )
    correlation, count = facts.order_kept
    lines.append(
        f"Spearman's rank correlation of the reward with the mean after the longer training: {number(correlation)}, "
        f"over {count} cells. Most of them are here because their reward was high, which leaves little to correlate."
    )
    return "\n\n".join(lines)


def searching(facts: RunFacts, pictures: Mapping[str, str]) -> str:
    """The searches, side by side."""
    rows = []
    for run in facts.runs:
        failed = sum(trial.evaluation.failed for trial in run.evaluated)
        first = run.best(1)
        rows.append(
            [escape(run.title), run.fixed["seed"], f"{len(run.evaluated):,}", failed, f"{len(run.trials):,}"]
            + [percent(share_of_repeats(run)), number(children_per_hour(run), 0), number(hours_of_a_core(run))]
            + [percent(first[0].reward) if first else "–", percent(*best_of(run))]
        )
    header = "search |seed|cells evaluated|failed|samples|% from D|children an hour|hours of a core|best|the best "
    return "\n\n".join(
        [
            "## The searches",
            "All by the same recipe; the reward is the validation accuracy, in percent.",
            f"![Reward of each cell evaluated, and the best so far]({pictures['rewards']})",
            make_table(f"{header}{TOP}".split("|"), rows),
            f"The best {TOP}: mean ± standard deviation of their rewards. Samples answered from D cost nothing. "
            "Children an hour are by the clock, of all workers together, beside whatever else the machine did; those "
            "whose reward a table knew count too.",
        ]
    )


def policy(run: Run, history: History, picture: str) -> str:
    """What a controller learned."""
    told_again = "The policy's own, found by telling D again to a new controller, which proposed"
    if history.same is None:
        how = (
            "This version does not propose what stands in D, so these are shares of what was proposed, in the latest "
            "batches."
        )
    elif history.same == 1:
        how = f"{told_again} the same encodings as the run."
    else:
        how = (
            f"{told_again} {percent(history.same)} % of the encodings as the run did: on a processor that rounds "
            "differently, a few samples differ."
        )
    rows = []
    for decision, rows_of_decision in zip(run.space.decisions, history.probabilities, strict=True):
        last = rows_of_decision[-1]
        likeliest = int(np.argmax(last))
        entropy = -float(np.sum(last * np.log(np.maximum(last, 1e-12)))) / math.log(len(last))
        choice = code(str(decision.choices[likeliest]))
        rows.append([code(decision.name), choice, percent(last[likeliest], digits=0), number(entropy)])
    return "\n\n".join(
        [
            f"## What the controller of {escape(run.title)} learned",
            f"The probability of each choice at each decision, over {len(run.batches):,} batches, whatever the others "
            f"are. {how}",
            f"![Probability of each choice, batch by batch]({picture})",
            "At the end; an entropy of 1 is that of a uniform policy, 0 of one that has decided:",
            make_table(["decision ", "likeliest choice ", "its probability, %", "entropy"], rows),
        ]
    )


def sizes(pictures: Mapping[str, str]) -> str:
    """Accuracy against parameters."""
    return (
        "## Accuracy against parameters\n\n"
        f"![Reward against parameters]({pictures['sizes']})\n\n"
        "By the search's recipe. Diamonds are cells that people designed, where their reward is known, "
        "and the winner."
    )


def the_table(facts: RunFacts) -> str:
    """How full the table is, and where the searches' best stand in it."""
    lines = ["## The table of the space"]
    if facts.table is None:
        return f"{lines[0]}\n\nNo table was named."
    measured = facts.table.measured
    lines.append(escape(_how_full(facts)))
    if measured.num_untested:
        lines.append(
            f"{measured.num_untested:,} of its {len(facts.table.table.trials):,} trainings have no test accuracy: they "
            "come from searches, which measure none."
        )
    places = {key: k for k, key in enumerate(measured.keys)}
    best = facts.table.valid.mean[facts.table.best[0]]
    for run in facts.runs:
        k = places[run.best(1)[0].key] if run.best(1) else None
        if k is not None and facts.table.ranks[k]:
            lines.append(
                f"The best of {escape(run.title)} has rank {facts.table.ranks[k]:,} of the {len(facts.table.best):,} "
                f"cells in it, {percent(best - facts.table.valid.mean[k])} points below the best."
            )
    return "\n\n".join(lines)


def _how_full(facts: RunFacts) -> str:
    total = len(facts.table.measured.keys)
    full = len(facts.table.best)
    return f"The table holds {full:,} of the {total:,} cells of the space ({percent(full / total, digits=1)} %)."


def _found_as(facts: RunFacts, key: str) -> str:
    names = [*facts.places.get(key, []), *([facts.human[key]] if key in facts.human else [])]
    return ", ".join(names) or "–"
