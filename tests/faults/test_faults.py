"""What a fault does at each step: it is tried again and passes, or the stage ends with an error
that names the thing, the place and the remedy, and nothing is half done.

docs/faults.md is the table of it, made by this test: APHEX_UPDATE_GOLDEN=1 writes it.
APHEX_FAULTS, a pattern, chooses cells by their names.
"""

import concurrent.futures
import os
import re

import pytest
import report
from outcome import Outcome
from steps import ALWAYS, ONCE, STEPS, faults_of

# A cell mostly waits.
AT_ONCE = 10
CELLS = [(step, fault, times) for step in STEPS for times in (ONCE, ALWAYS)
         for fault in faults_of(step, times)]
# What a second try does not mend: the same token is as old as before. Where it is read again, or
# none is needed, it does.
NOT_TRIED_AGAIN = {"expired token"}
READ_AGAIN = {"kubernetes", "git"}


def name_of(cell):
    step, fault, times = cell
    return f"{step.name} ({step.stage})-{fault}-{'once' if times else 'always'}"


def run(world, cell):
    step, fault, times = cell
    injector = world.injector(step, fault, times)
    try:
        played = step.play(world, step, injector)
    finally:
        injector.close()
    return Outcome(step, fault, times, played, injector.hits(), injector.seen)


@pytest.fixture(scope="module")
def outcomes(world, request):
    chosen = os.environ.get("APHEX_FAULTS", "")
    cells = [cell for cell in CELLS if re.search(chosen, name_of(cell))]
    if any(step.needs_cluster for step, _, _ in cells):
        world.cluster = request.getfixturevalue("cluster")
    # The events of a stack that failed count for some minutes.
    order = sorted(cells, key=lambda cell: cell[0].code == 0)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        made = {name_of(cell): pool.submit(run, world, cell) for cell in order}
    # A cell that could not be played fails by itself.
    return {name: each.exception() or each.result() for name, each in made.items()}


def passes(step, fault, times):
    case = f"{fault} {'once' if times else 'always'}"
    if case in step.survives or case in step.fails:
        return case in step.survives
    if fault == "slow answer":
        return True
    if times is ALWAYS or not step.retried:
        return False
    return fault not in NOT_TRIED_AGAIN or step.service in READ_AGAIN


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_a_fault(outcomes, cell):
    step, fault, times = cell
    if name_of(cell) not in outcomes:
        pytest.skip("not chosen by APHEX_FAULTS")
    outcome = outcomes[name_of(cell)]
    if isinstance(outcome, BaseException):
        raise outcome
    assert outcome.played.harm == [], outcome.played.err
    assert outcome.hits > 0, f"the fault hit nothing: {outcome.seen}"
    if passes(step, fault, times):
        assert outcome.verdict in ("retried", "waited"), outcome.played.err or outcome.played.said
        return
    if step.says:
        assert outcome.verdict == "went on", outcome.played.err or outcome.played.said
        return
    # The thing, the place, the remedy.
    assert outcome.has_failed, "it succeeded without the step"
    begin = (f"error: (stage {step.stage} failed: step '|the pipeline is changed, but )"
             if step.is_stage else "error: ")
    assert re.match(begin, outcome.played.err), outcome.played.err
    # A service that has gone is missed by whatever asks it next.
    if fault != "connection refused":
        assert re.search(step.thing, outcome.played.err), outcome.played.err
        assert re.search(step.place, outcome.played.err), outcome.played.err
    assert re.search(f"localhost|{step.place}", outcome.played.err), outcome.played.err
    assert re.search(step.remedy, outcome.played.err), outcome.played.err


def test_the_table_is_current(outcomes):
    if len(outcomes) < len(CELLS):
        pytest.skip("not all cells were chosen")
    assert not [name for name, each in outcomes.items() if isinstance(each, BaseException)]
    made = report.table(outcomes, name_of)
    if os.environ.get("APHEX_UPDATE_GOLDEN") == "1":
        report.FILE.write_text(made, encoding="utf-8")
    # How a cut connection is worded depends on the moment: the messages are as they once were.
    shown = report.FILE.read_text(encoding="utf-8")
    assert shown.partition("## Messages")[0] == made.partition("## Messages")[0], (
        "docs/faults.md is not what happens: APHEX_UPDATE_GOLDEN=1 writes it anew")
