"""The logs of a test's pods, kept where the test failed: its cleanup removes everything else.

    build/test-logs/integration/<test>/<pipeline>/run-1/2-build/stage.log
"""

import pathlib
import shutil

import pytest

PLACE = pathlib.Path(__file__).resolve().parents[2] / "build" / "test-logs" / "integration"
# In a pod's volume: what its stage said, beside the logs of the steps.
OF_STAGE = "stage.log"
# The application's files in it are no logs of ours.
CLONED = "source"
FAILED = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def has_failed(item):
    """In its setup or itself; what fails in its teardown comes too late."""
    return item.stash.get(FAILED, False)


def write(ended):
    (ended.volume / OF_STAGE).write_text(ended.out + ended.err, encoding="utf-8")


def place_of(test):
    """Empty: what an earlier session kept of this test is no more of use."""
    name = "".join(each if each.isalnum() or each in "-_" else "-" for each in test)
    shutil.rmtree(PLACE / name, ignore_errors=True)
    return PLACE / name


def keep(pods, place):
    """Below `pods` there is a folder per workflow, in it a volume per pod."""
    for log in sorted(pods.glob("run-*/*/**/*.log")):
        within = log.relative_to(pods)
        if CLONED not in within.parts:
            (place / within).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, place / within)
