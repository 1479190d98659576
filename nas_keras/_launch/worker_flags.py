"""The flags of the processes that train children: --workers and --child_timeout."""

from absl import flags

from nas_keras.errors import check_child_timeout, check_workers

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script


class WorkerFlags:
    """--workers, and on request --child_timeout: the processes that train children.

    Args:
        text: the description of --workers in --help, without its default.
        timeout: whether --child_timeout is defined too.
    """

    def __init__(self, text: str = "Worker processes.", *, timeout: bool = True):
        self._workers = flags.DEFINE_integer("workers", None, f"{text} Default: one per GPU, else one per core.")
        self._child_timeout = None
        if timeout:
            self._child_timeout = flags.DEFINE_float(
                "child_timeout", None, "Seconds after which a child fails. Default: no limit."
            )

    @property
    def workers(self) -> int | None:
        """The number of processes; None for as many as fit."""
        return self._workers.value

    @property
    def child_timeout(self) -> float | None:
        """The limit of one child's training in seconds; None for no limit."""
        return None if self._child_timeout is None else self._child_timeout.value

    def check(self) -> None:
        """Raises InvalidValueError for a number of processes or of seconds that is not possible."""
        check_workers(self.workers)
        check_child_timeout(self.child_timeout)
