"""`aphex approve --workflow` and the gate that the generator makes, on a real API server.

The driver of tests/cluster_test does the controller's part. With
APHEX_ARGO_CONTROLLER=<the program workflow-controller> and APHEX_ARGO_CRDS=<its definitions, one
file> that controller does it, and the same is expected: it has been, with Argo 4.1.2.
"""

import json
import os
import pathlib
import subprocess
import sys
import types

import pytest
from waiting_gate import RIGHTS, SECONDS, Waiting

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster_test"))
from argo_driver import Driver  # noqa: E402

CONTROLLER = os.environ.get("APHEX_ARGO_CONTROLLER")
BINARY = pathlib.Path(os.environ.get("APHEX_BIN", pathlib.Path(__file__).resolve().parents[2] /
                                     "build/release/bin/aphex"))


@pytest.fixture(scope="module")
def namespace(cluster, tmp_path_factory):
    name = cluster.namespace()
    if not CONTROLLER:
        driver = Driver(types.SimpleNamespace(api=cluster.admin), name)
        yield name
        driver.stop()
        return
    applied = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f",
                              os.environ["APHEX_ARGO_CRDS"])
    assert applied.returncode == 0, applied.stderr
    cluster.admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "data": {},
                         "metadata": {"name": "workflow-controller-configmap", "namespace": name}})
    cluster.admin.apply({"apiVersion": "v1", "kind": "ServiceAccount",
                         "metadata": {"name": "default", "namespace": name}})
    log = tmp_path_factory.mktemp("argo") / "controller.log"
    with log.open("w") as output, subprocess.Popen(
            [CONTROLLER, "--kubeconfig", cluster.kubeconfig, "--namespaced",
             "--managed-namespace", name, "--namespace", name,
             "--executor-image", "localhost/argoexec:none"],
            env={**os.environ, "LEADER_ELECTION_DISABLE": "true", "DEFAULT_REQUEUE_TIME": "1s"},
            stdout=output, stderr=subprocess.STDOUT) as controller:
        yield name
        controller.terminate()


@pytest.fixture
def waiting(cluster, generate, namespace):
    return lambda **approval: Waiting(cluster, generate, namespace, **approval)


@pytest.fixture
def approve(cluster, namespace):
    """As somebody who has the rights that the page names, and no other."""

    def run(workflow, *arguments, user="grace"):
        if user not in bound:
            cluster.bind(user, RIGHTS, namespace)
            bound.add(user)
        kubeconfig = cluster._write_kubeconfig(cluster.user_token(user))
        return subprocess.run(
            [BINARY, "approve", "--workflow", workflow.name, "--namespace", namespace, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_COLOR": "1",
                 "KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)

    bound = set()
    return run


def test_an_approval_gives_the_deployment_its_digest(waiting, approve):
    workflow = waiting()

    shown = approve(workflow, "--show")
    decided = approve(workflow, "--yes", "--comment", "well done")

    assert shown.returncode == 0, shown.stderr
    assert "by Ada <ada@example.org>: 1 stack is new" in shown.stdout
    assert decided.returncode == 0, decided.stderr
    # By the name that the cluster knows, whoever sits at the machine.
    assert decided.stdout.endswith(f"workflow {workflow.name}, prod: approved by grace\n")
    assert workflow.given() == {"decision": "approved", "digest": "d1", "people": "grace"}
    assert workflow.node("gate-prod")["message"].startswith("approved by grace at 20")


def test_decisions_are_collected_until_the_quorum_is_met(waiting, approve):
    workflow = waiting(quorum=2, approvers=["grace", "linus", "edsger"])

    first = approve(workflow, "--yes")
    again = approve(workflow, "--yes")
    stranger = approve(workflow, "--yes", user="mallory")

    assert "waits for 1 of linus, edsger" in first.stdout
    assert (again.returncode, stranger.returncode) == (2, 1)
    assert "grace has decided about the deployment of workflow" in again.stderr
    assert "mallory is not among the approvers" in stranger.stderr
    assert workflow.node("gate-prod")["phase"] == "Running"
    record = json.loads(workflow.api.get(workflow.path)["metadata"]["annotations"][
        "approvals.aphex.dev/prod"])
    assert [each["who"] for each in record["decisions"]] == ["grace"]

    assert approve(workflow, "--yes", user="linus").returncode == 0
    assert workflow.given()["people"] == "grace, linus"


def test_a_rejection_fails_the_workflow_and_says_who_and_why(waiting, approve):
    workflow = waiting()

    said = approve(workflow, "--reject", "--yes", "--comment", "not on a Friday", "--format",
                   "json")

    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["state"] == "rejected"
    workflow.until(lambda: workflow.status["phase"] == "Failed")
    message = workflow.node("gate-prod")["message"]
    assert message.startswith("the deployment to prod was rejected by grace at 20")
    assert message.endswith(": not on a Friday")
    # Argo leaves word of a task that cannot run; nothing of it has begun.
    assert workflow.node("behind").get("phase", "Omitted") == "Omitted"
    late = approve(workflow, "--yes", user="linus")
    assert "waits for no approval" in late.stderr


def test_when_the_time_is_up_the_deployment_is_told_so(waiting, approve):
    workflow = waiting(expires="3s")
    assert workflow.given() == {"decision": "expired", "digest": "none", "people": "nobody"}


def test_the_author_alone_is_not_enough(waiting, approve):
    workflow = waiting()
    alone = approve(workflow, "--yes", user="ada")
    assert alone.returncode == 1
    assert "ada is the author of the commit" in alone.stderr


def test_who_may_not_change_workflows_may_not_approve(cluster, waiting, namespace):
    workflow = waiting()
    cluster.bind("reader", [RIGHTS[0] | {"verbs": ["get"]}], namespace)
    kubeconfig = cluster._write_kubeconfig(cluster.user_token("reader"))
    refused = subprocess.run(
        [BINARY, "approve", "--workflow", workflow.name, "--namespace", namespace, "--yes"],
        env={"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig)}, capture_output=True,
        text=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    assert refused.returncode == 1
    assert "cannot patch resource" in refused.stderr
    assert workflow.node("gate-prod")["phase"] == "Running"
