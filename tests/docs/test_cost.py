"""How often a run asks S3, as docs/cost.md says; and the sums of its example."""

import collections
import pathlib
import re
import shutil
import sys

import pytest

from desks import ROOT, Desk, sandbox_process

sys.path.insert(0, str(ROOT / "tests/e2e"))
from application import Application, environment  # noqa: E402

PAGE = (ROOT / "docs/cost.md").read_text(encoding="utf-8")
BUCKET = "artifacts"
REQUEST = re.compile(rf"DEBUG aphex_sandbox\.gateway: (\w+) /{BUCKET}/")


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """Counts of S3's requests of two runs of a commit, with two environments."""
    desk = Desk(tmp_path_factory.mktemp("cost") / "desk")
    sandbox = sandbox_process.start(desk.state / "sandbox", "--verbose")
    try:
        application = Application(desk.directory / "app", desk.variables)
        application.configure(environment("dev", tests=["true"]),
                              environment("prod", tests=["true"]))
        application.commit()
        fetch_account(desk, application)
        sandbox.client("s3").create_bucket(Bucket=BUCKET)
        desk.variables["FAKE_CDK"] = str(application.control)
        log = desk.state / "sandbox/server.log"
        counts = []
        for _ in range(2):
            begun = len(log.read_text(encoding="utf-8"))
            desk.run("aphex", "run", "--sandbox", "--artifacts", f"s3://{BUCKET}/runs",
                     cwd=application.directory)
            made = REQUEST.findall(log.read_text(encoding="utf-8")[begun:])
            counts.append(collections.Counter(made))
        yield counts
    finally:
        sandbox.stop()
        sandbox.process.stderr.close()


def fetch_account(desk, application):
    """The application's own CDK is a fake, which cannot bootstrap."""
    own = application.directory / "node_modules"
    aside = desk.directory / "node_modules"
    shutil.move(own, aside)
    cdk = desk.having(APHEX_CDK=str(ROOT / "node_modules/.bin/cdk"))
    cdk.run("aphex", "sandbox", "start", cwd=application.directory)
    shutil.move(aside, own)


def stated(row, environments):
    """The numbers of a row of the page's table."""
    cells = re.search(rf"^\| {row}[^|]*\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE).groups()
    return tuple(eval(cell.replace("×", "*").replace("e", str(environments)))  # noqa: S307
                 for cell in cells)


@pytest.mark.parametrize("run, row", [(0, "builds"), (1, "finds its commit built")])
def test_a_run_makes_as_many_requests_as_the_page_says(requests, run, row):
    made = requests[run]
    assert (made["PUT"], made["GET"]) == stated(row, 2)


def test_the_sums_of_the_example_are_right():
    example = PAGE.partition("## An example")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| (.*?) \| ([\d.]+) \|$", example, re.MULTILINE))
    total = float(rows.pop("together"))
    assert round(sum(map(float, rows.values())), 2) == total
    assert round(20 * 30 * 0.11 * 0.023, 2) == 1.52
    assert round((8 + 7 + 4) * 0.30, 2) == 5.70
    assert [value for name, value in rows.items() if "metrics" in name] == ["5.70"]


def test_the_page_is_of_the_stack_that_is_made():
    observed = pathlib.Path(ROOT / "src/pipeline/monitoring.cpp").read_text(encoding="utf-8")
    assert observed.count("alarm(settings, plan::metric::") == 3
    assert "| CloudWatch alarms | 3 |" in PAGE
