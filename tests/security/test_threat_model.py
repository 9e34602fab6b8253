"""docs/threat-model.md names the test of every measure; each of these tests is there, and what only
another target of make runs is said."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
ACTORS = ["A pusher", "A pull request", "A tenant of the cluster", "A stolen webhook secret",
          "A malicious archive", "A malicious build"]
WITHOUT_TESTS = ["What is worth something", "What is not prevented"]


def measures():
    """(section, measure, tests) of every item: its tests stand below it, a line each."""
    section, found = "", []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("- **") and section not in WITHOUT_TESTS:
            found.append((section, line, []))
        elif test := re.fullmatch(r"  `([^`]+)`", line):
            found[-1][2].append(test[1])
    return found


NAMED = sorted({test for _, _, tests in measures() for test in tests})


def test_every_attacker_is_looked_at():
    sections = [section for section, _, _ in measures()]
    for actor in ACTORS:
        assert sections.count(actor) >= 3, actor


def test_every_measure_has_a_test():
    assert [measure for _, measure, tests in measures() if not tests] == []


def test_a_test_stands_on_a_line_of_its_own():
    """Within a sentence nobody would look whether it is there."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "::" in line and not re.fullmatch(r"  `[^`]+`", line)] == []


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_is_there(named):
    path, _, inside = named.partition("::")
    file = ROOT / path
    assert file.is_file(), path
    text = file.read_text(encoding="utf-8")
    if path.endswith(".py"):
        assert inside, f"{named}: which test of the file?"
        for part in inside.split("::"):
            assert re.search(rf"^ *(def|class) {part}\b", text, re.MULTILINE), named
    elif path.startswith("tests/fuzz/"):
        # The whole file is one test.
        assert "LLVMFuzzerTestOneInput" in text and not inside, named
    else:
        assert inside.count(".") == 1, f"{named}: which test of the file?"
        suite, name = inside.split(".")
        assert re.search(rf"^TEST(_F|_P)?\({suite}, {name}\)", text, re.MULTILINE), named


@pytest.mark.parametrize("measure, tests", [
    pytest.param(measure, tests, id=measure[4:60]) for _, measure, tests in measures()
    if any(test.startswith("tests/cluster_test/") for test in tests)])
def test_a_measure_has_a_test_that_make_test_runs(measure, tests):
    assert [test for test in tests if not test.startswith("tests/cluster_test/")], measure
