"""What the figures of a page can bear: noise, the order of the cells, searches on the table; a section each."""

import math
from collections.abc import Sequence

import numpy as np

from nas_keras.reports import table_statistics
from nas_keras.reports.markdown import code, escape, make_table, number, percent
from nas_keras.reports.search_page.searches import NUM_BEST, Searches, quartiles
from nas_keras.reports.table_page.facts import Facts

_FEW = 100  # cells; nobody needs a search to find the best of so many
_LAST = 10  # batches that count as the end of a search


def noise(facts: Facts) -> str:
    """One training's noise beside the gaps between cells, and pairs that are the same network."""
    measured, quarter = facts.measured, facts.quarter
    rows = []
    for what, chosen in ((f"all {len(facts.best):,}", facts.best), (f"the best {len(quarter):,}", quarter)):
        one = table_statistics.noise_of(measured.valid[chosen])
        count = facts.valid.count[chosen].mean()
        gaps = -np.diff(facts.valid.mean[chosen])
        rows.append(
            [what, percent(one.single, digits=3), percent(one.single / count**0.5, digits=3)]
            + [percent(one.between, digits=3), percent(np.median(gaps) if len(gaps) else math.nan, digits=3)]
        )
    lines = [
        "## Noise",
        "In points of validation accuracy. The noise of one training is the standard deviation about its cell's mean, "
        "pooled over cells; what is between cells is the standard deviation of their means, with the noise taken off.",
        make_table(["cells ", "one training", "a cell's mean", "between cells", "median gap to the next"], rows),
    ]
    if not math.isnan(table_statistics.noise_of(measured.valid).single):
        lines.append(
            f"By the noise of the best {len(quarter)}, {count_ties(facts)} cells, the best included, are within two "
            "standard errors (of a difference of two means) of the best: the table does not tell them apart."
        )
    pairs = table_statistics.same_networks(facts.space, measured)
    if pairs:
        lines += ["### Pairs that are the same network", *_pair_texts(facts, pairs)]
    else:
        lines.append("No two cells of the table are the same network.")
    return "\n\n".join(lines)


def _pair_texts(facts: Facts, pairs: Sequence[table_statistics.Pair]) -> list[str]:
    rows = [
        [code(facts.names[pair.first]), code(facts.names[pair.second]), percent(pair.gap, sign=True, digits=3)]
        + [percent(pair.error, digits=3), number(pair.gap / pair.error if pair.error > 0 else math.nan)]
        + [number(pair.p_value, 3)]
        for pair in pairs
    ]
    texts = [
        "Only the noise of training tells the two of a pair apart. Their gap, beside the standard error that their own "
        "noise predicts for it (points), and Student's test:",
        make_table(["cell ", "same as ", "gap", "predicted", "gap / predicted", "p-value"], rows),
    ]
    tested = [pair for pair in pairs if not math.isnan(pair.p_value)]
    if tested:
        ratio = np.mean([(pair.gap / pair.error) ** 2 for pair in tested]) ** 0.5
        texts.append(
            f"The root mean square of gap / predicted is {number(ratio)}, where noise alone gives about 1; "
            f"{sum(pair.p_value < 0.05 for pair in tested)} of {len(tested)} p-values are below 0.05, where noise "
            f"alone gives {number(0.05 * len(tested), 1)} on average."
        )
    return texts


def order(facts: Facts) -> str:
    """Rank correlations."""
    rows = []
    for what, chosen in ((f"all {len(facts.best):,}", facts.best), (f"best {len(facts.quarter):,}", facts.quarter)):
        seeds = table_statistics.seed_correlations(facts.measured.valid[chosen])
        over = f"{number(seeds.mean())} ({number(seeds.min())} to {number(seeds.max())})" if len(seeds) else "–"
        rows.append(
            [what, over, number(table_statistics.rank_correlation(facts.valid.mean[chosen], facts.test.mean[chosen]))]
        )
    num_pairs = len(table_statistics.seed_correlations(facts.measured.valid))
    return "\n\n".join(
        [
            "## Does the order hold?",
            "Spearman's rank correlation: between trainings with different seeds (validation accuracy; mean and range "
            f"of {num_pairs} pairs of seeds), and between mean validation and mean test accuracy.",
            make_table(["cells ", "between seeds", "validation and test"], rows),
        ]
    )


def searching(facts: Facts, searched: Searches | None, picture: str | None) -> str:
    """The searches on the table, and what they can show."""
    heading = "## Searching the table"
    if searched is None or picture is None:
        why = f"the table lacks {facts.missing_keys:,} keys" if facts.missing_keys else "none was asked for"
        return f"{heading}\n\nNo searches: {why}."
    ppo, uniform = searched.curves["PPO"], searched.curves["uniform sampling"]
    count, iterations = ppo.shape
    five, alone = searched.probabilities, searched.best_probabilities
    rows = []
    for name in searched.until_best:
        both = searched.until_best[name], searched.until_good[name]
        texts = [[_spread(until), f"{np.isfinite(until).sum()} of {count}"] for until in both]
        rows.append([name, *texts[0], *texts[1]])
    num_keys = len(facts.measured.keys)
    hours = num_keys * facts.measured.seconds / len(facts.table.trials) / 3600
    meaning = (
        "So few cells can show how the policy concentrates; they cannot show that a search saves work: that takes a "
        "larger space."
        if num_keys <= _FEW
        else "The rewards here are means over trainings; a search that trains its cells once sees them with the noise "
        "of one training."
    )
    settings = ", ".join(f"{name} {value}" for name, value in searched.config.items())
    return "\n\n".join(
        [
            heading,
            "As in the paper's figure: the mean reward of the policy's samples, PPO against uniform sampling, in "
            f"{iterations} batches of {searched.batch_size}, {count} seeds. The reward is the cell's mean validation "
            "accuracy in the table. Lines are means over seeds; bands hold eight of ten seeds.",
            f"![Mean reward of samples against iteration]({picture})",
            f"In the last {min(_LAST, iterations)} batches PPO's samples had {percent(np.nanmean(ppo[:, -_LAST:]))} % "
            f"on average, uniform ones {percent(np.nanmean(uniform[:, -_LAST:]))} %. The mean of the table is "
            f"{percent(searched.mean)} %, its best cell has {percent(searched.best)} %. PPO's final policy puts "
            f"{percent(five.mean(), digits=1)} % of its probability on the {NUM_BEST} best cells "
            f"({percent(five.min(), digits=1)} to {percent(five.max(), digits=1)} %) and "
            f"{percent(alone.mean(), digits=1)} % on the best alone; a uniform policy puts "
            f"{percent(searched.uniform_probability, digits=1)} % on the {NUM_BEST}.",
            "Distinct cells evaluated, up to and with the one sought; median (quartiles) over seeds. Random search "
            f"draws without repeats until it has seen all. PPO's {iterations * searched.batch_size} samples were "
            f"{_spread(searched.num_evaluated)} distinct cells.",
            make_table(
                ["strategy ", "until the best", "found by", f"until one of the {NUM_BEST} best", "found by"], rows
            ),
            f"What this can show: to evaluate the whole space costs {num_keys:,} trainings, about {hours:,.1f} hours "
            f"of one core, and random search finds the best of them after {(num_keys + 1) / 2:,.1f} on average. "
            f"{meaning}",
            f"PPO's settings: {escape(settings)}.",
        ]
    )


def count_ties(facts: Facts) -> int:
    """Cells within two standard errors of the best, by the noise of the best quarter; the best is one."""
    mean, count, best = facts.valid.mean, facts.valid.count, facts.best[0]
    single = table_statistics.noise_of(facts.measured.valid[facts.quarter]).single
    return sum(mean[best] - mean[k] <= 2 * single * (1 / count[best] + 1 / count[k]) ** 0.5 for k in facts.best)


def evaluations(number_of_them: float) -> str:
    """So many evaluations; inf is never."""
    return "never" if math.isinf(number_of_them) else f"{number_of_them:g}"


def _spread(values: np.ndarray) -> str:
    low, middle, high = map(evaluations, quartiles(values))
    return f"{middle} ({low} to {high})"
