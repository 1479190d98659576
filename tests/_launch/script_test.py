"""Tests of nas_keras/_launch/script.py, in processes of their own since flags and exit codes are the process's."""

import os
import subprocess
import sys

import pytest
from helpers import ROOT, python_path, run_python

_SCRIPT = """
import os, sys
from absl import flags, logging
from nas_keras._launch import script as _script
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.system.output_files import UnwrittenError

flags.DEFINE_integer("number", 1, "A number.")

def main():
    print("number", flags.FLAGS.number, "verbosity", logging.get_verbosity())
    if "--number=8" in sys.argv:
        print("threads", os.environ["TF_NUM_INTRAOP_THREADS"])
    if "--number=7" in sys.argv:
        print("gr\\xf6\\xdfer als \\u221e")
    raises = os.environ.get("RAISES")
    if raises:
        raise eval(raises)

_script.run(main, **({"interrupted": _script.STARTS_OVER} if "--number=6" in sys.argv else {}))
"""


def _run(*arguments, raises=""):
    return run_python(_SCRIPT, *arguments, RAISES=raises)


def test_a_script_that_ends_well():
    done = _run("--number=5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "number 5 verbosity -1\n", "")  # -1: warnings


def test_tensorflow_gets_one_thread_unless_the_user_says_otherwise():
    assert _run("--number=8").stdout.endswith("threads 1\n")
    assert run_python(_SCRIPT, "--number=8", TF_NUM_INTRAOP_THREADS="3").stdout.endswith("threads 3\n")


def test_the_user_may_ask_for_more_words():
    assert _run("--verbosity=1").stdout == "number 1 verbosity 1\n"


@pytest.mark.parametrize(
    ("arguments", "raises", "code", "says"),
    [
        ([], "InvalidValueError('x=3 is not allowed.')", 2, "Error: x=3 is not allowed.\n"),
        ([], "DataError('a.json is damaged.')", 2, "Error: a.json is damaged.\n"),
        (
            [],
            "FileNotFoundError(2, \"No usable temporary directory found in ['/tmp']\")",
            2,
            "Error: No folder for temporary files can be written. Name one by TMPDIR, then start again.\n",
        ),
        (
            [],
            "KeyboardInterrupt()",
            130,
            "Interrupted. What was finished is kept; the same command continues from there.\n",
        ),
        (
            [],
            "PermissionError(13, 'Permission denied', 'a.txt')",
            2,
            "Error: a.txt: Permission denied. Fix that, then start the command again.\n",
        ),
        (
            ["--number=6"],
            "KeyboardInterrupt()",
            130,
            "Interrupted. No result was kept; the same command starts from the beginning.\n",
        ),
        (["--number=many"], "", 2, "Error: flag --number=many: "),
        (["--nunber=3"], "", 2, "Error: Unknown command line flag 'nunber'. Did you mean: number ?\nSee --help.\n"),
        (["7"], "", 2, "Error: '7' is not a flag. Flags are written --name=value; see --help.\n"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(arguments, raises, code, says):
    done = _run(*arguments, raises=raises)
    assert done.returncode == code
    assert done.stderr.startswith(says) and "Traceback" not in done.stderr
    assert (done.stdout == "") == (not raises)  # a wrong flag is found before main() starts


@pytest.mark.parametrize(
    "raises",
    ["ValueError('a defect')", "ImportError('TensorFlow is missing')", "FileNotFoundError(2, 'No such file', 'a.txt')"],
)
def test_a_defect_shows_its_traceback(raises):
    done = _run(raises=raises)
    assert done.returncode == 1
    assert "Traceback" in done.stderr and raises.split("'")[1] in done.stderr


@pytest.mark.parametrize(
    ("output", "arguments", "code", "says"),
    [
        ("/dev/full", [], 2, "Error: A file, or the output of the script: No space left on device. Fix that, then sta"),
        ("/dev/full", ["--help"], 2, "Error: A file, or the output of the script: No space left on device. Fix that, "),
        ("a closed pipe", [], 141, ""),
        ("a closed pipe", ["--help"], 141, ""),
        ("a closed pipe", ["--number=many"], 2, "Error: flag --number=many: "),
    ],
)
def test_an_output_that_takes_nothing(tmp_path, output, arguments, code, says):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    if output == "a closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(output, os.O_WRONLY)
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == code and done.stderr.startswith(says) and "Traceback" not in done.stderr
    assert bool(done.stderr) == bool(says)


def test_a_result_that_cannot_be_written_is_printed():
    done = _run(raises="UnwrittenError('a.csv cannot be written: Stale file handle.', 'every,line')")
    assert done.returncode == 2 and done.stdout.splitlines()[1:] == ["every,line"]
    assert done.stderr == "Error: a.csv cannot be written: Stale file handle.\n"


@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}])
def test_an_output_of_few_characters_gets_the_others_as_escapes(settings):
    settings = {"PYTHONUTF8": "0", **settings}
    done = run_python(_SCRIPT, "--number=7", RAISES=r"DataError('gr\xf6\xdfer')", **settings)
    assert done.stdout.splitlines()[1:] == [r"gr\xf6\xdfer als \u221e"] and done.returncode == 2
    assert done.stderr == "Error: gr\\xf6\\xdfer\n"


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed(tmp_path, closed):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    command = [sys.executable, str(script), "--number=7"]
    redirected = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    done = subprocess.run(
        ["bash", "-c", f'exec "$@" {redirected}', "bash", *command],
        env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert ("größer" in done.stdout) == (1 not in closed)


def test_help_shows_the_flags():
    done = _run("--help")
    assert "--number: A number." in done.stdout and "(default: '1')" in done.stdout
    assert "Traceback" not in done.stderr
