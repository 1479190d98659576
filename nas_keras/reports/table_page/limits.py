"""What the figures of a page can bear: noise, the order of the cells, searches on the table; a section each."""

import math
from collections.abc import Sequence

import numpy as np

from nas_keras.reports import table_statistics
from nas_keras.reports.markdown import code, make_table, number, percent
from nas_keras.reports.table_facts import TableFacts


def noise(facts: TableFacts) -> str:
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


def _pair_texts(facts: TableFacts, pairs: Sequence[table_statistics.Pair]) -> list[str]:
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


def order(facts: TableFacts) -> str:
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


def count_ties(facts: TableFacts) -> int:
    """Cells within two standard errors of the best, by the noise of the best quarter; the best is one."""
    mean, count, best = facts.valid.mean, facts.valid.count, facts.best[0]
    single = table_statistics.noise_of(facts.measured.valid[facts.quarter]).single
    return sum(mean[best] - mean[k] <= 2 * single * (1 / count[best] + 1 / count[k]) ** 0.5 for k in facts.best)
