"""The flags of a search itself: strategy, budget, goal and folders; and its checked settings."""

from collections.abc import Iterable

from absl import flags

from nas_keras import strategies
from nas_keras._launch.flag_checks import check_given
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.limits import Limits
from nas_keras.runner.settings import Settings, check_settings
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.system.output_files import check_apart

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script


class SearchFlags:
    """--strategy, --max_evaluations, --objective, --workdir and the others that `Settings` and `Limits` are made of."""

    def __init__(self) -> None:
        self._define_strategy()
        self._define_goal()
        self._workdir = flags.DEFINE_string("workdir", None, "Folder of the run, made if it is not there. Required.")
        self._warm_start_from = flags.DEFINE_string(
            "warm_start_from",
            None,
            "Folder of a run or table of the same recipe, whose rewards are reused; its space may have other choices.",
        )

    def _define_strategy(self) -> None:
        self._strategy = flags.DEFINE_string("strategy", "ppo", f"Search strategy: {' or '.join(strategies.NAMES)}.")
        self._strategy_config = flags.DEFINE_list(
            "strategy_config", [], "Settings of the strategy, key=value,... such as learning_rate=0.01,entropy=0.2."
        )
        self._seed = flags.DEFINE_integer("seed", 0, "Seed of the strategy and, with each key, of the children.")
        self._max_evaluations = flags.DEFINE_integer(
            "max_evaluations", 200, "Distinct cells to evaluate, failures included."
        )
        self._max_trials = flags.DEFINE_integer(
            "max_trials",
            None,
            "Proposals told to the strategy, repeats included. Default: 20 times --max_evaluations.",
        )
        self._batch_size = flags.DEFINE_integer("batch_size", 8, "Cells proposed at once.")
        self._lag = flags.DEFINE_integer(
            "lag",
            None,
            "Batches asked for ahead, to keep workers busy. Default: 0 for a table, 1 for training.",
        )

    def _define_goal(self) -> None:
        self._objective = flags.DEFINE_string(
            "objective",
            "accuracy",
            "What is maximized: accuracy, or accuracy*(params/20000)^-0.07 with params, flops or latency "
            "(in milliseconds).",
        )
        self._max_params = flags.DEFINE_integer(
            "max_params", None, "Parameters of the largest child; a larger one is not trained. Default: no limit."
        )
        self._max_flops = flags.DEFINE_float(
            "max_flops",
            None,
            "Floating-point operations for one image, a multiply-add is two; the same. Default: no limit.",
        )
        self._max_latency_ms = flags.DEFINE_float(
            "max_latency_ms", None, "Median milliseconds for one image on this machine; the same. Default: no limit."
        )

    @property
    def workdir(self) -> str:
        """The run's folder, as the command line has it; "" if it is missing, which `check` refuses."""
        return self._workdir.value or ""

    def limits(self) -> Limits:
        """What a child may cost."""
        return Limits(
            max_params=self._max_params.value,
            max_flops=self._max_flops.value,
            max_latency_ms=self._max_latency_ms.value,
        )

    def check(self) -> None:
        """Raises InvalidValueError for a missing folder, and for strategy settings or limits that are not possible."""
        self._strategy_options()
        check_given("workdir", "the folder of the run", "runs/mnist")
        self.limits()

    def settings(self, space: SearchSpace, read: Iterable[tuple[str, str | None]]) -> Settings:
        """The checked settings of the search, without a time limit.

        Args:
            space: the space to search.
            read: (flag, folder) pairs that the command reads, none of which may be the run's folder.

        Raises:
            InvalidValueError: if a value cannot be used.
        """
        sources = [*read, ("warm_start_from", self._warm_start_from.value)]
        check_apart(folders={"workdir": self._workdir.value}, read=sources)
        return check_settings(
            space,
            strategy=self._strategy.value,
            strategy_config=self._strategy_options(),
            max_evaluations=self._max_evaluations.value,
            max_trials=self._max_trials.value,
            max_seconds=None,
            batch_size=self._batch_size.value,
            lag=self._lag.value,
            seed=self._seed.value,
            workdir=self._workdir.value,
            warm_start_from=self._warm_start_from.value,
            objective=self._objective.value,
        )

    def _strategy_options(self) -> dict[str, str]:
        options: dict[str, str] = {}
        for setting in self._strategy_config.value:
            name, equals, value = setting.partition("=")
            if not equals or name in options:
                raise InvalidValueError(
                    f"--strategy_config={setting!r} is not allowed: write key=value,..., each key once."
                )
            options[name] = value
        return options
