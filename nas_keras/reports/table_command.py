"""The command that fills a table."""

import pathlib
import re
import shlex

from nas_keras.children import named_recipes
from nas_keras.reports.table_facts import TableFacts


def table_command(facts: TableFacts, table: pathlib.Path) -> str:
    """The command that fills the table; empty if no flag can name its recipe or space."""
    found, space = facts.table.recipe, re.fullmatch(r"(small|large)(\d*)", facts.space.name)
    for name, named in named_recipes.NAMED.items():
        settings = named_recipes.settings_of(named.child), named_recipes.settings_of(named.train)
        data = found.get("data", {}).get("name")
        if space and data == named.dataset and (found.get("child"), found.get("train")) == settings:
            nodes = f" --num_nodes={space[2]}" if space[2] else ""
            return (
                f"python launch/precompute_rewards.py --space={space[1]}{nodes} --recipe={name} "
                f"--seeds={facts.accuracies.valid.shape[1]} --table={shlex.quote(str(table))}"
            )
    return ""
