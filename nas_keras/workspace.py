"""A run's folder: its paths, its configuration file, its lock, and files that are whole or absent.

```
<workdir>/config.json  dataset/  pending/  checkpoints/  tensorboard/  best/  warm_start.tfrecord  lock
```
"""

import contextlib
import errno
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from nas_keras import locks
from nas_keras.errors import DataError, InvalidValueError, NasKerasError
from nas_keras.paths import local_path

CONFIG_FORMAT = 1

# Errors of a machine that will take no file now, and what a person can do about each.
_MAKE_ROOM, _ALLOW = "Make room there", "Allow writing there"
WAYS_OUT = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EFBIG: _MAKE_ROOM,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: _ALLOW,
    errno.EIO: "See to the disk",
    errno.ENOENT: "Put the folder back",
    errno.ESTALE: "See to the network folder",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`)",
    errno.ENFILE: "Close programs that hold many files open",
}


class WriteError(NasKerasError, OSError):
    """A file that could not be written; the message names it, the reason and the way out. What stood there stands."""


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """Sees that `path` is still in the folder that was locked, and says a failure to write it in one sentence.

    Raises:
        FolderMovedError: if the folder that this process has locked was moved, removed or replaced.
        WriteError: if the disk is full, writing is not allowed, or the like; other exceptions pass.
    """
    try:
        locks.is_held(pathlib.Path(path or ""))  # a run that is kept in memory only has none
        yield
    except WriteError:
        raise
    except Exception as error:
        code = _storage_error(error)
        if code is None:
            raise
        raise WriteError(
            f"{path} cannot be written: {os.strerror(code)}. {WAYS_OUT[code]}, then start the same command again: "
            "what was computed until now is kept."
        ) from error


def _storage_error(error: Exception) -> int | None:
    """The number of an error of the file system, TensorFlow's own included; None for any other exception."""
    if isinstance(error, OSError):
        return error.errno if error.errno in WAYS_OUT else None
    if not hasattr(error, "error_code"):  # of tf.errors.OpError, which cannot be imported here
        return None
    return next((code for code in WAYS_OUT if f"; {os.strerror(code)}" in str(error)), None)


class Workspace:
    """The paths of one run. Nothing is created before `locked`, and the root never after its beginning.

    Args:
        workdir: the run's folder; made absolute.

    Raises:
        InvalidValueError: if it is no local path.
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
        """Raises InvalidValueError if the folder is something else than a run or a place to put one."""
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
        # What a start that was cut off may leave.
        left = {self.lock.name, self.warm_start.name, _temporary(self.config).name, _temporary(self.warm_start).name}
        if self.config.name not in names and names - left:
            raise InvalidValueError(
                f"workdir={str(self.root)!r} holds files but no config.json, so it is no run. Name an empty or new "
                "folder."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder and holds its lock; the kernel frees it when the process dies.

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
        """The run's configuration, or None if there is no run yet.

        Raises:
            DataError: if the file is damaged or of a newer version.
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

    def settle_config(self, config: dict[str, Any]) -> None:
        """Writes the configuration of a new run, or checks that the one of an old run asks for the same.

        Args:
            config: "fixed" is what may not change between starts; the rest may, and the newest is kept.

        Raises:
            InvalidValueError: if something fixed differs; the message shows old and new.
        """
        config = json.loads(json.dumps(config, sort_keys=True))  # as it will be read again: a tuple is a list
        old = self.read_config()
        if old is not None:
            changed = [
                f"{name}: {json.dumps(old['fixed'].get(name))} before, {json.dumps(value)} now"
                for name, value in config["fixed"].items()
                if old["fixed"].get(name) != value
            ]
            if changed:
                raise InvalidValueError(
                    f"workdir={str(self.root)!r} is a run with other settings. {'; '.join(changed)}. Start it with the "
                    "settings it has, or name another folder."
                )
        write_json(self.config, {"format": CONFIG_FORMAT, **config})


def write_whole(path: pathlib.Path, write) -> None:
    """Calls `write(temporary_path)`, flushes the file to disk and renames it: `path` is whole or absent.

    The file's folder is made if it is not there; a folder that this process has locked is never made anew.

    Raises:
        FolderMovedError: if the folder that this process has locked was moved, removed or replaced.
        WriteError: if the disk is full, writing is not allowed, or the like.
    """
    temporary = _temporary(path)
    with writing(path):
        path.parent.mkdir(parents=not locks.is_held(path), exist_ok=True)
        if temporary.is_symlink():  # in a folder from elsewhere it may lead anywhere
            os.unlink(temporary)
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)


def _temporary(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.name}.tmp")


def sync_folder(folder: pathlib.Path) -> None:
    """Flushes a folder's list of names to disk, after a rename or removal in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: pathlib.Path) -> None:
    """Flushes a folder, with all files and folders in it, to disk."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            sync_tree(path)
            continue
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes a JSON file, whole or absent."""
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n"))


def read_json(path: pathlib.Path) -> Any:
    """Reads a JSON object.

    Raises:
        DataError: if it is missing, damaged or no object.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would never begin, a device never end
            raise OSError("it is no file")
        value = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read as JSON: {error}. Restore it from a copy, or remove the folder."
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object. Restore it from a copy, or remove the folder.")
    return value
