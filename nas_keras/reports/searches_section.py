"""The section on searches on a table, which the page of a table and the page of searches share."""

import math

import numpy as np

from nas_keras.comparison.table_searches import NUM_BEST, PAPER, UNIFORM, TableSearches
from nas_keras.reports.markdown import escape, make_table, percent
from nas_keras.reports.plots import table_plots
from nas_keras.reports.table_facts import TableFacts

_FEW = 100  # cells; a search is not needed to find the best of so few
_LAST = 10  # batches that count as the end of a search


def draw_searches(searched: TableSearches):
    """The figure of the section: learning curves beside the best reward and the mean of the table."""
    lines = {"best cell": searched.best, "mean of all encodings": searched.mean}
    return table_plots.learning_curves(searched.curves, lines=lines, batch_size=searched.batch_size)


def searches_section(facts: TableFacts, searched: TableSearches | None, picture: str | None) -> str:
    """The results of the searches, and what they can show."""
    heading = "## Searching the table"
    if searched is None or picture is None:
        why = f"the table lacks {facts.missing_keys:,} keys" if facts.missing_keys else "none were requested"
        return f"{heading}\n\nNo searches: {why}."
    paper, uniform = searched.curves[PAPER], searched.curves[UNIFORM]
    count, iterations = paper.shape
    five, alone = searched.probabilities, searched.best_probabilities
    rows = []
    for name in searched.until_best:
        both = searched.until_best[name], searched.until_good[name]
        texts = [[_spread(until), f"{np.isfinite(until).sum()} of {count}"] for until in both]
        rows.append([name, *texts[0], *texts[1]])
    num_keys = len(facts.accuracies.keys)
    hours = num_keys * facts.accuracies.seconds / len(facts.table.trials) / 3600
    meaning = (
        "With so few cells, searches show how the policy concentrates, but not that a search saves work; that takes a "
        "larger space."
        if num_keys <= _FEW
        else "The rewards here are means over trainings; a search that trains its cells once sees them with the noise "
        "of one training."
    )
    settings = ", ".join(f"{name} {value}" for name, value in searched.config.items())
    return "\n\n".join(
        [
            heading,
            "As in the paper's figure: the mean reward of the policy's samples, PPO in the paper's form "
            "(`PPOConfig.paper()`: samples with repeats, each batch learned from once) against uniform sampling, in "
            f"{iterations} batches of {searched.batch_size}, {count} seeds. The reward is the cell's mean validation "
            "accuracy in the table. Lines are means over seeds; bands hold eight of ten seeds.",
            f"![Mean reward of samples against iteration]({picture})",
            f"In the last {min(_LAST, iterations)} batches its samples had {percent(np.nanmean(paper[:, -_LAST:]))} % "
            f"on average, uniform ones {percent(np.nanmean(uniform[:, -_LAST:]))} %. The mean of the table is "
            f"{percent(searched.mean)} %, its best cell has {percent(searched.best)} %. Its final policy puts "
            f"{percent(five.mean(), digits=1)} % of its probability on the {NUM_BEST} best cells "
            f"({percent(five.min(), digits=1)} to {percent(five.max(), digits=1)} %) and "
            f"{percent(alone.mean(), digits=1)} % on the best alone; a uniform policy puts "
            f"{percent(searched.uniform_probability, digits=1)} % on the {NUM_BEST}.",
            "Distinct cells evaluated, up to and including the one sought; median (quartiles) over seeds. `PPO` has "
            "its default settings, with which it proposes no cell twice. Random search draws without repeats until it "
            f"has seen all cells. The {iterations * searched.batch_size} samples of PPO in the paper's form were "
            f"{_spread(searched.num_evaluated)} distinct cells.",
            make_table(
                ["strategy ", "until the best", "found by", f"until one of the {NUM_BEST} best", "found by"], rows
            ),
            f"For comparison: evaluating the whole space costs {num_keys:,} trainings, about {hours:,.1f} core-hours, "
            f"and random search finds the best cell after {(num_keys + 1) / 2:,.1f} of them on average. "
            f"{meaning}",
            f"The settings of `PPO`: {escape(settings)}.",
        ]
    )


def quartiles(values: np.ndarray) -> list[float]:
    """The lower quartile, median and upper quartile of [n] numbers, some of which may be inf."""
    ordered = np.sort(values)
    quarters = []
    for share in (0.25, 0.5, 0.75):
        place = share * (len(ordered) - 1)
        low, weight = int(place), place - int(place)
        # NumPy's own interpolation turns inf into NaN.
        quarters.append(float((1 - weight) * ordered[low] + weight * ordered[low + 1] if weight else ordered[low]))
    return quarters


def evaluations(count: float) -> str:
    """Formats a number of evaluations; inf becomes "never"."""
    return "never" if math.isinf(count) else f"{count:g}"


def _spread(values: np.ndarray) -> str:
    low, middle, high = map(evaluations, quartiles(values))
    return f"{middle} ({low} to {high})"
