"""The Kubernetes client, through its probe, against a real API server: ways to sign in, and calls
that the provider does not make. What it does make is tested in tests/provider."""

import base64
import datetime
import json
import os
import subprocess
from pathlib import Path

import planted
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REPO = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("APHEX_BIN", str(REPO / "build" / "release" / "bin" / "aphex"))
PROBE = Path(PROGRAM).parent / "k8s_probe"
SECONDS = 60
RULES = [{"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates"],
          "verbs": ["get", "create", "patch"]}]


def ask(*arguments, environment=None):
    """The answer, or its error; nothing of the person who runs the tests gets there."""
    done = subprocess.run([PROBE, *map(str, arguments)], capture_output=True, text=True,
                          timeout=SECONDS, env={"PATH": os.environ["PATH"], **(environment or {})})
    answer = json.loads(done.stdout)
    assert (done.returncode == 1) == ("error" in answer), done.stderr
    return answer.get("error") or answer


def kubeconfig(directory, cluster, user, name="config", **entry):
    path = directory / name
    where = {"server": cluster.endpoint, "certificate-authority-data": cluster.ca_data} | entry
    planted.holds(path, "token of the cluster")
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "dev", "cluster": where}], "users": [{"name": "ada", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "dev", "user": "ada"}}]}))
    return path


def template(namespace, image="busybox"):
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
            "metadata": {"name": "build", "namespace": namespace},
            "spec": {"entrypoint": "main",
                     "templates": [{"name": "main", "container": {"image": image}}]}}


def write(directory, manifest):
    path = directory / "manifest.json"
    path.write_text(json.dumps(manifest))
    return path


@pytest.fixture
def namespace(cluster):
    return cluster.namespace()


@pytest.fixture
def ada(cluster, namespace):
    cluster.bind(f"ada-{namespace}", RULES, namespace)
    return cluster.user_token(f"ada-{namespace}")


def test_a_kubeconfig_as_tests_and_people_have_it(cluster):
    assert ask("--kubeconfig", cluster.kubeconfig, "version") == {"version": "v1.34.4"}
    assert ask("where", environment={"KUBECONFIG": str(cluster.kubeconfig)}) == {
        "cluster": "test", "server": cluster.endpoint, "namespace": "default",
        "source": f"context test of {cluster.kubeconfig}"}


def test_files_beside_a_kubeconfig(cluster, tmp_path, ada):
    planted.holds(tmp_path / "token", "token of the cluster").write_text(ada + "\n")
    (tmp_path / "ca.pem").write_text(cluster.ca_pem)
    path = kubeconfig(tmp_path, cluster, {"tokenFile": "token"},
                      **{"certificate-authority-data": "", "certificate-authority": "ca.pem"})
    assert ask("--kubeconfig", path, "version") == {"version": "v1.34.4"}


def test_a_program_that_makes_tokens(cluster, tmp_path, ada):
    program = tmp_path / "get-token"
    program.write_text('#!/bin/sh\nprintf \'{"kind":"ExecCredential","apiVersion":"%s","status":'
                       '{"token":"%s"}}\' "client.authentication.k8s.io/v1" "$TOKEN"\n')
    program.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./get-token",
              "env": [{"name": "TOKEN", "value": ada}], "interactiveMode": "Never"}
    path = kubeconfig(tmp_path, cluster, {"exec": plugin})
    assert ask("--kubeconfig", path, "version") == {"version": "v1.34.4"}
    kubectl = cluster.kubectl("--kubeconfig", path, "version", "-o", "json")
    assert json.loads(kubectl.stdout)["serverVersion"]["gitVersion"] == "v1.34.4", "kubectl agrees"


def test_a_pods_service_account(cluster, tmp_path, ada):
    account = tmp_path / "account"
    account.mkdir()
    planted.holds(account / "token", "token of the cluster")
    for name, text in {"token": ada, "ca.crt": cluster.ca_pem, "namespace": "argo"}.items():
        (account / name).write_text(text)
    host, port = cluster.endpoint.removeprefix("https://").split(":")
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert ask("--account", account, "version", environment=environment) == {"version": "v1.34.4"}
    assert ask("--account", account, "where", environment=environment)["namespace"] == "argo"


def client_certificate(name):
    """Signed by nobody that the cluster knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                   .public_key(key.public_key()).serial_number(1)
                   .not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(hours=1))
                   .sign(key, hashes.SHA256()))
    private = key.private_bytes(serialization.Encoding.PEM,
                                serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption())
    return [base64.b64encode(data).decode()
            for data in (certificate.public_bytes(serialization.Encoding.PEM), private)]


def test_a_certificate_that_the_cluster_does_not_know(cluster, tmp_path):
    certificate, key = client_certificate("ada")
    path = kubeconfig(tmp_path, cluster, {"client-certificate-data": certificate,
                                          "client-key-data": key})
    error = ask("--kubeconfig", path, "version")
    assert error == {
        "code": "permission", "hint": "take a certificate that it accepts",
        "message": "cannot read the version in cluster dev: HTTP 401 Unauthorized: the cluster "
                   "does not accept the token of the client certificate"}


def test_a_token_that_the_cluster_does_not_know(cluster, tmp_path):
    path = kubeconfig(tmp_path, cluster, {"token": "nobody's"})
    assert ask("--kubeconfig", path, "version") == {
        "code": "permission", "hint": "sign in to the cluster again",
        "message": "cannot read the version in cluster dev: HTTP 401 Unauthorized: the cluster "
                   "does not accept the token of the kubeconfig's user 'ada'"}


def test_rights_are_asked_for(cluster, tmp_path, namespace, ada):
    path = kubeconfig(tmp_path, cluster, {"token": ada})

    def may(*right):
        return ask("--kubeconfig", path, "may", *right)["allowed"]

    assert may("patch", "argoproj.io", "workflowtemplates", namespace)
    assert not may("delete", "argoproj.io", "workflowtemplates", namespace)
    assert not may("patch", "argoproj.io", "workflowtemplates", "")
    assert not may("get", "", "secrets", namespace)


def test_a_dry_run_checks_and_stores_nothing(cluster, tmp_path, namespace, ada):
    path = kubeconfig(tmp_path, cluster, {"token": ada})
    merged = ask("--kubeconfig", path, "try", write(tmp_path, template(namespace)))
    assert merged["spec"] == template(namespace)["spec"]
    where = ("argoproj.io/v1alpha1", "WorkflowTemplate", namespace, "build")
    missing = ask("--kubeconfig", path, "get", *where)
    assert missing == {
        "code": "not_found", "hint": "",
        "message": f"cannot read WorkflowTemplate {namespace}/build in cluster dev: HTTP 404 "
                   'NotFound: workflowtemplates.argoproj.io "build" not found'}
    wrong = template(namespace)
    wrong["spec"]["templates"][0]["container"]["image"] = 5
    refused = ask("--kubeconfig", path, "try", write(tmp_path, wrong))
    assert refused["code"] == "usage"
    assert refused["message"].startswith(
        f"cannot try to apply WorkflowTemplate {namespace}/build in cluster dev: HTTP 500: it does "
        "not fit the schema of its kind: .spec.templates[0].container.image: expected string")


def test_apply_and_remove_hold_for_one_object(cluster, tmp_path, namespace):
    path = cluster.kubeconfig
    applied = ask("--kubeconfig", path, "apply", write(tmp_path, template(namespace)))
    where = ("argoproj.io/v1alpha1", "WorkflowTemplate", namespace, "build")
    assert ask("--kubeconfig", path, "get", *where) == applied
    other = template(namespace, "alpine")
    other["metadata"]["uid"] = "00000000-0000-0000-0000-000000000001"
    mismatch = ask("--kubeconfig", path, "apply", write(tmp_path, other))
    assert mismatch["code"] == "already_exists"
    assert "metadata.uid: Invalid value" in mismatch["message"]
    assert mismatch["hint"] == "the object was made anew meanwhile: try again"
    wrong = ask("--kubeconfig", path, "remove", *where, "00000000-0000-0000-0000-000000000001")
    assert (wrong["code"], wrong["hint"]) == ("already_exists", mismatch["hint"])
    assert "the UID in the precondition" in wrong["message"]
    assert ask("--kubeconfig", path, "remove", *where, applied["metadata"]["uid"]) == {}
    gone = ask("--kubeconfig", path, "remove", *where, applied["metadata"]["uid"])
    assert gone["code"] == "not_found"
    late = ask("--kubeconfig", path, "apply", write(tmp_path, other))
    assert (late["code"], late["hint"]) == ("already_exists", mismatch["hint"])
    assert "uid mismatch" in late["message"]


def test_objects_of_the_whole_cluster_have_no_namespace(cluster, tmp_path):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "aphex-reader"}, "rules": []}
    path = cluster.kubeconfig
    assert ask("--kubeconfig", path, "apply", write(tmp_path, role))["kind"] == "ClusterRole"
    where = ("rbac.authorization.k8s.io/v1", "ClusterRole")
    assert ask("--kubeconfig", path, "get", *where, "argo", "aphex-reader")["hint"] == (
        "leave metadata.namespace out")
    assert ask("--kubeconfig", path, "get", "v1", "Secret", "", "a")["hint"] == (
        "set metadata.namespace")
    cluster.admin.delete("/apis/rbac.authorization.k8s.io/v1/clusterroles/aphex-reader")


def test_a_conflict_names_the_other_manager_and_force_takes_over(cluster, tmp_path, namespace):
    path = cluster.kubeconfig
    cluster.admin.apply(template(namespace), manager="argo-cd")
    changed = write(tmp_path, template(namespace, "alpine"))
    conflict = ask("--kubeconfig", path, "apply", changed)
    assert conflict["message"] == (
        f"cannot apply WorkflowTemplate {namespace}/build in cluster test: HTTP 409 Conflict: "
        "'argo-cd' manages .spec.templates")
    forced = ask("--kubeconfig", path, "force", changed)
    assert forced["spec"]["templates"][0]["container"]["image"] == "alpine"


def test_a_server_that_is_none_of_kubernetes(cluster, tmp_path):
    path = kubeconfig(tmp_path, cluster, {"token": "t"}, server="http://127.0.0.1:9")
    error = ask("--kubeconfig", path, "version")
    assert error["code"] == "unavailable"
    assert error["message"].startswith(
        "cannot read the version in cluster dev: no whole answer from http://127.0.0.1:9: ")
