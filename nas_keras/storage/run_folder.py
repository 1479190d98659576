"""A run's folder: its paths, its configuration file and its lock.

```
<workdir>/config.json  dataset/  pending/  checkpoints/  tensorboard/  best/  warm_start.tfrecord  lock
```
"""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any, NoReturn

from nas_keras.errors import DataError, InvalidValueError
from nas_keras.storage.recipe import changes
from nas_keras.system import locks
from nas_keras.system.atomic_files import read_json, temporary_name, write_json
from nas_keras.system.paths import local_path

CONFIG_FORMAT = 1


class Workspace:
    """Paths of one run. `locked` creates the folder; nothing creates it again if it disappears later.

    Args:
        workdir: the run's folder; made absolute.

    Raises:
        InvalidValueError: if it is not a local path.
    """

    def __init__(self, workdir: str | os.PathLike):
        self.root = local_path("workdir", workdir)
        self.config = self.root / "config.json"
        self.dataset = self.root / "dataset"
        self.pending = self.root / "pending"
        self.checkpoints = self.root / "checkpoints"
        self.tensorboard = self.root / "tensorboard"
        self.best = self.root / "best"
        self.warm_start = self.root / "warm_start.tfrecord"
        self.lock = self.root / "lock"

    def check(self) -> None:
        """Raises InvalidValueError unless the folder is a run folder, empty or absent."""
        try:
            names = set(os.listdir(self.root))
        except FileNotFoundError:
            return
        except NotADirectoryError as error:
            what = "is a file" if self.root.is_file() else "is inside a file"
            raise InvalidValueError(f"workdir={str(self.root)!r} {what}. Name a folder.") from error
        except OSError as error:
            raise InvalidValueError(
                f"workdir={str(self.root)!r} cannot be read: {error.strerror}. Name a folder that can."
            ) from error
        # A start that was killed may leave these.
        left = {
            self.lock.name,
            self.warm_start.name,
            temporary_name(self.config).name,
            temporary_name(self.warm_start).name,
        }
        if self.config.name not in names and names - left:
            raise InvalidValueError(
                f"workdir={str(self.root)!r} holds files but no config.json, so it is not a run folder. Name an "
                "empty or new folder."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder and holds its lock, which the kernel releases when the process dies.

        Raises:
            InvalidValueError: if another process holds it, the file system has no locks, or the folder cannot be
                written.
        """
        busy = f"Another process is running in workdir={str(self.root)!r}. Wait for it, or name another folder."
        with contextlib.ExitStack() as stack:
            try:
                self.root.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locks.locked(self.root, busy=busy, file=self.lock.name))
            except OSError as error:
                raise InvalidValueError(
                    f"workdir={str(self.root)!r} cannot be written: {error.strerror}. Name a folder that can."
                ) from error
            yield

    def read_config(self) -> dict[str, Any] | None:
        """Returns the run's configuration, or None if there is no run yet.

        Raises:
            DataError: if the file is corrupt or of a newer version.
        """
        if not self.config.exists():
            return None
        config = read_json(self.config)
        if config.get("format") != CONFIG_FORMAT:
            raise DataError(
                f"{self.config} has format {config.get('format')!r}; this version of nas_keras reads "
                f"{CONFIG_FORMAT}. Use the version that wrote it, or another workdir."
            )
        if not isinstance(config.get("fixed"), dict):
            raise DataError(
                f"{self.config} has no settings under 'fixed'. Restore it from a copy, or remove the folder."
            )
        return config

    def check_dataset(self) -> None:
        """Raises DataError if D is gone, although a checkpoint shows that there was one."""
        if not os.path.lexists(self.dataset) and any(self.checkpoints.glob("batch-*")):
            raise DataError(
                f"{self.dataset} is missing, but {self.checkpoints} shows that trials were stored there. Put it back, "
                "or remove the checkpoints to search again from the beginning."
            )

    def settle_config(self, config: dict[str, Any], old: dict[str, Any] | None) -> None:
        """Writes the configuration of a new run, or checks that the one of an old run asks for the same.

        Args:
            config: "fixed" is what may not change between starts; the rest may, and the newest is kept.
            old: the configuration that the folder holds; None for a new run.

        Raises:
            InvalidValueError: if something fixed differs; the message shows old and new.
        """
        config = json.loads(json.dumps(config, sort_keys=True))  # as it will be read again, with tuples as lists
        if old is not None:
            changed = [
                _difference(name, old["fixed"].get(name), value)
                for name, value in config["fixed"].items()
                if old["fixed"].get(name) != value
            ]
            if changed:
                self.refuse_settings("; ".join(changed))
        write_json(self.config, {"format": CONFIG_FORMAT, **config})

    def refuse_settings(self, changed: str) -> NoReturn:
        """Raises InvalidValueError for a start whose settings differ from the run's; `changed` names them."""
        raise InvalidValueError(
            f"workdir={str(self.root)!r} is a run with other settings. {changed}. Start it with the settings it has, "
            "or name another folder."
        )


def _difference(name: str, old: Any, new: Any) -> str:
    """Describes how a fixed entry of a configuration changed, by the settings that did."""
    if name == "strategy" and isinstance(old, dict):
        if old.get("name") != new["name"]:
            return f"strategy: {old.get('name')} before, {new['name']} now"
        before, now = old["config"] if isinstance(old.get("config"), dict) else {}, new["config"]
        settings = [
            f"{setting}: {json.dumps(before.get(setting))} before, "
            + (f"{json.dumps(now[setting])} now" if setting in now else "and no longer a setting")
            for setting in {**before, **now}
            if setting not in now or before.get(setting) != now[setting]
        ]
        return f"strategy {new['name']}: {', '.join(settings)}"
    return "; ".join(changes(name, old, new))
