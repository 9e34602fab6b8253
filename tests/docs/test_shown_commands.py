"""Every command that README.md and docs/ show is run: in order, page by page, against the sandbox
and a Kubernetes API server. What is not run, only checked, or taken by a stand-in stands in a table
with its reason: NOT_RUN and ONLY_CHECKED of shown_pages.py, STAND_INS of stand_ins.py."""

import re
import subprocess

import pytest
import yaml

from desks import ROOT, Cloud, Desk, Step, planted
from server_desks import (answering, asking, constructing, local_aws,  # noqa: F401  (fixtures)
                          operating, server, telling, with_a_run)
from shell_blocks import PAGES, blocks_of, hidden_commands, name_of
from shown_pages import CODES, DESKS, NOT_RUN, ONLY_CHECKED
from stand_ins import STAND_INS, unused
from cluster_fixtures import cluster  # noqa: F401  (a fixture)

SHOWN = {name_of(page): list(blocks_of(page)) for page in PAGES}
WITH_COMMANDS = [page for page, blocks in SHOWN.items() if blocks]


def command_of(line):
    """Without the remark behind it."""
    return re.sub(r"\s+# .*$", "", line).strip()


def steps_of(page):
    """The page's commands. What has an exit code of its own becomes a step of its own."""
    for block in SHOWN[page]:
        gathered = []
        for number, line in enumerate(block.text.splitlines(), block.line):
            key = (page, command_of(line))
            if key not in CODES and key not in NOT_RUN:
                gathered.append(line)
                continue
            if "".join(gathered).strip():
                yield Step(str(block), "\n".join(gathered), 0)
            gathered = []
            if key in CODES:
                yield Step(f"{page}:{number}", command_of(line), CODES[key][0])
        if "".join(gathered).strip():
            yield Step(str(block), "\n".join(gathered), 0)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("laptop"))
    yield desk
    desk.stop_sandbox()


@pytest.fixture(scope="module")
def empty(laptop):
    directory = laptop.directory / "empty"
    directory.mkdir()
    return laptop, directory


@pytest.fixture(scope="module")
def application(laptop, empty):
    """What docs/first-pipeline.md leaves."""
    laptop.follow(list(steps_of("docs/first-pipeline.md")), empty[1])
    return empty[1] / "hello"


@pytest.fixture
def written_application(laptop, application, request):
    """The same before aphex has come to it."""
    page = re.sub(r"\W+", "-", request.node.callspec.params["page"])
    directory = laptop.copy_of(application, f"{page}/hello")
    laptop.run("git", "rm", "-q", "aphex-config.yaml", cwd=directory)
    laptop.commit(directory, "An application")
    return laptop, directory


@pytest.fixture(scope="module")
def cloud(cluster, tmp_path_factory):  # noqa: F811
    desk = Cloud(tmp_path_factory.mktemp("cloud"), cluster)
    yield desk
    desk.stop_sandbox()


def with_origin(desk, application, name):
    """A clone in a folder of its own that can be pushed from."""
    directory = desk.copy_of(application, f"{name}/hello")
    origin = desk.directory / name / "origin/hello.git"
    desk.run("git", "clone", "-q", "--bare", str(directory), str(origin), cwd=desk.directory)
    desk.run("git", "remote", "set-url", "origin", str(origin), cwd=directory)
    return directory


@pytest.fixture(scope="module")
def on_the_cluster(cloud, application):
    """The application of docs/first-pipeline.md, and the repository of aphex beside it."""
    directory = with_origin(cloud, application, "cluster")
    (directory.parent / "aphex").symlink_to(ROOT)
    return cloud, directory


@pytest.fixture(scope="module")
def deployed(on_the_cluster):
    """With the pipeline that docs/setup-eks.md leaves."""
    desk, directory = on_the_cluster
    desk.follow(list(steps_of("docs/setup-eks.md")), directory)
    return desk.having(AWS_PROFILE="pipeline", AWS_REGION="us-east-1"), directory


@pytest.fixture
def watching(deployed, laptop):
    """Argo, Kubernetes and CloudWatch of the cluster, and the runs of the laptop."""
    desk, directory = deployed
    return desk.having(APHEX_STATE_DIR=str(laptop.state)), directory


@pytest.fixture
def checkout(cloud, on_the_cluster, laptop):
    """Where aphex was built, with accounts in AWS; the application beside it is built already."""
    # What other pages have written beside the application is none of its commits.
    subprocess.run(["git", "-C", on_the_cluster[1], "clean", "-fdq"], check=True)
    directory = cloud.directory / "cluster/checkout"
    (directory / "build/release").mkdir(parents=True)
    (directory / "build/release/bin").symlink_to(cloud.programs)
    return cloud.having(APHEX_STATE_DIR=str(laptop.state)), directory


@pytest.fixture(scope="module")
def delivered(laptop, application):
    """What was deployed on the laptop, in a clone with an origin."""
    return laptop, with_origin(laptop, application, "delivered")


@pytest.fixture
def with_sandbox(laptop, application, cluster):  # noqa: F811
    """The sandbox runs; a cluster of one's own is in ~/.kube/config."""
    laptop.run("aphex", "sandbox", "start", cwd=application)
    config = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["contexts"][0]["name"] = config["current-context"] = "kind-kind"
    (laptop.home / ".kube").mkdir()
    planted.holds(laptop.home / ".kube/config", "token of the cluster")
    (laptop.home / ".kube/config").write_text(yaml.safe_dump(config), encoding="utf-8")
    return laptop, application


# Followed by a fixture, as others begin where they end.
BEGINNINGS = {"docs/first-pipeline.md": "application", "docs/setup-eks.md": "deployed"}


@pytest.mark.parametrize("page", BEGINNINGS)
def test_a_page_that_others_begin_with(page, request):
    assert request.getfixturevalue(BEGINNINGS[page])


@pytest.mark.parametrize("page", [page for page in WITH_COMMANDS if page not in BEGINNINGS])
def test_the_commands_of_a_page_do_what_the_page_says(page, request):
    steps = list(steps_of(page))
    if not steps:
        assert page not in DESKS, "no command of it is run, and it has a desk"
        return
    assert page in DESKS, f"{page} shows commands: name its desk in tests/docs/shown_pages.py"
    desk, directory = request.getfixturevalue(DESKS[page])
    desk.follow(steps, directory)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_stand_in_blocks_that_are_run(page):
    assert list(hidden_commands(page)) == []


def test_each_exception_is_of_a_command_that_a_page_shows():
    shown = {(page, command_of(line)) for page, blocks in SHOWN.items()
             for block in blocks for line in block.text.splitlines()}
    assert [key for key in {**CODES, **NOT_RUN} if key[0] in SHOWN and key not in shown] == []
    assert [page for page in DESKS if page in SHOWN and not SHOWN[page]] == []
    begun = [call for call in ONLY_CHECKED for _, line in shown
             if line.removeprefix("sudo ").startswith(f"{call} ")]
    assert set(begun) == set(ONLY_CHECKED)
    reasons = [*NOT_RUN.values(), *(each.reason for each in ONLY_CHECKED.values())]
    assert [reason for reason in reasons if len(reason.split()) < 4] == []


def test_the_index_of_the_pages_says_what_is_not_run_as_it_stands():
    beginning = (ROOT / "docs/README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert [name for name in [*STAND_INS, *ONLY_CHECKED] if f"`{name}`" not in beginning] == []


def test_each_call_of_a_stand_in_is_made_by_a_page(request, laptop, cloud):
    followed = [item for item in request.session.items if item.originalname ==
                test_the_commands_of_a_page_do_what_the_page_says.__name__]
    if len(followed) < len(WITH_COMMANDS) - len(BEGINNINGS):
        pytest.skip("only some of the pages were followed")
    calls = [line for desk in (laptop, cloud)
             for line in desk.calls.read_text(encoding="utf-8").splitlines()]
    assert list(unused(calls)) == []
