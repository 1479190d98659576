"""The page of searches, of longer trainings of their best cells and of a table: a folder with README.md and pictures.

Every figure is computed from these sources when the page is made. The text is written by `sections.py`, `goals.py` and
`commands.py`; the page of a whole table is left to `table_page/`.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nas_keras.comparison.table_searches import TableSearches, run_searches
from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.reports.markdown import escape
from nas_keras.reports.page_folder import Report, check_output, picture_names, write_page
from nas_keras.reports.plots import run_plots, style
from nas_keras.reports.search_page import commands, goals, sections
from nas_keras.reports.search_page.facts import RunFacts, accuracies_of, accuracy_in, gather_runs
from nas_keras.reports.searches_section import draw_searches, searches_section
from nas_keras.results.policy_history import History, trace_policy
from nas_keras.results.runs import Run
from nas_keras.spaces.cell_plot import plot_cell
from nas_keras.system.paths import local_path
from nas_keras.trial import Evaluation

_PICTURES = ("rewards", "sizes", "best_cell", "searches")


def write_run_report(
    runs: Sequence[pathlib.Path],
    output: pathlib.Path,
    *,
    trained: pathlib.Path | None = None,
    table: pathlib.Path | None = None,
    goal: float = np.nan,
    searches: int = 20,
    batches: int = 60,
    command: str = "",
    on_search: Callable[[int], None] | None = None,
) -> Report:
    """Makes the page of searches.

    Args:
        runs: folders of searches of one space and recipe, finished or running.
        output: folder of the page; it is created if necessary, and an earlier page in it is replaced.
        trained: folder of the table of longer trainings, as launch/train_child.py fills it.
        table: folder of a table of the searches' recipe; it need not be complete.
        goal: accuracy that the winner should reach in validation and test, a fraction; NaN for none.
        searches: number of seeds of searches on the table, if it is complete; 0 for none.
        batches: number of batches of 8 samples in each of these searches.
        command: the command that makes the page, to be shown on it.
        on_search: called with the number of seeds done.

    Raises:
        InvalidValueError: before any work, if a number or folder is not allowed, or the sources do not belong together.
        DataError: if a source is missing or corrupt.
    """
    _check_numbers(searches, batches, goal)
    policies = picture_names([local_path("runs", run) for run in runs], "policy")
    output = local_path("output", output)
    check_output(output, (*_PICTURES, *policies))
    facts = gather_runs(runs, trained=trained, table=table, goal=goal)
    policy_names = {run.title: name for run, name in zip(facts.runs, policies, strict=True)}
    histories = {run.title: trace_policy(run) for run in facts.runs if run.batches and run.strategy != "random"}
    searched = None
    if facts.table and searches and not facts.table.missing_keys:
        searched = run_searches(table, facts.space, searches=searches, batches=batches, on_search=on_search)
    figures = _draw(facts, histories, policy_names, searched)
    drawn = {name: style.render(figure, name) for name, figure in figures.items()}
    pictures = {name: picture.file for name, picture in drawn.items()}
    headlines = sections.headlines(facts)
    texts = [
        sections.title(facts),
        "\n".join(f"- {escape(headline)}" for headline in headlines),
        goals.section(facts),
        sections.winners(facts, pictures),
        sections.searching(facts, pictures),
        *(
            sections.policy(run, histories[run.title], pictures[policy_names[run.title]])
            for run in facts.runs
            if run.title in histories
        ),
        sections.sizes(facts, pictures),
        sections.the_table(facts),
        *([searches_section(facts.table, searched, pictures["searches"])] if searched else []),
        commands.how_it_was_made(facts, trained, table, command),
    ]
    return Report(write_page(output, texts, drawn.values()), headlines)


def _check_numbers(searches: int, batches: int, goal: float) -> None:
    check_at_least("searches", searches, 0)
    check_at_least("batches", batches, 1)
    if not np.isnan(goal) and not 0 < goal < 1:
        raise InvalidValueError(f"goal={goal} is not allowed: it is a fraction, such as 0.99.")


def _draw(
    facts: RunFacts,
    histories: Mapping[str, History],
    policy_names: Mapping[str, str],
    searched: TableSearches | None,
) -> dict[str, Any]:
    """Draws the figures of the page; returns name -> figure."""
    human = {title: facts.known[key] for key, title in facts.human.items() if key in facts.known}
    rewards = {run.title: accuracies_of(run) for run in facts.runs}
    figures = {
        "rewards": run_plots.rewards_over_time(rewards, lines={name: one.reward for name, one in human.items()}),
        "sizes": _draw_sizes(facts, human),
    }
    best = _best_cell(facts)
    if best is not None:
        figures["best_cell"] = plot_cell(best)
    for run in facts.runs:
        if run.title in histories:
            history = histories[run.title]
            figures[policy_names[run.title]] = run_plots.policy_over_time(
                history.num_told, history.probabilities, decisions=run.space.decisions
            )
    if searched:
        figures["searches"] = draw_searches(searched)
    return figures


def _draw_sizes(facts: RunFacts, human: Mapping[str, Evaluation]):
    """The figure of accuracy against parameters; human cells (by title) and the winner are marked."""
    known, winner = facts.known, facts.winner
    groups = {run.title: _sizes(run) for run in facts.runs}
    if facts.table:
        searched = {trial.key for run in facts.runs for trial in run.evaluated}
        rest = [known[key] for key in known if key not in searched]
        groups["other cells of the table"] = _arrays([(one.num_params, one.reward) for one in rest])
    marked = {title: (one.num_params, one.reward) for title, one in human.items()}
    if winner and winner.key in known:
        marked["winner"] = known[winner.key].num_params, known[winner.key].reward
    front = _arrays([(known[key].num_params, known[key].reward) for key in facts.front])
    return run_plots.accuracy_against_size(groups, marked=marked, front=front)


def _best_cell(facts: RunFacts):
    """The winner's cell, or the cell with the highest reward of all searches before any was trained longer."""
    encodings = {trial.key: trial.actions for run in facts.runs for trial in run.evaluated}
    if facts.winner:
        key = facts.winner.key
        actions = encodings.get(key) or next(trial.actions for trial in facts.trained.trials if trial.key == key)
        return facts.space.decode(actions)
    best = [trial for run in facts.runs for trial in run.top(1)]
    return facts.space.decode(max(best, key=lambda trial: trial.reward).actions) if best else None


def _sizes(run: Run) -> tuple[np.ndarray, np.ndarray]:
    good = [trial for trial in run.evaluated if not trial.evaluation.failed]
    return _arrays([(trial.evaluation.num_params, accuracy_in(run, trial)) for trial in good])


def _arrays(pairs: Sequence[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array(pairs, float).reshape(-1, 2).T)
