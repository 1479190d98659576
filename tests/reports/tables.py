"""Tables with made-up accuracies, and the tables of a page of markdown: what the tests of pages share."""

import nas_keras as nk
from nas_keras.children import named_recipes
from nas_keras.reports.table_page.facts import gather_table
from nas_keras.storage.table_writer import write_table
from nas_keras.trial import training_seed

SMALL = nk.spaces.small()
NAMED = named_recipes.NAMED["mnist_v1"]
RECIPE = {
    "child": named_recipes.settings_of(NAMED.child),
    "train": named_recipes.settings_of(NAMED.train),
    "data": {"name": "mn<i>st", "digest": "1|2"},
}


def write_accuracies(path, space, accuracies, **settings):
    """A table of {(key, run seed): (validation, test) or None for a failure}; a training takes half an hour."""
    actions = {space.key(encoding): encoding for encoding in reversed(list(space.enumerate()))}
    trials = []
    for (key, run_seed), found in accuracies.items():
        evaluation = nk.Evaluation.failure("loss is NaN", seconds=1_800)
        if found:
            valid, test = found
            evaluation = nk.Evaluation(
                valid, valid_accuracy=valid, test_accuracy=test, num_params=12_345, epochs=3, seconds=1_800
            )
        seed = training_seed(run_seed, key)
        trials.append(nk.Trial(len(trials), 0, 0, seed, actions[key], (), key, False, evaluation))
    write_table(path, trials, space=space, recipe=RECIPE, environment={"processor": "A*B <c>"}, **settings)
    return path


def small_accuracies():
    """Cell i has validation 90 % + i / 10 and test 80 % + i / 10, the first training 0.1 less, the second 0.1 more."""
    return {
        (f"{i // 8},{i % 8}", seed): (0.9 + 0.001 * i + noise, 0.8 + 0.001 * i + noise)
        for seed, noise in ((0, -0.001), (1, 0.001))
        for i in range(64)
    }


def rows_after(text, after):
    """The cells of the first table after a line that holds `after`."""
    lines = text[text.index(after) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def small_facts(folder):
    """The facts of the small space's whole table, two trainings of each cell, written into `folder`."""
    return gather_table(write_accuracies(folder / "a_table", SMALL, small_accuracies()), SMALL)
