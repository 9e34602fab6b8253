"""The real provider of Kubernetes objects: a function of a stack, before a real API server."""

import json
import os
from pathlib import Path

import pytest
from bootstraps import function, log_lines, upload
from conftest import PIPELINE, REGION, REPO
from stacks import ALLOW_LAMBDA, att, create, deploy, outputs, reasons, ref, resource, status
from stacks import template as template_of
from stacks import update

PROGRAM = os.environ.get("APHEX_BIN", str(REPO / "build" / "release" / "bin" / "aphex"))
BESIDE = Path(PROGRAM).parents[1] / "share" / "aphex" / "provider" / "provider.zip"
PACKAGE = Path(os.environ.get("APHEX_PROVIDER_ZIP", BESIDE))
CLUSTER = "aphex-test"
GROUP = "sandbox:provider"
RULES = [
    {
        "apiGroups": ["", "argoproj.io"],
        "resources": ["configmaps", "secrets", "serviceaccounts", "workflowtemplates"],
        "verbs": ["get", "create", "patch", "delete"],
    }
]


@pytest.fixture(scope="module")
def package():
    if not PACKAGE.is_file():
        pytest.fail(f"{PACKAGE} is missing: build aphex_provider_zip, or set APHEX_PROVIDER_ZIP")
    return PACKAGE.read_bytes()


@pytest.fixture
def cfn(sandbox, cluster):
    sandbox.call(
        "POST",
        "/_aphex/clusters",
        {
            "account": PIPELINE,
            "region": REGION,
            "name": CLUSTER,
            "endpoint": cluster.endpoint,
            "certificateAuthority": cluster.ca_data,
        },
    )
    cluster.eks.allow(sandbox.endpoint)
    cluster.eks.grant(f"arn:aws:iam::{PIPELINE}:role/kubectl", groups=[GROUP])
    return sandbox.client("cloudformation")


@pytest.fixture
def base(sandbox, package):
    function_role = resource(
        "AWS::IAM::Role", RoleName="provider", AssumeRolePolicyDocument=ALLOW_LAMBDA
    )
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": att("R", "Arn")},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    return {
        "R": function_role,
        "K": resource("AWS::IAM::Role", RoleName="kubectl", AssumeRolePolicyDocument=trust),
        "F": function(upload(sandbox, package), Timeout=30),
    }


def object_(manifest, **more):
    return resource(
        "Custom::AphexKubernetesObject",
        ServiceToken=att("F", "Arn"),
        ServiceTimeout=40,
        ClusterName=CLUSTER,
        RoleArn=att("K", "Arn"),
        Pipeline="archon",
        Manifest=json.dumps(manifest),
        **more,
    )


def manifest(kind, name, namespace, **more):
    api = {"WorkflowTemplate": "argoproj.io/v1alpha1"}.get(kind, "v1")
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        **more,
    }


def test_a_stack_makes_changes_and_deletes_kubernetes_objects(cfn, sandbox, base, cluster):
    namespace = cluster.namespace()
    cluster.bind(GROUP, RULES, namespace, group=True)
    secret = resource(
        "AWS::SecretsManager::Secret", Name="webhook", GenerateSecretString={"PasswordLength": 40}
    )
    held = object_(
        manifest("Secret", "webhook", namespace),
        SecretValues=[{"Key": "token", "Secret": ref("S")}],
    )

    def body(value):
        settings = object_(manifest("ConfigMap", "settings", namespace, data={"value": value}))
        resources = {**base, "S": secret, "C": settings, "H": held}
        return template_of(resources, {"Name": att("C", "Name"), "Id": ref("C")})

    found = deploy(cfn, "s", body("one"))
    assert found == {
        "Name": "settings",
        "Id": f"{CLUSTER}/v1/ConfigMap/{namespace}/settings",
    }
    place = f"/api/v1/namespaces/{namespace}"
    assert cluster.admin.get(f"{place}/configmaps/settings")["data"] == {"value": "one"}
    import base64

    value = sandbox.client("secretsmanager").get_secret_value(SecretId="webhook")["SecretString"]
    stored = cluster.admin.get(f"{place}/secrets/webhook")["data"]["token"]
    assert base64.b64decode(stored).decode() == value
    lines = log_lines(sandbox)
    assert any('"event":"created"' in line for line in lines)
    assert not any(value in line for line in lines)

    update(cfn, "s", body("two"))
    assert status(cfn, "s") == "UPDATE_COMPLETE", reasons(cfn, "s", "UPDATE_FAILED")
    assert outputs(cfn, "s") == found
    assert cluster.admin.get(f"{place}/configmaps/settings")["data"] == {"value": "two"}
    # As the role, by a token of the cluster's name.
    users = {r["user"] for r in cluster.requests() if f"{namespace}/configmaps" in r["uri"]}
    assert any(u.startswith(f"arn:aws:sts::{PIPELINE}:assumed-role/kubectl/") for u in users)

    cfn.delete_stack(StackName="s")
    assert cfn.describe_stacks()["Stacks"] == []
    assert not cluster.admin.exists(f"{place}/configmaps/settings")
    assert not cluster.admin.exists(f"{place}/secrets/webhook")


def test_what_the_api_server_refuses_fails_the_stack_with_its_words(cfn, base, cluster):
    namespace = cluster.namespace()
    cluster.bind(GROUP, RULES, namespace, group=True)
    wrong = object_(manifest("WorkflowTemplate", "t", namespace, spec={"templates": "none"}))
    create(cfn, "s", template_of({**base, "W": wrong}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    (reason,) = reasons(cfn, "s", "CREATE_FAILED")
    assert reason.startswith("Received response status [FAILED] from custom resource.")
    assert "spec.templates" in reason
