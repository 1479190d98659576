"""The winner of searches on their page: its figures, its drawing, and what its model card says once it is exported."""

import re
from typing import Any

from nas_keras.reports.markdown import Table, number, percent
from nas_keras.reports.search_page.facts import RunFacts
from nas_keras.reports.search_page.tables import epochs_of
from nas_keras.results.export_folder import ExportedChild, child_folder, read_exported
from nas_keras.results.model_card.card import CARD
from nas_keras.results.runs import Run
from nas_keras.spaces.architecture_names import name_key
from nas_keras.spaces.cell import Cell
from nas_keras.storage.run_folder import Workspace
from nas_keras.trial import Trial

_SHOWN = ("Accuracy", "Formats", "Use it")  # the sections of a card that a page shows
_PICTURE = re.compile(r"(^.*:\n\n)?^!\[.*\n?", re.MULTILINE)  # with the line that announces it


def describe_winner(facts: RunFacts) -> dict[str, Any] | None:
    """What the page shows of the best child; None if none succeeded."""
    if facts.best is None:
        return None
    run, trial = facts.best
    one, longer = trial.evaluation, facts.winner
    rows: list[list[object]] = []
    if longer:
        rows.append([f"validation, after epoch {epochs_of(facts)}", f"{percent(longer.valid, longer.valid_error)} %"])
        rows.append(["test, likewise", f"{percent(longer.test, longer.test_error)} %"])
    if trial.key in facts.known:
        rows.append(["in the search", facts.value(facts.known[trial.key].reward)])
    costs = [("parameters", one.num_params, 0), ("MFLOPs", one.flops / 1e6, 2), ("latency, ms", one.latency_ms, 3)]
    rows += [[name, number(value, digits)] for name, value, digits in costs if value > 0]
    rows += [["epochs in the search", one.epochs]] if one.epochs else []
    evaluation = 1 + sum(not other.cached and other.trial < trial.trial for other in run.trials)  # as in the table
    rows += [["found by", f"{run.title}, evaluation {evaluation:,}"], ["seed of its training", trial.seed]]
    cell = facts.space.decode(trial.actions)
    return {
        "name": facts.names[trial.key],
        "cell": cell.key if isinstance(cell, Cell) else None,
        "choices": [[d.name, str(d.choices[a])] for d, a in zip(facts.space.decisions, trial.actions, strict=True)],
        "figures": Table(["of the winner ", "value"], rows),
        "is_trained": facts.is_accuracy,
        **_exported(run, trial),
    }


def _exported(run: Run, trial: Trial) -> dict[str, Any]:
    """What is known of the exported child of a trial: where it is, its accuracies, and the parts of its card."""
    workspace = Workspace(run.path)
    # Earlier versions of an export wrote the key itself.
    keys = (trial.key, name_key(run.space, trial.key, trial.actions))
    child = next((child for child in read_exported(workspace) if child.key in keys), None)
    if child is None:
        return {"exported": None, "card": {}}
    exported = {"exported": str(child_folder(workspace, child.rank)), "run": str(run.path)}
    return {**exported, "summary": child.summary, "card": _card(run, child)}


def _card(run: Run, child: ExportedChild) -> dict[str, str]:
    """Heading -> HTML of the sections of a model card, made safe and without pictures; {} if there is no card."""
    from tensorboard.plugin_util import markdown_to_safe_html

    path = child_folder(Workspace(run.path), child.rank) / CARD
    if not path.is_file():
        return {}
    parts = re.split(r"^## (.+)\n", path.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    shown = {name: markdown_to_safe_html(_PICTURE.sub("", found[name])) for name in _SHOWN if name in found}
    return {name: re.sub("<img[^>]*>", "", html) for name, html in shown.items()}
