"""Sections of the page of a table, except those in `limits.py`. Each function returns one, as markdown.

Accuracies are fractions in `TableFacts` and percent on the page; their differences are percentage points, "points".
"""

import math
import pathlib
from collections.abc import Mapping, Sequence

from nas_keras.comparison.table_searches import NUM_BEST, PPO, RANDOM, TableSearches
from nas_keras.reports import table_statistics
from nas_keras.reports.main_effects import explained
from nas_keras.reports.markdown import code, escape, flatten, make_table, number, percent
from nas_keras.reports.searches_section import evaluations, quartiles
from nas_keras.reports.table_command import table_command
from nas_keras.reports.table_facts import PAPER, TableFacts
from nas_keras.reports.table_page.limits import count_ties
from nas_keras.results.pareto import pareto_front

_NUM_LISTED = 10  # cells listed from either end
_PAPER_CITED = "Arora and Krone, *Learning to Design CNNs with Reinforcement Learning*"


def title(facts: TableFacts) -> str:
    """The title of the page."""
    data = facts.table.recipe.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return f"# The {escape(facts.space.name)} space{f' on {escape(name)}' if name else ''}: results of its table"


def headlines(facts: TableFacts, searched: TableSearches | None) -> list[str]:
    """The most important figures, as plain sentences."""
    accuracies, best, quarter = facts.accuracies, facts.best[0], facts.quarter
    single = table_statistics.noise_of(accuracies.valid[quarter])
    tested = f"test {_accuracy(facts.test, best)} %" if facts.test.num_trainings[best] else "no test accuracy"
    lines = [
        f"{len(facts.best):,} of {len(accuracies.keys):,} cells have an accuracy; trainings of a cell: at most "
        f"{accuracies.valid.shape[1]}; {accuracies.num_missing:,} trainings are missing, "
        f"{accuracies.num_failed:,} failed"
        + (f", {accuracies.num_variants:,} fell back to a variant of the recipe." if accuracies.num_variants else "."),
        f"The best cell is {facts.names[best]}: validation {_accuracy(facts.valid, best)} %, {tested} (mean ± standard "
        "error over trainings).",
    ]
    for what, k, _ in facts.known:
        if facts.ranks[k] and what == PAPER:
            lines.append(f"One of the paper's two best, {facts.names[k]}, has rank {facts.ranks[k]} here.")
    if single.degrees:
        lines.append(
            f"Among the best {len(quarter)} cells, one training scatters by {percent(single.single)} points about its "
            f"cell's mean; the cells themselves differ by {percent(single.between)} (standard deviations). "
            f"{count_ties(facts)} cells, the best included, are within two standard errors of the best."
        )
    seeds = table_statistics.seed_correlations(accuracies.valid)
    lines.append(
        "Rank correlation (Spearman) of two trainings of all cells: "
        f"{number(seeds.mean()) if len(seeds) else '–'}; of mean validation and mean test accuracy: "
        f"{number(table_statistics.rank_correlation(facts.valid.mean, facts.test.mean))}."
    )
    if searched:
        ppo, random = (evaluations(quartiles(searched.until_best[name])[1]) for name in (PPO, RANDOM))
        lines.append(
            f"The final policy of PPO in the paper's form puts {percent(searched.probabilities.mean(), digits=0)} % of "
            f"its probability on the {NUM_BEST} best cells (mean of {len(searched.probabilities)} searches), a uniform "
            f"policy {percent(searched.uniform_probability, digits=0)} %. Until the best was found PPO evaluated {ppo} "
            f"cells (median), random search {random}."
        )
    return lines


def cells(facts: TableFacts, pictures: Mapping[str, str]) -> str:
    """The best and the worst cells, and their pictures."""
    num_columns = facts.accuracies.valid.shape[1]
    shown = facts.best if len(facts.best) <= 2 * _NUM_LISTED else facts.best[:_NUM_LISTED]
    lines = [
        "## The cells",
        "Accuracies are in percent, mean ± standard error over the trainings of a cell (at most "
        f"{num_columns}), each with its own seed.",
    ]
    if facts.accuracies.num_untested:
        lines.append(
            f"{facts.accuracies.num_untested:,} of the trainings have no test accuracy, because they come from "
            "searches, which do not use the test split. Test accuracies below are those of the other trainings."
        )
    if "heat_map" in pictures:
        lines.append(f"![Mean validation accuracy of every cell, as a grid]({pictures['heat_map']})")
    lines += [
        f"![Validation accuracies, sorted, with error bars]({pictures['sorted']})",
        "Diamonds are the known cells below. Validation accuracy is biased upwards for the best cells, which are "
        "selected by it; test accuracy is not, since nothing is selected by it.",
        f"The best {len(shown)}:" if shown != facts.best else "All cells, best first:",
        _cell_table(facts, shown),
    ]
    if shown != facts.best:
        worst = facts.best[-_NUM_LISTED:]
        lines += [f"The worst {len(worst)}:", _cell_table(facts, worst)]
    return "\n\n".join(lines)


def front(facts: TableFacts) -> str:
    """The Pareto front of accuracy against parameters."""
    sizes, means = facts.accuracies.num_params, facts.valid.mean
    sized = [k for k in facts.best if sizes[k]]
    chosen = [sized[i] for i in pareto_front([int(sizes[k]) for k in sized], [float(means[k]) for k in sized])]
    if not chosen:
        return "## The Pareto front\n\nThe table holds no numbers of parameters."
    return "\n\n".join(
        [
            "## The Pareto front",
            "Each of these cells has a higher mean validation accuracy than every other cell that is not larger.",
            _cell_table(facts, chosen),
        ]
    )


def known_cells(facts: TableFacts) -> str:
    """The results of the paper's best cells and of those that people designed."""
    rows = [
        [what, code(facts.names[k]), *(map(percent, paper) if paper else "––"), _accuracy(facts.valid, k)]
        + [_accuracy(facts.test, k), facts.ranks[k] or "–", facts.test_ranks[k] or "–"]
        for what, k, paper in facts.known
    ]
    if not rows:
        return "## Known cells\n\nThe space contains neither the paper's best cells nor any that people designed."
    header = "what |cell |paper: validation|paper: test|validation|test|rank|rank by test".split("|")
    return "\n\n".join(
        [
            "## Known cells",
            f"Accuracies in percent, ranks among {len(facts.best):,} cells. The paper is {_PAPER_CITED}; the two cells "
            "had the best validation accuracy in its small space, with other children and another training.",
            make_table(header, rows),
        ]
    )


def operations(facts: TableFacts, pictures: Mapping[str, str]) -> str:
    """The main effects of operations and other choices."""
    shares = explained(facts.space, facts.accuracies, facts.effects)
    rows = []
    for e in facts.effects:
        factor = math.exp(e.log_error)
        factor_text = number(factor, error=factor * e.log_error_error)
        rows.append([code(e.decision), code(e.choice), percent(e.accuracy, e.accuracy_error, sign=True), factor_text])
    lines = [
        "## The effects of the choices",
        "The effect of a choice, averaged over all choices of the other decisions and relative to the mean over all "
        "encodings: points of validation accuracy, and the factor on the error rate (geometric mean; below 1 is "
        "better). ± is the standard error due to the noise of training.",
        f"![Main effects on the error rate]({pictures['effects']})",
    ]
    if len(facts.best) < len(facts.accuracies.keys):
        lines.append(
            "Not every cell has an accuracy yet, so the choices are averaged over different cells: read the effects "
            "only when the table is complete."
        )
    if shares:
        parts = ", ".join(f"{code(name)} {percent(share, digits=0)} %" for name, share in shares.items())
        rest = percent(max(0.0, 1 - sum(shares.values())), digits=0)
        lines.append(
            "Shares of the variance of the logarithm of the error rate that these effects explain: "
            f"{parts}; the remaining {rest} % are due to interactions of decisions, and to noise."
        )
    lines.append(make_table(["decision ", "choice ", "points", "error rate, times"], rows))
    return "\n\n".join(lines)


def how_it_was_made(facts: TableFacts, table: pathlib.Path, command: str) -> str:
    """The recipe, the machine, the time and the commands."""
    rows = [[code(name), escape(flatten(value))] for name, value in facts.table.recipe.items()]
    rows += [[code(f"machine: {name}"), escape(flatten(value))] for name, value in facts.table.environment.items()]
    lines = [
        "## How this was made",
        f"The table {code(table)} took {facts.accuracies.seconds / 3600:,.1f} core-hours: the wall time of its "
        f"{len(facts.table.trials):,} trainings, summed.",
        make_table(["recipe ", "value "], rows),
    ]
    commands = [line for line in (table_command(facts, table), command) if line]
    if commands:
        lines.append("\n".join(["```sh", *(" ".join(line.split()).replace("```", "") for line in commands), "```"]))
    return "\n\n".join(lines)


def _cell_table(facts: TableFacts, chosen: Sequence[int]) -> str:
    rows = [
        [facts.ranks[k], code(facts.names[k]), _accuracy(facts.valid, k), _accuracy(facts.test, k)]
        + [facts.test_ranks[k] or "–", facts.valid.num_trainings[k], f"{facts.accuracies.num_params[k]:,}"]
        for k in chosen
    ]
    return make_table(["rank", "cell ", "validation", "test", "rank by test", "trainings", "parameters"], rows)


def _accuracy(means: table_statistics.Means, k: int) -> str:
    return percent(means.mean[k], means.error[k])
