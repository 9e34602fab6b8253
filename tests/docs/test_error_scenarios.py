"""The table of tests/stage/README.md: each scenario has its test, each such test its scenario."""

import ast
import pathlib
import re

STAGE = pathlib.Path(__file__).resolve().parents[1] / "stage"
MODULE = "test_error_handling.py"
# The headings below "Error Handling" in the design.
SCENARIOS = ["configuration validation", "build failure", "deployment failure",
             "cross-account access", "test failure", "self-modification", "artifacts"]


def rows():
    lines = (STAGE / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in lines if line.startswith("|")]
    return cells[2:]


def defined_in(file):
    """Names as pytest has them, without parameters."""
    names = set()
    for node in ast.parse((STAGE / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{each.name}" for each in node.body
                      if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            names.add(node.name)
    return names


def named():
    """Pairs of a file and a test."""
    for *_, test in rows():
        name = re.fullmatch(r"`(?:(\w+\.py)::)?([\w:]+)`", test)
        assert name, test
        yield name.group(1) or MODULE, name.group(2)


def test_the_scenarios_are_those_of_the_design():
    assert [scenario for scenario, *_ in rows() if scenario] == SCENARIOS


def test_every_named_test_is_there():
    missing = [f"{file}::{test}" for file, test in named() if test not in defined_in(file)]
    assert not missing


def test_every_test_of_a_scenario_is_named():
    listed = {test for file, test in named() if file == MODULE}
    unnamed = {test for test in defined_in(MODULE) if "::" in test} - listed
    assert not unnamed
