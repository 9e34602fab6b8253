"""Create, Update and Delete by the real process on a real API server, each with the whole answer
that CloudFormation gets."""

import json

import pytest

from conftest import CLUSTER, decoded
from lambda_runtime import STACK

OWNER = f"cloudformation/111122223333/us-east-1/{STACK}"


def config_map(namespace, name="settings", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace}, "data": data or {"a": "1"}}


def secret(namespace, name="token"):
    return {"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace}}


def service(namespace, name="hook"):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}


def path_of(manifest):
    plural = {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services"}
    metadata = manifest["metadata"]
    return (f"/api/v1/namespaces/{metadata['namespace']}/{plural[manifest['kind']]}/"
            f"{metadata['name']}")


def id_of(manifest):
    metadata = manifest["metadata"]
    return (f"{CLUSTER}/{manifest['apiVersion']}/{manifest['kind']}/{metadata['namespace']}/"
            f"{metadata['name']}")


def answered(answer, status, physical_id, **others):
    """The whole answer but for what identifies the request, which checked() has compared."""
    rest = {name: value for name, value in answer.items()
            if name not in ("StackId", "RequestId", "LogicalResourceId")}
    assert rest == {"Status": status, "PhysicalResourceId": physical_id} | others


def test_create_applies_the_object_with_the_marks_of_its_owner(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    answer = provider.create(manifest)
    live = eks_cluster.admin.get(path_of(manifest))
    answered(answer, "SUCCESS", id_of(manifest), Data={
        "Name": "settings", "Namespace": provider.namespace, "Uid": live["metadata"]["uid"]})
    assert live["data"] == {"a": "1"}
    assert live["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "aphex",
                                          "aphex.dev/pipeline": "archon"}
    assert live["metadata"]["annotations"] == {"aphex.dev/owner": OWNER,
                                               "aphex.dev/resource": "Object"}
    assert [(entry["manager"], entry["operation"])
            for entry in live["metadata"]["managedFields"]] == [("aphex", "Apply")]


def test_update_writes_what_changed_and_nothing_else(provider, eks_cluster):
    manifest = config_map(provider.namespace, a="1", b="2")
    created = provider.create(manifest)
    before = eks_cluster.admin.get(path_of(manifest))
    assert provider.update(created["PhysicalResourceId"], manifest)["Status"] == "SUCCESS"
    assert eks_cluster.admin.get(path_of(manifest)) == before, "an unchanged object was written"
    assert "unchanged" in provider.events()
    changed = config_map(provider.namespace, a="3")
    answer = provider.update(created["PhysicalResourceId"], changed, old=manifest)
    live = eks_cluster.admin.get(path_of(manifest))
    answered(answer, "SUCCESS", id_of(manifest), Data=created["Data"])
    assert live["data"] == {"a": "3"}
    assert live["metadata"]["uid"] == before["metadata"]["uid"]
    assert "changed" in provider.events()
