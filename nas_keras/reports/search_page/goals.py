"""The goals of searches, and whether they were reached.

The winner is compared with the cells that people designed and with a goal, and PPO with random search. Every verdict is
computed, with the spread it is based on, and shown on the page whatever the outcome.
"""

import math
from typing import NamedTuple

from nas_keras.reports.markdown import code, percent
from nas_keras.reports.search_page.facts import TOP, RunFacts, spread_of_best
from nas_keras.results.runs import Run


class Verdict(NamedTuple):
    """The verdict on one goal.

    Attributes:
        reached: whether it was reached; None if that is not known yet.
        text: the goal and the figures, in markdown.
    """

    reached: bool | None
    text: str


def verdicts(facts: RunFacts) -> list[Verdict]:
    """The verdicts on all goals."""
    others = [run for run in facts.runs if run.strategy != "random"]
    pairs = [(run, other) for run in others for other in facts.runs if other.strategy == "random"]
    return [*_against_people(facts), *_goal(facts), *(_against_random(*pair) for pair in pairs)]


def section(facts: RunFacts) -> str:
    """The verdicts, and the noise behind them."""
    found = verdicts(facts)
    lines = ["## Goals"]
    for heading, reached in (("Not reached:", False), ("Reached:", True), ("Not known yet:", None)):
        texts = [verdict.text for verdict in found if verdict.reached is reached]
        if texts:
            lines += [heading, "\n".join(f"- {text}" for text in texts)]
    return "\n\n".join([*lines, *_reasons(facts)])


def _against_people(facts: RunFacts) -> list[Verdict]:
    standings = {standing.key: standing for standing in facts.standings}
    found = []
    for key, title in facts.human.items():
        one, other = facts.winner, standings.get(key)
        if (
            one is None
            or other is None
            or min(one.num_trainings, other.num_trainings) < 2
            or one.num_trainings != other.num_trainings
        ):
            found.append(Verdict(None, f"The winner beats {title}: {_missing(facts, key)}"))
            continue
        gaps = {
            "validation": (one.valid - other.valid, math.hypot(one.valid_error, other.valid_error)),
            "test": (one.test - other.test, math.hypot(one.test_error, other.test_error)),
        }
        reached = all(gap > 0 for gap, _ in gaps.values())
        close = [name for name, (gap, error) in gaps.items() if abs(gap) <= 2 * error]
        points = " and ".join(f"{percent(*gap, sign=True)} points in {name}" for name, gap in gaps.items())
        text = f"The winner {'beats' if reached else 'does not beat'} {title} in both means: {points}"
        text += f"; in {' and '.join(close)} that is within two standard errors." if close else "."
        found.append(Verdict(reached, text))
    return found


def _missing(facts: RunFacts, key: str) -> str:
    """The reason why the winner cannot be compared with a person's cell yet."""
    if facts.trained is None:
        return "nothing was trained longer yet."
    if facts.winner is None:
        return "no search's cell was trained longer."
    counts = {standing.key: standing.num_trainings for standing in facts.standings}
    if key not in counts:
        return f"{facts.human[key]} was not trained longer."
    return f"trainings so far: {facts.winner.num_trainings} and {counts[key]}; both need the same number, at least two."


def _goal(facts: RunFacts) -> list[Verdict]:
    if math.isnan(facts.goal):
        return []
    wanted = f"{percent(facts.goal)} % in validation and in test"
    if facts.winner is None:
        return [Verdict(None, f"The winner's means reach {wanted}: nothing was trained longer yet.")]
    if facts.winner.num_trainings < 2:
        return [Verdict(None, f"The winner's means reach {wanted}: it has been trained only once so far.")]
    reached = facts.winner.valid >= facts.goal and facts.winner.test >= facts.goal
    return [Verdict(reached, f"The winner's means {'reach' if reached else 'do not reach'} {wanted}: {_of(facts)}.")]


def _of(facts: RunFacts) -> str:
    standing = facts.winner
    return (
        f"{code(facts.names[standing.key])} has {percent(standing.valid, standing.valid_error)} and "
        f"{percent(standing.test, standing.test_error)} (mean ± standard error; trainings: {standing.num_trainings})"
    )


def _against_random(run: Run, random: Run) -> Verdict:
    count = min(len(run.evaluated), len(random.evaluated))
    one, other = spread_of_best(run, count), spread_of_best(random, count)
    if math.isnan(one.mean) or math.isnan(other.mean):
        return Verdict(
            None, f"The {TOP} best of {run.title} against those of {random.title}: too few evaluations succeeded."
        )
    reached = one.mean > other.mean
    return Verdict(
        reached,
        f"The {TOP} best of {run.title} are {'better' if reached else 'no better'} than those of {random.title}, after "
        f"{count:,} evaluations each: rewards {percent(*one)} and {percent(*other)} (mean ± standard deviation of the "
        f"{TOP}), a difference of {percent(one.mean - other.mean, sign=True)} points. This is one pair of runs; other "
        "seeds may end otherwise.",
    )


def _reasons(facts: RunFacts) -> list[str]:
    """The noise of the longer trainings, and how many cells are tied with the first."""
    if facts.winner is None or math.isnan(facts.noise.single):
        return []
    first, single = facts.standings[0], facts.noise.single
    ties = sum(
        first.valid - standing.valid <= 2 * single * (1 / first.num_trainings + 1 / standing.num_trainings) ** 0.5
        for standing in facts.standings
    )
    return [
        f"One longer training scatters by {percent(single)} points of validation accuracy about its cell's mean, so "
        f"the standard error of a mean of {first.num_trainings} is {percent(single / first.num_trainings**0.5)}; the "
        f"{len(facts.standings)} cells themselves differ by {percent(facts.noise.between)} (standard deviations). "
        f"{ties} of them, the first included, are within two standard errors of the first, so their order among "
        "themselves is mostly chance."
    ]
