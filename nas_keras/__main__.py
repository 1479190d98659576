"""`python -m nas_keras`: the version, where the launch scripts and the shipped data are, and the commands."""

import sys

from nas_keras._launch.commands import describe

if __name__ == "__main__":
    sys.stdout.write(f"{describe()}\n")
