"""The fixture gives a real API server: it checks, stores, merges and refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kube_api import Api, ApiError

HERE = Path(__file__).resolve().parent
KINDS = {"workflows", "workflowtemplates", "eventbus", "eventsources", "sensors"}
ARGO = "argoproj.io/v1alpha1"


@pytest.fixture
def namespace(cluster):
    return cluster.namespace()


def template(namespace, name="build", **spec):
    spec = {"entrypoint": "main",
            "templates": [{"name": "main", "container": {"image": "busybox"}}]} | spec
    return {"apiVersion": ARGO, "kind": "WorkflowTemplate",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def refused(call, *arguments, **options):
    with pytest.raises(ApiError) as error:
        call(*arguments, **options)
    return error.value.code, error.value.reason, error.value.message


def test_argos_kinds_are_served(cluster):
    listed = cluster.admin.list("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    established = {item["spec"]["names"]["plural"] for item in listed
                   for condition in item["status"]["conditions"]
                   if (condition["type"], condition["status"]) == ("Established", "True")}
    assert established == KINDS


def test_an_applied_template_is_read_back_and_a_second_apply_changes_nothing(cluster, namespace):
    applied = cluster.admin.apply(template(namespace), manager="aphex")
    path = f"/apis/{ARGO}/namespaces/{namespace}/workflowtemplates/build"
    stored = cluster.admin.get(path)
    assert stored == applied
    assert stored["spec"]["templates"][0]["container"] == {"image": "busybox"}
    assert [entry["manager"] for entry in stored["metadata"]["managedFields"]] == ["aphex"]
    again = cluster.admin.apply(template(namespace), manager="aphex")
    assert again["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
    cluster.admin.delete(path)
    assert not cluster.admin.exists(path)


def test_what_the_schema_does_not_know_is_refused(cluster, namespace):
    subject = f"({namespace}/build; {ARGO}, Kind=WorkflowTemplate)"
    wrong = template(namespace, templates=[{"name": "main", "container": {"image": 5}}])
    assert refused(cluster.admin.apply, wrong) == (
        500, "", f"failed to create typed patch object {subject}: "
        ".spec.templates[0].container.image: expected string, got &value.valueUnstructured{Value:5}"
    )
    unknown = template(namespace, templates=[{"name": "main", "kontainer": {}}])
    assert refused(cluster.admin.apply, unknown) == (
        500, "", f"failed to create typed patch object {subject}: "
        ".spec.templates[0].kontainer: field not declared in schema")


def test_argos_own_rules_are_checked(cluster, namespace):
    two_places = {"name": "out", "path": "/out", "s3": {"key": "a"}, "raw": {"data": "b"}}
    wrong = template(namespace, templates=[{
        "name": "main", "container": {"image": "busybox"}, "outputs": {"artifacts": [two_places]}}])
    code, reason, message = refused(cluster.admin.apply, wrong)
    assert (code, reason) == (422, "Invalid")
    assert message == (
        'WorkflowTemplate.argoproj.io "build" is invalid: '
        'spec.templates[0].outputs.artifacts[0]: Invalid value: "object": '
        'at most one artifact location can be specified')


def test_another_managers_field_is_a_conflict(cluster, namespace):
    cluster.admin.apply(template(namespace), manager="argo-cd")
    changed = template(namespace, entrypoint="other")
    assert refused(cluster.admin.apply, changed, manager="aphex") == (
        409, "Conflict",
        'Apply failed with 1 conflict: conflict with "argo-cd": .spec.entrypoint')
    forced = cluster.admin.apply(changed, manager="aphex", force=True)
    assert forced["spec"]["entrypoint"] == "other"


def test_a_template_of_1_mb_is_stored_and_one_over_etcds_limit_refused(cluster, namespace):
    def script(size):
        return template(namespace, templates=[
            {"name": "main", "script": {"image": "busybox", "source": "x" * size}}])

    cluster.admin.apply(script(1 << 20))
    assert refused(cluster.admin.apply, script(1600 * 1024)) == (
        500, "", "etcdserver: request is too large")
    assert refused(cluster.admin.apply, script(3 << 20)) == (
        413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")


def test_a_namespace_that_is_not_there_is_named(cluster):
    assert refused(cluster.admin.apply, template("nowhere")) == (
        404, "NotFound", 'namespaces "nowhere" not found')


def test_a_user_has_no_rights_but_those_bound(cluster, namespace):
    ada = cluster.api(cluster.user_token("ada", ["developers"]))
    assert refused(ada.apply, template(namespace)) == (
        403, "Forbidden", 'workflowtemplates.argoproj.io "build" is forbidden: User "ada" cannot '
        f'patch resource "workflowtemplates" in API group "argoproj.io" in the namespace '
        f'"{namespace}"')
    rules = [{"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates"],
              "verbs": ["get", "create", "patch"]}]
    cluster.bind("developers", rules, namespace, group=True)
    ada.apply(template(namespace))
    assert refused(ada.delete, ada.path_of(template(namespace)))[:2] == (403, "Forbidden")


@pytest.mark.parametrize("token", [None, "nobody"], ids=["without a token", "unknown token"])
def test_a_stranger_is_not_let_in(cluster, token):
    assert refused(cluster.api(token).get, "/version") == (401, "Unauthorized", "Unauthorized")


def test_a_load_balancers_address_is_set_by_the_test(cluster, namespace):
    service = {"apiVersion": "v1", "kind": "Service",
               "metadata": {"name": "hook", "namespace": namespace},
               "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    assert cluster.admin.apply(service)["status"] == {"loadBalancer": {}}
    path = cluster.admin.path_of(service)
    ingress = [{"hostname": "lb.example.com"}]
    cluster.admin.patch_status(path, {"loadBalancer": {"ingress": ingress}})
    assert cluster.admin.get(path)["status"] == {"loadBalancer": {"ingress": ingress}}


def test_kubectl_applies_and_reads(cluster, namespace):
    done = cluster.kubectl("apply", "--server-side", "-f", "-",
                           input=json.dumps(template(namespace)))
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "workflowtemplate.argoproj.io/build serverside-applied\n", "")
    token = cluster.user_token("eve")
    denied = cluster.kubectl("get", "wftmpl", "build", "-n", namespace, token=token)
    assert denied.returncode == 1
    assert 'User "eve" cannot get resource "workflowtemplates"' in denied.stderr


def test_requests_of_a_user_are_recorded(cluster, namespace):
    token = cluster.user_token(f"recorded-{namespace}")
    path = f"/api/v1/namespaces/{namespace}/secrets/a"
    refused(cluster.api(token).get, path)
    assert cluster.requests(f"recorded-{namespace}") == [
        {"verb": "get", "user": f"recorded-{namespace}", "uri": path, "code": 403}]


def test_a_paused_server_does_not_answer_and_then_does(cluster, monkeypatch):
    monkeypatch.setattr("kube_api.REQUEST_SECONDS", 0.2)
    impatient = Api(cluster.endpoint, cluster.ca_pem, cluster.user_token("eve"))
    with cluster.pause(), pytest.raises(TimeoutError):
        impatient.get("/version")
    assert cluster.admin.get("/version")["gitVersion"] == "v1.34.4"


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_nothing_outlives_a_test_session_that_was_killed(tmp_path):
    script = ("import pathlib, sys, cluster_fixtures as c\n"
              "with c.running(pathlib.Path(sys.argv[1])):\n"
              "    print('up', flush=True)\n"
              "    sys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], cwd=HERE, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        assert session.stdout.readline() == "up\n"
        started = children(session.pid)
        assert len(started) == 2
        os.kill(session.pid, signal.SIGKILL)
    end = time.monotonic() + 5
    while any(is_alive(pid) for pid in started):
        assert time.monotonic() < end, f"still there: {started}"
        time.sleep(0.02)
