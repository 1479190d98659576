"""The charts of the HTML page, drawn in the browser by Bokeh.

All charts are roots of one document and share one source of points, the rows of the page's table, so that a selection
in one is a selection in all. They carry no colours: a glyph's tag names a colour of the style sheet, which the page's
script fills in, again whenever the browser changes between light and dark. No chart needs a callback of Bokeh's, which
a page that forbids unknown scripts would refuse to run.

Accuracies are drawn as error rates on a logarithmic axis, which is labelled with accuracies.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_keras.comparison.table_searches import TableSearches
from nas_keras.errors import printable
from nas_keras.reports.plots.style import accuracy_label, error_rates
from nas_keras.reports.rows import COSTS
from nas_keras.results.policy_history import History
from nas_keras.spaces.search_space import Decision

_Data = dict[str, np.ndarray]  # the columns of a glyph
_TICKS = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 5)]  # error rates, in percent
_WINDOW = 20  # evaluations over which the mean reward is taken
_MOST_POINTS = 1_000  # of a line
_MOST_CHOICES = 80  # rows of the chart of a policy
_MOST_TOLD = 200  # columns of it


class Charts:
    """The charts of one page.

    Args:
        rows: the rows of the page's table, which are the points.
        groups: the names of the series; a row belongs to the one that its column "run" names.
        is_accuracy: whether the values are accuracies in percent.
    """

    def __init__(self, rows: dict[str, Any], groups: Sequence[str], *, is_accuracy: bool):
        from bokeh.models import ColumnDataSource

        self._groups, self._is_accuracy, self._fronts = groups, is_accuracy, rows["fronts"]
        self._figures: dict[str, Any] = {}
        self._legends: dict[str, list[tuple[str, str, str]]] = {}  # (label, colour, kind) of each series, by chart
        columns = {column["key"]: column for column in rows["columns"]}
        self._quality, values = columns["quality"]["label"], {key: column["values"] for key, column in columns.items()}
        numbers = {key: values[key] for key in ("number", *COSTS) if key in values}
        numbers |= {"hours": rows["hours"]} if "hours" in rows else {}
        self._points = {key: np.array(some, float) for key, some in numbers.items()}  # None becomes NaN
        self._points["y"] = self._height(np.array(values["quality"], float))
        self._source = ColumnDataSource(self._points, name="rows")
        of_row = np.array(values.get("run", [groups[0]] * len(self._points["y"])))
        self._members = [np.flatnonzero(of_row == group) for group in groups]

    def add_progress(self, random: np.ndarray | None) -> None:
        """Draws all rewards, the best so far and the mean of the latest, against evaluations or hours of training.

        Args:
            random: expected best of random search after 1, 2, ... evaluations, in percent; None if that is unknown.
        """
        self._figure("progress", "evaluations")
        better = np.fmin if self._is_accuracy else np.fmax
        for number, (group, members) in enumerate(zip(self._groups, self._members, strict=True)):
            y, tag = self._points["y"][members], f"series-{number}"
            at = {key: values[members] for key, values in self._points.items() if key in ("number", "hours")}
            self._scatter("progress", number, "number", alpha=0.25)
            best = better.accumulate(y)
            steps = np.union1d(np.flatnonzero(np.diff(best, prepend=np.nan)), [len(best) - 1])
            label = f"{group}: best so far"
            self._line("progress", _pick(at, steps, best), (label, tag, "solid"), mode="after", line_width=2)
            kept = np.unique(np.linspace(0, len(y) - 1, min(len(y), _MOST_POINTS)).astype(int))
            label = f"{group}: mean of the latest {_WINDOW}"
            self._line("progress", _pick(at, kept, _means_of_latest(y)), (label, tag, "dotted"), line_width=1.5)
        if random is not None:
            data = {"number": np.arange(1.0, len(random) + 1), "y": self._height(random)}
            label = "random search, expected best so far"
            self._line("progress", data, (label, "muted", "dashed"), only="number")

    def add_costs(self) -> None:
        """Draws the values against each cost that is known, with its Pareto front."""
        fronts = {cost: rows for cost, rows in self._fronts.items() if len(rows) > 1}
        for shown, (cost, front) in enumerate(fronts.items()):
            if shown == 0:
                self._figure("costs", COSTS[cost], x_axis_type="log")
                for number, group in enumerate(self._groups):
                    self._scatter("costs", number, cost, alpha=0.5, label=group)
            data = {name: self._points[name][front] for name in (cost, "y")}
            legend = ("" if shown else "Pareto front", "ink", "solid")
            self._line("costs", data, legend, only=cost, mode="after", visible=not shown)

    def add_policy(self, name: str, history: History, decisions: Sequence[Decision]) -> None:
        """Draws the probability of each choice over the batches told, decision below decision."""
        from bokeh.models import FixedTicker, LinearColorMapper, Range1d

        rows = sum(len(decision.choices) + 1 for decision in decisions) - 1
        if rows > _MOST_CHOICES:
            return
        y_range = Range1d(start=rows, end=0)
        figure = self._figure(name, "batches told", y_range=y_range, y_axis_type="linear", height=90 + 15 * rows)
        told = np.linspace(history.num_told[0], history.num_told[-1], min(_MOST_TOLD, len(history.num_told)))
        columns = np.searchsorted(history.num_told, told + 1e-9, side="right") - 1
        place, top, labels = {"x": float(told[0]) - 0.5, "dw": float(told[-1] - told[0] + 1)}, 0.0, {}
        mapper = LinearColorMapper(palette=["#00000000", "#000000ff"], low=0, high=1)
        for decision, probabilities in zip(decisions, history.probabilities, strict=True):
            image, size = probabilities[columns].T.astype(np.float32), len(decision.choices)
            figure.image(image=[image], color_mapper=mapper, y=top, dh=size, **place)
            for i, choice in enumerate(decision.choices):
                labels[top + i + 0.5] = _text(f"{decision.name}   {choice}" if i == 0 else choice)
            top += size + 1
        figure.yaxis.ticker = FixedTicker(ticks=list(labels))
        figure.yaxis.major_label_overrides = labels
        figure.grid.visible = False

    def add_searches(self, searched: TableSearches) -> None:
        """Draws the mean reward of each batch's samples in searches on a table; bands hold eight of ten seeds."""
        figure = self._figure("searches", f"batches of {searched.batch_size} samples")
        for number, (name, curves) in enumerate(searched.curves.items()):
            x, tag = np.arange(1.0, curves.shape[1] + 1), f"series-{number}"
            low, high = (self._height(100 * edge) for edge in np.nanquantile(curves, [0.1, 0.9], axis=0))
            figure.varea("x", "low", "high", source={"x": x, "low": low, "high": high}, fill_alpha=0.15, tags=[tag])
            mean = self._height(100 * np.nanmean(curves, axis=0))
            self._line("searches", {"x": x, "y": mean}, (name, tag, "solid"), line_width=2)

    def to_json(self) -> dict[str, Any]:
        """The document of all charts, and the element of the page that each belongs to."""
        from bokeh.document import Document

        document = Document()
        for figure in self._figures.values():
            document.add_root(figure)
        roots = {figure.id: f"chart-{name}" for name, figure in self._figures.items()}
        item = {"docid": "page", "roots": roots, "root_ids": list(roots)}
        documents = {"page": document.to_json(deferred=False)}
        return {"documents": documents, "item": item, "names": list(self._figures), "legends": self._legends}

    def _figure(self, name: str, x_label: str, **settings: Any) -> Any:
        from bokeh.models import DataRange1d, FixedTicker
        from bokeh.plotting import figure

        of_errors = {"y_axis_type": "log", "y_range": DataRange1d(flipped=True)} if self._is_accuracy else {}
        usual = {"height": 340, "sizing_mode": "stretch_width", "tools": "tap", "toolbar_location": None}
        made = figure(**{**usual, **of_errors, **settings})
        made.background_fill_alpha = made.border_fill_alpha = 0
        made.outline_line_color = None
        made.xaxis.axis_label = x_label
        if "y_range" not in settings:
            made.yaxis.axis_label = self._quality
            if self._is_accuracy:
                made.yaxis.ticker = FixedTicker(ticks=_TICKS)
                made.yaxis.major_label_overrides = {error: accuracy_label(error) for error in _TICKS}
        self._figures[name], self._legends[name] = made, []
        return made

    def _line(self, chart: str, data: _Data, legend: tuple[str, str, str], *, only: str = "", **settings: Any) -> None:
        """Draws a line, or steps; `only` names the one quantity on the horizontal axis with which it is shown."""
        (label, tag, dash), x = legend, next(iter(data))
        draw = self._figures[chart].step if "mode" in settings else self._figures[chart].line
        tags = [tag, *([f"only-{only}"] if only else [])]
        draw(x, "y", source=dict(data), line_dash=dash, tags=tags, **settings)
        if label:
            self._legends[chart].append(legend)

    def _scatter(self, chart: str, number: int, x: str, *, alpha: float, label: str = "") -> None:
        """Draws the points of one series; their names and values come from the table's rows, in the page's script."""
        from bokeh.models import CDSView, HoverTool, IndexFilter

        view = CDSView(filter=IndexFilter(indices=self._members[number].tolist()))
        style = {"size": 6, "fill_alpha": alpha, "line_alpha": 0, "selection_alpha": 1}
        style |= {"nonselection_fill_alpha": alpha, "nonselection_line_alpha": 0}
        tags, figure = [f"series-{number}", "points"], self._figures[chart]
        points = figure.scatter(x, "y", source=self._source, view=view, tags=tags, **style)
        tooltips = [("", "@name"), (self._quality, "@quality{0.[00000]}")]
        figure.add_tools(HoverTool(renderers=[points], tooltips=tooltips))
        if label:
            self._legends[chart].append((label, tags[0], "point"))

    def _height(self, values: np.ndarray) -> np.ndarray:
        """The error rate of accuracies in percent; other values as they are."""
        return error_rates(values) if self._is_accuracy else values


def _means_of_latest(values: np.ndarray) -> np.ndarray:
    """The mean of each value and those before it, `_WINDOW` in all, without NaN; NaN where there is none."""
    known = ~np.isnan(values)
    sums, counts = (
        np.cumsum(np.concatenate([np.zeros(_WINDOW), part])) for part in (np.where(known, values, 0), known)
    )
    count = counts[_WINDOW:] - counts[:-_WINDOW]
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, (sums[_WINDOW:] - sums[:-_WINDOW]) / count, np.nan)


def _pick(at: _Data, places: np.ndarray, y: np.ndarray) -> _Data:
    return {**{key: values[places] for key, values in at.items()}, "y": y[places]}


def _text(name: object) -> str:
    """A name as Bokeh shows it as it is: "$$" would begin a formula."""
    return printable(str(name)).replace("$", "＄")
