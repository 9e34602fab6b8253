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
    shown = report.FILE.read_text(encoding="utf-8")
    current = "docs/faults.md is not what happens: APHEX_UPDATE_GOLDEN=1 writes it anew"
    assert report.tables_of(shown) == report.tables_of(made), current
    assert report.messages_of(shown) == report.messages_of(made), current


def test_messages_are_read_from_the_page_as_they_were_written():
    """Else two pages of which nothing is read would be the same."""
    def block(faults, words):
        return f"{faults}:\n\n```text\n{words}\n```\n\n"

    page = ("## A fault that stays\n\n## Messages\n\n### Read (`build`)\n\n"
            + block("500, half an answer", "error: no\n hint: later")
            + block("expired token", "error: old") + "### Write (`build`)\n\n"
            + block("connection refused", "error: gone") + block("500", "error: no")
            + block("500", "error: not again"))
    assert report.messages_of(page) == {
        ("Read (`build`)", "500"): {"error: no\n hint: later"},
        ("Read (`build`)", "expired token"): {"error: old"},
        ("Write (`build`)", "500"): {"error: no", "error: not again"}}
    shown = report.messages_of(report.FILE.read_text(encoding="utf-8"))
    failing = {(f"{step.name[0].upper()}{step.name[1:]} (`{step.stage}`)", fault)
               for step in STEPS if not step.says and step.code == 0
               for fault in faults_of(step, ALWAYS)
               if fault not in report.OF_THE_MOMENT and not passes(step, fault, ALWAYS)}
    assert failing <= set(shown)
