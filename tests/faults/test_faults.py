"""What a fault does at each step: it is tried again and passes, or the stage ends with an error
that names the thing, the place and the remedy, and nothing is half done.

docs/faults.md is the table of it, made by this test: APHEX_UPDATE_GOLDEN=1 writes it.
"""

import concurrent.futures
import os
import re

import pytest
import report
from world import STEPS, faults_of

# A cell mostly waits.
AT_ONCE = 6
ONCE, ALWAYS = 1, None
CELLS = [(step, fault, times) for step in STEPS for fault in faults_of(step)
         for times in (ONCE, ALWAYS)]
# What a second try does not mend: the same token is as old as before.
NOT_TRIED_AGAIN = {"expired token"}


def name_of(cell):
    step, fault, times = cell
    return f"{step.name}-{fault}-{'once' if times else 'always'}"


@pytest.fixture(scope="module")
def outcomes(world):
    chosen = os.environ.get("APHEX_FAULTS", "")
    cells = [cell for cell in CELLS if re.search(chosen, name_of(cell))]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        made = pool.map(lambda cell: world.run(*cell), cells)
        return dict(zip(map(name_of, cells), made, strict=True))


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_a_fault(outcomes, cell):
    step, fault, times = cell
    if name_of(cell) not in outcomes:
        pytest.skip("not chosen by APHEX_FAULTS")
    outcome = outcomes[name_of(cell)]
    assert outcome.harm == "", outcome.err
    assert outcome.hits > 0, f"the fault hit nothing: {outcome.seen}"
    passes = times is ONCE and fault not in NOT_TRIED_AGAIN or fault == "slow answer"
    if passes:
        assert outcome.code == 0, outcome.err
        return
    if outcome.code == 0:
        assert step.name in report.STOPS_NOTHING or (times is ONCE and step.service == "kubernetes")
        return
    # The thing, the place, the remedy.
    assert outcome.err.startswith(f"error: stage {step.stage} failed: step '"), outcome.err
    assert re.search(step.thing, outcome.err), outcome.err
    assert re.search(step.place, outcome.err), outcome.err
    assert "\n hint: " in outcome.err, outcome.err


def test_the_table_is_current(outcomes):
    if len(outcomes) < len(CELLS):
        pytest.skip("not all cells were chosen")
    made = report.table(outcomes, name_of)
    if os.environ.get("APHEX_UPDATE_GOLDEN") == "1":
        report.FILE.write_text(made, encoding="utf-8")
    assert report.FILE.read_text(encoding="utf-8") == made, (
        "docs/faults.md is not what happens: APHEX_UPDATE_GOLDEN=1 writes it anew")
