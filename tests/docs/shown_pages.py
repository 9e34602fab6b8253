"""What test_shown_commands.py needs to know of the pages: where each is followed, which of their
commands do not end with 0, and which are not run, with the reason."""

from desks import ENDLESS

# Page → the desk that it is followed at (a fixture of test_shown_commands.py).
DESKS = {
    "README.md": "written_application",
    "docs/first-pipeline.md": "empty",
    "docs/setup-eks.md": "on_the_cluster",
}

# Commands whose exit code is another one than 0, with what makes them so.
CODES = {
    ("README.md", "aphex logs --failed"): (1, "nothing has failed"),
    ("README.md", "aphex resume"): (2, "nothing is left to be done"),
}

# Commands that are not run. Each names who proves it instead.
NOT_RUN = {
    ("README.md", "aphex run --sandbox --quiet"):
        "the example's output; tests/e2e/test_pipeline_example.py runs the example",
}

assert ENDLESS < 0
