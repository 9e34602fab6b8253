"""`aphex sandbox cluster`: a cluster of the user's own in the sandbox."""

import base64
import json
import os
import subprocess

import eks_tokens
import planted
import pytest
import yaml
from conftest import PIPELINE, REPO, SESSION
from kube_api import Api

PROGRAM = os.environ.get("APHEX_BIN", str(REPO / "build" / "release" / "bin" / "aphex"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cluster-command")


@pytest.fixture(scope="module")
def aphex(folder):
    def run(*arguments, **variables):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "APHEX_STATE_DIR": str(folder / "state"),
            **variables,
        }
        done = subprocess.run(
            [PROGRAM, "sandbox", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    yield run
    run("stop")


@pytest.fixture
def running(aphex):
    code, _, problem = aphex("start")
    assert code == 0, problem
    return aphex


def client(aphex, service):
    variables = json.loads(aphex("env", "--format", "json")[1])
    return SESSION.client(
        service,
        region_name=variables["AWS_REGION"],
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def test_without_a_sandbox_it_says_how_to_start_one(aphex):
    aphex("stop")
    code, _, problem = aphex("cluster", "list")
    assert code != 0
    assert "no sandbox is running" in problem
    assert "'aphex sandbox start' starts one" in problem


def test_a_cluster_is_added_shown_used_kept_and_removed(running, cluster):
    config = str(cluster.kubeconfig)
    code, text, more = running("cluster", "add", "shared", "--kubeconfig", config)
    assert code == 0, more
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    user = content["users"][0]["name"]
    assert text.startswith(f"cluster shared added: EKS of {PIPELINE} in us-east-1 shows it at ")
    assert f"acts as {user} at {cluster.endpoint}" in more

    shown = client(running, "eks").describe_cluster(name="shared")["cluster"]
    assert shown["endpoint"] == text.split()[-1]
    ca = base64.b64decode(shown["certificateAuthority"]["data"]).decode()
    token = eks_tokens.token(client(running, "sts"), "shared")
    assert Api(shown["endpoint"], ca, token, "test").get("/api/v1/namespaces")["items"]

    def row(output):
        (line,) = [x for x in output.splitlines() if " shared " in x]
        return line.split()

    expected = [PIPELINE, "us-east-1", "shared", "1.34", shown["endpoint"], cluster.endpoint]
    assert row(running("cluster", "list")[1])[:6] == expected
    assert row(running("status")[1])[:6] == expected
    (listed,) = json.loads(running("cluster", "list", "--format", "json")[1])
    assert (listed["server"], listed["actsAs"]) == (cluster.endpoint, user)

    running("stop")
    running("start")
    assert row(running("cluster", "list")[1])[:6] == expected
    code, text, _ = running("cluster", "remove", "shared")
    assert (code, text) == (0, "cluster shared removed from the sandbox\n")
    code, text, more = running("cluster", "list")
    assert (code, text) == (0, "")
    assert "no clusters" in more


def test_account_region_and_kubeconfig_have_defaults_and_options(running, cluster, folder):
    (folder / ".kube").mkdir(exist_ok=True)
    planted.holds(folder / ".kube" / "config", "token of the cluster")
    (folder / ".kube" / "config").write_text(cluster.kubeconfig.read_text())
    where = ("--account", "444455556666", "--region", "eu-west-1")
    code, text, problem = running("cluster", "add", "other", *where)
    assert code == 0, problem
    assert "EKS of 444455556666 in eu-west-1" in text
    code, text, problem = running(
        "cluster", "add", "third", KUBECONFIG=str(cluster.kubeconfig), AWS_REGION="eu-central-1"
    )
    assert code == 0, problem
    assert f"EKS of {PIPELINE} in eu-central-1" in text
    code, _, problem = running("cluster", "remove", "other")
    assert code != 0
    assert f"no cluster other is attached in {PIPELINE} us-east-1" in problem
    assert "hint: 'aphex sandbox cluster list' shows those that are there" in problem
    assert running("cluster", "remove", "other", *where)[0] == 0
    assert running("cluster", "remove", "third", "--region", "eu-central-1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("cluster",), {}, "'aphex sandbox cluster' needs an operation"),
        (("cluster", "add"), {}, "'aphex sandbox cluster add' needs a name"),
        (("cluster", "remove"), {}, "'aphex sandbox cluster remove' needs a name"),
        (("cluster", "add", "x", "--kubeconfig", "missing"), {}, "missing cannot be read"),
        (("cluster", "add", "x"), {"KUBECONFIG": "/a:/b"}, "KUBECONFIG names several files"),
        (("cluster", "add", "-x"), {}, "-x"),
        (
            ("cluster", "add", "x", "--account", "1"),
            {"KUBECONFIG": "/a"},
            "account must be 12 digits",
        ),
        (("status", "add"), {}, "'aphex sandbox status' takes no operation"),
        (("stop", "--region", "us-east-1"), {}, "'aphex sandbox stop' takes no operation"),
    ],
)
def test_mistakes_are_named(running, arguments, variables, message):
    code, _, problem = running(*arguments, **variables)
    assert code != 0
    assert message in problem
    assert "\n hint: " in problem
