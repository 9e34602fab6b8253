"""The check at the session's end sees each kind of thing that could be left: it can fail."""

import json
import socket
import subprocess
import sys

import leftovers
import pytest
from sandbox_process import TARGET
from stock_application import queue
from world import ACCOUNT

WORKFLOW_TEMPLATE = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
    "metadata": {"name": "left", "namespace": "default-of-nobody"},
    "spec": {"entrypoint": "main", "templates": [
        {"name": "main", "container": {"image": "busybox"}}]}}
NOTHING = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Deny", "Action": "*", "Resource": "*"}]}
RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLE = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole",
                "metadata": {"name": "left-role"}, "rules": []}
CLUSTER_ROLE_BINDING = {
    "apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "left-binding"},
    "subjects": [{"kind": "User", "name": "nobody", "apiGroup": RBAC}],
    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "left-role"}}
WORKFLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": "left"}, "spec": {"workflowTemplateRef": {"name": "left"}}}


@pytest.fixture
def sees():
    """That a list has these things more after `make`, and no more after `take_away`."""
    def check(listed, make, take_away, *things):
        before = listed()
        make()
        try:
            found = leftovers.new(before, listed())
            for thing in things:
                assert any(thing in each for each in found), (thing, found)
        finally:
            take_away()
        assert leftovers.new(before, listed()) == []
    return check


@pytest.mark.parametrize("account", [ACCOUNT, TARGET])
def test_a_stack_in_any_account(clean_world, sees, account):
    client = clean_world.sandbox.client("cloudformation", account)
    sees(lambda: leftovers.in_aws(clean_world.sandbox),
         lambda: client.create_stack(StackName="left", TemplateBody=json.dumps(queue("left-q"))),
         lambda: client.delete_stack(StackName="left"),
         f"stack left in {account}", "left-q")


def test_an_object_whose_last_version_is_deleted(clean_world, sees):
    s3 = clean_world.client("s3")
    s3.create_bucket(Bucket="left-over")

    def make():
        s3.put_bucket_versioning(Bucket="left-over",
                                 VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="left-over", Key="a", Body=b"a")
        s3.delete_object(Bucket="left-over", Key="a")

    def take_away():
        for _, version in list(leftover_versions(s3)):
            s3.delete_object(Bucket="left-over", Key="a", VersionId=version)

    sees(lambda: leftovers.in_aws(clean_world.sandbox), make, take_away, "object s3://left-over/a")
    s3.delete_bucket(Bucket="left-over")


def leftover_versions(s3):
    listed = s3.list_object_versions(Bucket="left-over")
    for each in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
        yield each["Key"], each["VersionId"]


def test_a_template_and_a_workflow(clean_world, sees):
    admin = clean_world.cluster.admin
    namespace = clean_world.cluster.namespace("default-of-nobody")
    objects = [WORKFLOW_TEMPLATE, {**WORKFLOW, "metadata": {"name": "left",
                                                            "namespace": namespace}}]
    try:
        sees(lambda: leftovers.in_cluster(clean_world.cluster),
             lambda: [admin.apply(each) for each in objects],
             lambda: [admin.delete(admin.path_of(each)) for each in objects],
             f"workflowtemplates {namespace}/left", f"workflows {namespace}/left")
        assert f"namespace {namespace}" in leftovers.in_cluster(clean_world.cluster)
    finally:
        clean_world.cluster.remove_namespace(namespace)
    assert f"namespace {namespace}" not in leftovers.in_cluster(clean_world.cluster)


@pytest.mark.parametrize("account", [ACCOUNT, TARGET])
def test_a_policy_and_an_identity_provider_in_any_account(clean_world, sees, account):
    iam = clean_world.sandbox.client("iam", account)
    places = {"policy": f"arn:aws:iam::{account}:policy/left",
              "provider": f"arn:aws:iam::{account}:oidc-provider/left.example.com"}

    def make():
        iam.create_policy(PolicyName="left", PolicyDocument=json.dumps(NOTHING))
        iam.create_open_id_connect_provider(Url="https://left.example.com", ClientIDList=["none"],
                                            ThumbprintList=["0" * 40])

    def take_away():
        iam.delete_policy(PolicyArn=places["policy"])
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=places["provider"])

    sees(lambda: leftovers.in_aws(clean_world.sandbox), make, take_away,
         f"policy {places['policy']}", f"identity provider {places['provider']}")


def test_rights_in_the_whole_cluster(clean_world, sees):
    admin = clean_world.cluster.admin
    objects = [CLUSTER_ROLE, CLUSTER_ROLE_BINDING]
    sees(lambda: leftovers.in_cluster(clean_world.cluster),
         lambda: [admin.apply(each) for each in objects],
         lambda: [admin.delete(admin.path_of(each)) for each in objects],
         "clusterroles left-role", "clusterrolebindings left-binding")


def test_a_process_that_has_left_its_parent(tmp_path, sees):
    started = []
    script = ("import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', "
              "'import time; time.sleep(60)', sys.argv[1]], stdout=subprocess.DEVNULL, "
              "stderr=subprocess.DEVNULL).pid)")

    def make():
        printed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "of-it")],
                                 capture_output=True, text=True, check=True).stdout
        started.append(int(printed))

    def take_away():
        for process in started:
            subprocess.run(["kill", "-KILL", str(process)], check=True)
            subprocess.run(["tail", f"--pid={process}", "-f", "/dev/null"], check=True)

    sees(lambda: leftovers.of_processes(tmp_path), make, take_away, "time.sleep(60)")


def test_a_port_that_somebody_still_listens_on(sees):
    left = socket.socket()
    left.bind(("127.0.0.1", 0))
    port = left.getsockname()[1]
    sees(leftovers.of_ports, left.listen, left.close, f"port {port}")


def test_files_and_empty_folders(tmp_path, sees):
    def make():
        (tmp_path / "one/two").mkdir(parents=True)
        (tmp_path / "file").touch()

    def take_away():
        (tmp_path / "file").unlink()
        (tmp_path / "one/two").rmdir()
        (tmp_path / "one").rmdir()

    (tmp_path / "kept").touch()
    sees(lambda: leftovers.of_folders(tmp_path), make, take_away,
         f"file {tmp_path}/file", f"folder {tmp_path}/one/two")
    (tmp_path / "kept").unlink()
