"""`aphex doctor --cluster` and `aphex validate --cluster` against a real API server."""

import json

import pytest
import yaml

from application import environment
from program import Program, planted


@pytest.fixture
def checked(application, surroundings, cluster, tmp_path):
    """Runs validate --cluster as a user of the cluster; the checks by their names."""
    namespace = cluster.namespace()

    def check(token=None, server=None, code=0, **pipeline):
        application.configure(environment("dev"), pipeline={
            "clusterName": "arbiter", "githubOwner": "acme", "githubRepo": "app",
            "githubTokenSecretName": "github-token", "namespace": namespace,
            "oidcProviderArn": "arn:aws:iam::111122223333:oidc-provider/"
                               "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE",
            "kubectlRoleArn": "arn:aws:iam::111122223333:role/kubectl",
            "webhook": {"type": "ingress", "host": "hooks.example.com"}, **pipeline})
        application.commit()
        kubeconfig = planted.holds(tmp_path / "kubeconfig", "token of the cluster")
        user = {"token": token} if token else yaml.safe_load(
            open(cluster.kubeconfig, encoding="utf-8"))["users"][0]["user"]
        kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "me",
            "clusters": [{"name": "arbiter", "cluster": {
                "server": server or cluster.endpoint,
                "certificate-authority": str(cluster.ca_file)}}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "me", "context": {"cluster": "arbiter", "user": "me"}}]}))
        program = Program(tmp_path / "state", surroundings)
        done = program.run("doctor", "--cluster", "--format", "json", cwd=application.directory,
                           KUBECONFIG=str(kubeconfig), AWS_EC2_METADATA_DISABLED="true")
        checks = {each["name"]: each for each in json.loads(done.out)["checks"]}
        text = program.run("validate", "--cluster", cwd=application.directory,
                           KUBECONFIG=str(kubeconfig))
        assert text.code == code, text.out + text.err
        return checks, text.out

    check.namespace = namespace
    return check


def make_bus(cluster, namespace, **status):
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/eventbus"
    cluster.admin.create(path, {"apiVersion": "argoproj.io/v1alpha1", "kind": "EventBus",
                                "metadata": {"name": "default", "namespace": namespace},
                                "spec": {"nats": {"native": {}}}})
    if status:
        cluster.admin.patch_status(f"{path}/default", status)


def test_a_cluster_that_has_everything(checked, cluster):
    make_bus(cluster, checked.namespace,
             conditions=[{"type": "Deployed", "status": "True"}])
    checks, text = checked()
    for name in ("cluster", "namespace", "argo workflows", "argo events", "event bus", "rights",
                 "objects"):
        assert checks[name]["state"] == "ok", checks[name]
    assert "Kubernetes v1.34.4" in checks["cluster"]["detail"]
    assert "the server takes all" in checks["objects"]["detail"]
    assert "✓ objects" in text


def test_what_is_missing_is_told_with_what_mends_it(checked, cluster):
    checks, _ = checked(code=1)
    assert checks["event bus"]["state"] == "failed"
    assert checks["event bus"]["remedy"].startswith("create an EventBus default in namespace")
    checks, _ = checked(code=1, namespace="nowhere")
    assert checks["namespace"]["remedy"].startswith("kubectl create namespace nowhere")
    assert checks["objects"]["state"] == "skipped"


def test_events_in_a_namespace_of_their_own(checked, cluster):
    events = cluster.namespace()
    make_bus(cluster, events, conditions=[{"type": "Deployed", "status": "True"}])
    checks, _ = checked(eventsNamespace=events)
    assert checks["event bus"]["detail"] == f"{events}/default"
    assert checks["objects"]["state"] == "ok", checks["objects"]
    checks, _ = checked(code=1, eventsNamespace="nowhere")
    assert checks["namespace"]["state"] == "ok"
    assert checks["events namespace"]["remedy"] == (
        "kubectl create namespace nowhere, or set pipeline.eventsNamespace")


def test_a_bus_that_is_not_ready(checked, cluster):
    make_bus(cluster, checked.namespace, conditions=[
        {"type": "Deployed", "status": "False", "message": "the pods do not start"}])
    checks, _ = checked()
    assert checks["event bus"]["state"] == "warning"
    assert "Deployed is False: the pods do not start" in checks["event bus"]["detail"]


def test_the_controllers_version_is_compared(checked, cluster):
    make_bus(cluster, checked.namespace, conditions=[{"type": "Deployed", "status": "True"}])
    labels = {"app": "workflow-controller"}
    cluster.admin.create(
        f"/apis/apps/v1/namespaces/{checked.namespace}/deployments",
        {"apiVersion": "apps/v1", "kind": "Deployment",
         "metadata": {"name": "workflow-controller", "namespace": checked.namespace},
         "spec": {"selector": {"matchLabels": labels},
                  "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                      {"name": "controller",
                       "image": "quay.io/argoproj/workflow-controller:v3.5.2"}]}}}})
    checks, _ = checked(code=1)
    assert checks["argo workflows"]["state"] == "failed"
    assert checks["argo workflows"]["remedy"].endswith('set pipeline.argoVersion to "3.5"')
    checks, _ = checked(argoVersion="3.5", code=1)
    assert checks["argo workflows"]["state"] == "ok"
    # This server has the definitions of 4.1, whatever its controller says.
    assert checks["objects"]["state"] == "failed"


def test_rights_that_one_lacks_are_a_warning(checked, cluster):
    make_bus(cluster, checked.namespace, conditions=[{"type": "Deployed", "status": "True"}])
    cluster.bind("viewer", [{"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": ["get"]}],
                 checked.namespace)
    checks, _ = checked(token=cluster.user_token("viewer"))
    assert checks["rights"]["state"] == "warning"
    assert "workflowtemplates (create, patch, delete)" in checks["rights"]["detail"]
    assert checks["objects"]["state"] == "skipped"


def test_a_cluster_that_cannot_be_reached(checked):
    checks, _ = checked(server="https://127.0.0.1:9", code=1)
    assert checks["cluster"]["state"] == "failed"
    assert checks["rights"]["state"] == "skipped"
