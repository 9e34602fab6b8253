"""Create, Update and Delete by the real process on a real API server, each with the whole answer
that CloudFormation gets."""

import base64
import hashlib
import json

import planted
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
    assert live["metadata"]["annotations"] == {
        "aphex.dev/owner": OWNER, "aphex.dev/resource": "Object",
        "aphex.dev/manifest": hashlib.sha256(json.dumps(manifest).encode()).hexdigest()}
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


def test_a_changed_name_replaces_the_object(provider, eks_cluster):
    old, new = config_map(provider.namespace), config_map(provider.namespace, "renamed")
    created = provider.create(old)
    answer = provider.update(created["PhysicalResourceId"], new, old=old)
    uid = eks_cluster.admin.get(path_of(new))["metadata"]["uid"]
    answered(answer, "SUCCESS", id_of(new), Data={
        "Name": "renamed", "Namespace": provider.namespace, "Uid": uid})
    assert eks_cluster.admin.exists(path_of(old)), "CloudFormation asks for that delete itself"
    removed = provider.delete(created["PhysicalResourceId"], Manifest=json.dumps(old))
    answered(removed, "SUCCESS", id_of(old))
    assert not eks_cluster.admin.exists(path_of(old))
    assert eks_cluster.admin.exists(path_of(new))


def test_delete_removes_the_object_and_a_second_one_finds_it_gone(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    physical_id = provider.create(manifest)["PhysicalResourceId"]
    answered(provider.delete(physical_id, Manifest=json.dumps(manifest)), "SUCCESS", physical_id)
    assert not eks_cluster.admin.exists(path_of(manifest))
    answered(provider.delete(physical_id, Manifest=json.dumps(manifest)), "SUCCESS", physical_id)
    assert provider.events()[-3:] == ["nothing to delete", "answered", "end"]


def test_delete_waits_for_finalizers(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    manifest["metadata"]["finalizers"] = ["example.com/wait"]
    physical_id = provider.create(manifest)["PhysicalResourceId"]
    stuck = provider.delete(physical_id, options={"seconds": 10})
    answered(stuck, "FAILED", physical_id, Reason=(
        f"ConfigMap {provider.namespace}/settings in cluster {CLUSTER} is marked as deleted, but "
        "still there: its finalizers are not done: example.com/wait; ConfigMap "
        f"{provider.namespace}/settings in cluster {CLUSTER} may still be there: mend this and "
        "delete the stack again, or delete the object yourself and let CloudFormation retain the "
        "resource"))
    eks_cluster.admin.patch(path_of(manifest), {"metadata": {"finalizers": None}})
    answered(provider.delete(physical_id), "SUCCESS", physical_id)


def test_delete_leaves_alone_what_another_one_owns(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    eks_cluster.admin.apply(manifest, manager="helm")
    answered(provider.delete(id_of(manifest)), "SUCCESS", id_of(manifest), Reason=(
        f"ConfigMap {provider.namespace}/settings in cluster {CLUSTER} was left alone: it is "
        "managed by helm"))
    assert eks_cluster.admin.exists(path_of(manifest))


def test_create_takes_no_object_over(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    eks_cluster.admin.apply(manifest, manager="helm")
    before = eks_cluster.admin.get(path_of(manifest))
    answer = provider.create(config_map(provider.namespace, a="2"), Force="true")
    answered(answer, "FAILED", f"aphex:nothing-created:{answer['RequestId']}", Reason=(
        f"ConfigMap {provider.namespace}/settings in cluster {CLUSTER} exists and is managed by "
        f"helm; {OWNER} does not take it over; delete it, choose another name, or annotate it "
        f"with aphex.dev/owner={OWNER}"))
    assert eks_cluster.admin.get(path_of(manifest)) == before
    rolled_back = provider.delete(answer["PhysicalResourceId"])
    answered(rolled_back, "SUCCESS", answer["PhysicalResourceId"])
    assert eks_cluster.admin.exists(path_of(manifest))


def test_another_managers_field_is_a_conflict_unless_it_is_forced(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    physical_id = provider.create(manifest)["PhysicalResourceId"]
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifest["metadata"],
              "data": {"a": "theirs"}}
    eks_cluster.admin.apply(theirs, manager="argo-cd", force=True)
    changed = config_map(provider.namespace, a="2")
    refused = provider.update(physical_id, changed, old=manifest)
    answered(refused, "FAILED", physical_id, Reason=(
        f"cannot apply ConfigMap {provider.namespace}/settings in cluster {CLUSTER}: HTTP 409 "
        "Conflict: 'argo-cd' manages .data.a; take these fields out of what argo-cd applies, or "
        "out of this object; or apply by force, which takes them over (the property Force: "
        '"true")'))
    # The rollback of that: the object is as it was applied, and theirs stays.
    rolled_back = provider.update(physical_id, manifest, old=changed)
    assert rolled_back["Status"] == "SUCCESS"
    assert eks_cluster.admin.get(path_of(manifest))["data"] == {"a": "theirs"}
    forced = provider.update(physical_id, changed, Force="true")
    assert forced["Status"] == "SUCCESS"
    assert eks_cluster.admin.get(path_of(manifest))["data"] == {"a": "2"}


def test_a_refused_update_of_a_secret_is_rolled_back(provider, aws, eks_cluster):
    arn = aws.secret(TOKEN)
    values = [{"Key": "token", "Secret": arn}]
    manifest = secret(provider.namespace)
    physical_id = provider.create(manifest, SecretValues=values)["PhysicalResourceId"]
    eks_cluster.admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": manifest["metadata"],
                             "data": {"token": "dGhlaXJz"}}, manager="argo-cd", force=True)
    changed = manifest | {"metadata": manifest["metadata"] | {"labels": {"a": "2"}}}
    refused = provider.update(physical_id, changed, old=manifest, SecretValues=values)
    assert refused["Status"] == "FAILED"
    assert "'argo-cd' manages .data.token" in refused["Reason"]
    rolled_back = provider.update(physical_id, manifest, old=changed, SecretValues=values)
    assert rolled_back["Status"] == "SUCCESS"
    live = eks_cluster.admin.get(path_of(manifest))
    assert live["data"] == {"token": "dGhlaXJz"}
    # The value is no part of what is noted of it.
    noted = live["metadata"]["annotations"]["aphex.dev/manifest"]
    assert noted == hashlib.sha256(f"{json.dumps(manifest)}\ntoken={arn}#".encode()).hexdigest()


def test_a_missing_right_is_named(provider, eks_cluster):
    manifest = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "disk", "namespace": provider.namespace}}
    answer = provider.create(manifest, options={"seconds": 8})
    user = "arn:aws:sts::111122223333:assumed-role/KubectlRole/aphex-provider"
    answered(answer, "FAILED", f"aphex:nothing-created:{answer['RequestId']}", Reason=(
        f"cannot read PersistentVolumeClaim {provider.namespace}/disk in cluster {CLUSTER}: HTTP "
        f'403 Forbidden: persistentvolumeclaims "disk" is forbidden: User "{user}" cannot get '
        f'resource "persistentvolumeclaims" in API group "" in the namespace '
        f'"{provider.namespace}"; grant user {user} the verb get on persistentvolumeclaims in '
        f"namespace {provider.namespace} by a Role or ClusterRole"))


def test_a_right_that_comes_a_moment_later_is_waited_for(provider, eks_cluster):
    manifest = {"apiVersion": "v1", "kind": "LimitRange",
                "metadata": {"name": "limits", "namespace": provider.namespace}}
    event = provider.runtime.event("Create", provider.properties(manifest))
    provider.runtime.invoke(event)
    provider.function.wait_for("tried again")
    rules = [{"apiGroups": [""], "resources": ["limitranges"], "verbs": ["get", "create", "patch"]}]
    eks_cluster.bind("aphex:provider", rules, provider.namespace, group=True)
    assert provider.runtime.answer(event)["Status"] == "SUCCESS"


def test_rights_that_nobody_gave_it_are_not_given_on(provider, eks_cluster):
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "Role",
            "metadata": {"name": "workflow", "namespace": provider.namespace},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}]}
    eks_cluster.bind("aphex:provider", [{"apiGroups": [group], "resources": ["roles"],
                                         "verbs": ["get", "create", "patch"]}],
                     provider.namespace, group=True)
    reason = provider.create(role, options={"seconds": 8})["Reason"]
    assert "HTTP 403 Forbidden: " in reason
    assert "is attempting to grant RBAC permissions not currently held" in reason
    assert reason.endswith(
        "; the IAM role arn:aws:iam::111122223333:role/KubectlRole may only grant rights that it "
        "has itself: bind it to a role that holds them, or grant it the verb escalate on roles")
    eks_cluster.bind("aphex:provider", role["rules"], provider.namespace, group=True)
    assert provider.create(role)["Status"] == "SUCCESS"


def test_a_wrong_manifest_is_refused_with_every_reason(provider):
    wrong = {"apiVersion": "v1", "kind": "config", "metadata": {"name": "A_b"}}
    answer = provider.create(wrong, WaitFor="LoadBalancer")
    answered(answer, "FAILED", f"aphex:nothing-created:{answer['RequestId']}", Reason=(
        "3 problems with the manifest in Object: kind 'config' is not one that Kubernetes accepts; "
        "metadata.name 'A_b' is not one that Kubernetes accepts (RFC 1123: lower-case letters, "
        "digits, - and .; at most 253); WaitFor LoadBalancer fits a Service or an Ingress, not a "
        "config"))
    assert provider.create("{")["Reason"].startswith(
        "a problem with the manifest in Object: it is no JSON: not valid JSON: line 1, column 2")


def test_what_the_clusters_schema_does_not_know_is_refused_by_it(provider):
    answer = provider.create(config_map(provider.namespace) | {"dta": {"a": "1"}})
    answered(answer, "FAILED", f"aphex:nothing-created:{answer['RequestId']}", Reason=(
        f"cannot apply ConfigMap {provider.namespace}/settings in cluster {CLUSTER}: HTTP 500: it "
        "does not fit the schema of its kind: .dta: field not declared in schema; 'kubectl explain "
        "configmap --recursive' shows the fields"))


def test_a_kind_that_the_cluster_lacks_is_named(provider):
    manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
                "metadata": {"name": "a", "namespace": provider.namespace}}
    assert provider.create(manifest)["Reason"] == (
        f"cannot read Rollout {provider.namespace}/a in cluster {CLUSTER}: cluster {CLUSTER} has "
        "no kind Rollout of argoproj.io/v1alpha1 (HTTP 200); install Argo Workflows in the cluster")


def test_a_missing_namespace_is_named(provider, eks_cluster):
    eks_cluster.bind("aphex:provider", [{"apiGroups": [""], "resources": ["configmaps"],
                                         "verbs": ["get", "create", "patch"]}], group=True)
    answer = provider.create(config_map("nowhere"))
    answered(answer, "FAILED", f"aphex:nothing-created:{answer['RequestId']}", Reason=(
        f"cannot apply ConfigMap nowhere/settings in cluster {CLUSTER}: HTTP 404 NotFound: "
        'namespaces "nowhere" not found; create the namespace nowhere first'))


def test_a_load_balancer_is_waited_for(provider, eks_cluster):
    manifest = service(provider.namespace)
    event = provider.runtime.event("Create", provider.properties(manifest, WaitFor="LoadBalancer"))
    provider.runtime.invoke(event)
    provider.function.wait_for("created")
    eks_cluster.admin.patch_status(path_of(manifest), {
        "loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}})
    answer = provider.runtime.answer(event)
    uid = eks_cluster.admin.get(path_of(manifest))["metadata"]["uid"]
    answered(answer, "SUCCESS", id_of(manifest), Data={
        "Name": "hook", "Namespace": provider.namespace, "Uid": uid, "Hostname": "lb.example.com"})


def test_a_load_balancer_that_does_not_come_is_answered_in_time(provider, eks_cluster):
    manifest = service(provider.namespace)
    answer = provider.create(manifest, WaitFor="LoadBalancer", options={"seconds": 10})
    assert answer["Reason"].startswith("timed out after ")
    assert answer["Reason"].endswith(
        f" s while waiting for the load balancer of Service {provider.namespace}/hook in cluster "
        f"{CLUSTER}; 'kubectl -n {provider.namespace} describe service hook' shows why it has no "
        "address")
    assert answer["PhysicalResourceId"] == id_of(manifest), "so that the rollback deletes it"
    assert provider.delete(answer["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert not eks_cluster.admin.exists(path_of(manifest))


def test_a_server_that_does_not_answer_is_a_time_out(provider, eks_cluster):
    manifest = config_map(provider.namespace)
    physical_id = provider.create(manifest)["PhysicalResourceId"]
    with eks_cluster.pause():
        answer = provider.update(physical_id, manifest, options={"seconds": 8})
    answered(answer, "FAILED", physical_id, Reason=(
        f"timed out after 6.0 s while reading ConfigMap {provider.namespace}/settings in cluster "
        f"{CLUSTER}; the object may have been written; deploy again"))
    assert provider.update(physical_id, manifest)["Status"] == "SUCCESS", "it still works"


def test_a_template_of_1_mb_comes_from_an_asset(provider, aws, eks_cluster):
    template = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
                "metadata": {"name": "build", "namespace": provider.namespace},
                "spec": {"entrypoint": "main", "templates": [{"name": "main", "script": {
                    "image": "busybox", "command": ["sh"], "source": "x" * (1 << 20)}}]}}
    answer = provider.create(**aws.asset(json.dumps(template)))
    live = eks_cluster.admin.get(f"/apis/argoproj.io/v1alpha1/namespaces/{provider.namespace}/"
                                 "workflowtemplates/build")
    answered(answer, "SUCCESS",
             f"{CLUSTER}/argoproj.io/v1alpha1/WorkflowTemplate/{provider.namespace}/build",
             Data={"Name": "build", "Namespace": provider.namespace,
                   "Uid": live["metadata"]["uid"]})
    assert live["spec"] == template["spec"]


def test_a_template_that_no_cluster_stores_is_refused(provider, aws):
    manifest = json.dumps(config_map(provider.namespace, a="x" * 1_600_000))
    assert provider.create(**aws.asset(manifest))["Reason"] == (
        f"a problem with the manifest in Object: it has {len(manifest)} bytes; a cluster stores at "
        "most 1572864")


def test_an_asset_must_be_the_one_that_the_template_names(provider, aws):
    asset = aws.asset(json.dumps(config_map(provider.namespace)))
    other = aws.asset("{}")
    place = f"s3://{asset['ManifestBucket']}/{other['ManifestKey']}"
    assert provider.create(**(asset | {"ManifestKey": other["ManifestKey"]}))["Reason"] == (
        f"{place} has the SHA-256 {other['ManifestSha256']} instead of {asset['ManifestSha256']}; "
        "publish the assets again: cdk deploy --force")
    missing = provider.create(**(asset | {"ManifestKey": "gone"}))["Reason"]
    assert missing.startswith(f"S3 GetObject s3://{asset['ManifestBucket']}/gone: NoSuchKey")


def test_every_character_arrives_as_it_was_written(provider, eks_cluster):
    odd = "tab\t nul-like\u0001 del\x7f nel\x85 ls\u2028 ps\u2029 bom\ufeff 🚀 ü \\ \" ' %{} \r\n"
    manifest = config_map(provider.namespace, text=odd, empty="", number="1e5", boolean="y")
    assert provider.create(manifest)["Status"] == "SUCCESS"
    assert eks_cluster.admin.get(path_of(manifest))["data"] == manifest["data"]


# --- secrets -------------------------------------------------------------------------------------

TOKEN = planted.secret("GitHub token", "ghp_the-token-of-the-tests-0123456789")


def nowhere(provider, value):
    """No log line and no answer has the value, plain or encoded."""
    said = "\n".join([provider.function.text, *provider.answers])
    assert value not in said
    assert base64.b64encode(value.encode()).decode() not in said


def test_a_secret_comes_by_reference_and_is_said_nowhere(provider, aws, eks_cluster):
    manifest = secret(provider.namespace)
    values = [{"Key": "token", "Secret": aws.secret(TOKEN)},
              {"Key": "hook", "Secret": aws.secret(json.dumps({"key": "hook-" + TOKEN})),
               "JsonKey": "key"}]
    answer = provider.create(manifest, SecretValues=values)
    live = eks_cluster.admin.get(path_of(manifest))
    answered(answer, "SUCCESS", id_of(manifest), Data={
        "Name": "token", "Namespace": provider.namespace, "Uid": live["metadata"]["uid"]})
    assert decoded(live, "token") == TOKEN
    assert decoded(live, "hook") == "hook-" + TOKEN
    nowhere(provider, TOKEN)


def test_an_update_brings_the_rotated_secret(provider, aws, eks_cluster):
    manifest = secret(provider.namespace)
    arn = aws.secret(TOKEN)
    values = [{"Key": "token", "Secret": arn}]
    physical_id = provider.create(manifest, SecretValues=values)["PhysicalResourceId"]
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="new-" + TOKEN)
    assert provider.update(physical_id, manifest, SecretValues=values)["Status"] == "SUCCESS"
    assert decoded(eks_cluster.admin.get(path_of(manifest)), "token") == "new-" + TOKEN
    nowhere(provider, TOKEN)


def test_a_secret_of_bytes_and_one_of_another_region(provider, aws, eks_cluster):
    manifest = secret(provider.namespace)
    binary = aws.secret("ü\0bytes".encode())
    elsewhere = aws.secret(TOKEN, region="eu-west-1")
    assert ":eu-west-1:" in elsewhere
    answer = provider.create(manifest, SecretValues=[{"Key": "b", "Secret": binary},
                                                     {"Key": "e", "Secret": elsewhere}])
    assert answer["Status"] == "SUCCESS", answer
    live = eks_cluster.admin.get(path_of(manifest))
    assert (decoded(live, "b"), decoded(live, "e")) == ("ü\0bytes", TOKEN)


@pytest.mark.parametrize("text, json_key, reason", [
    (TOKEN, "key", "secret {} is no JSON object, so it has no key; leave JsonKey out, or store "
                   '{{"key": …}}'),
    (json.dumps({"other": TOKEN}), "key",
     "secret {} has no member key that is a string; correct JsonKey, or the secret"),
], ids=["no JSON", "no such member"])
def test_a_secret_of_another_form_is_refused_without_its_value(provider, aws, text, json_key,
                                                               reason):
    arn = aws.secret(text)
    answer = provider.create(secret(provider.namespace), SecretValues=[
        {"Key": "token", "Secret": arn, "JsonKey": json_key}])
    answered(answer, "FAILED", f"aphex:nothing-created:{answer['RequestId']}",
             Reason=reason.format(arn))
    nowhere(provider, TOKEN)


def test_a_secret_that_is_missing_is_named(provider):
    answer = provider.create(secret(provider.namespace), SecretValues=[
        {"Key": "token", "Secret": "no-such-secret"}])
    assert answer["Reason"] == (
        "Secrets Manager GetSecretValue no-such-secret: ResourceNotFoundException: Secrets Manager "
        "can't find the specified secret.")
    assert answer["PhysicalResourceId"] == f"aphex:nothing-created:{answer['RequestId']}"


# --- clusters and roles --------------------------------------------------------------------------

def test_without_a_role_of_its_own_it_is_the_functions_role(provider, eks_cluster):
    arn = "arn:aws:iam::111122223333:role/ProviderRole"
    manifest = config_map(provider.namespace)
    stranger = provider.create(manifest, RoleArn=None, options={"seconds": 8})
    assert stranger["Reason"] == (
        f"cannot find kind ConfigMap of v1 in cluster {CLUSTER}: HTTP 401 Unauthorized: the "
        "cluster does not accept the token of the function's own IAM role; give it an access "
        f"entry: aws eks create-access-entry --cluster-name {CLUSTER} --principal-arn <its ARN> "
        "--kubernetes-groups …")
    eks_cluster.eks.grant(arn, groups=["aphex:provider"])
    try:
        assert provider.create(manifest, RoleArn=None)["Status"] == "SUCCESS"
    finally:
        eks_cluster.eks.revoke(arn)
    user = "arn:aws:sts::111122223333:assumed-role/ProviderRole/provider"
    assert [entry["verb"] for entry in eks_cluster.requests(user)
            if provider.namespace in entry["uri"]] == ["get", "patch"]


def test_requests_are_made_as_the_kubectl_role(provider, eks_cluster):
    provider.create(config_map(provider.namespace))
    user = "arn:aws:sts::111122223333:assumed-role/KubectlRole/aphex-provider"
    requests = [(entry["verb"], entry["code"]) for entry in eks_cluster.requests(user)
                if provider.namespace in entry["uri"]]
    assert requests == [("get", 404), ("patch", 201)]


def test_a_cluster_that_is_not_there_fails_a_create_and_ends_a_delete(provider):
    manifest = config_map(provider.namespace)
    created = provider.create(manifest, ClusterName="gone")
    assert created["Reason"].startswith(
        "EKS DescribeCluster gone: ResourceNotFoundException: No cluster found for name: gone")
    physical_id = id_of(manifest).replace(CLUSTER, "gone")
    removed = provider.delete(physical_id, ClusterName="gone")
    answered(removed, "SUCCESS", physical_id)


def test_a_cluster_that_cannot_be_reached(provider, aws, eks_cluster):
    aws.register("unreachable", "https://127.0.0.1:9", eks_cluster.ca_data)
    answer = provider.create(config_map(provider.namespace), ClusterName="unreachable")
    assert answer["Reason"].startswith(
        "cannot find kind ConfigMap of v1 in cluster unreachable: no whole answer from "
        "https://127.0.0.1:9: ")
    assert answer["Reason"].endswith(
        "; check that the cluster's endpoint can be reached from here: its public access, or the "
        "network that this runs in")
    assert answer["PhysicalResourceId"] == f"aphex:nothing-created:{answer['RequestId']}"


def test_a_cluster_with_another_authority_is_not_trusted(provider, aws, eks_cluster, other_ca):
    aws.register("impostor", eks_cluster.endpoint, other_ca)
    answer = provider.create(config_map(provider.namespace), ClusterName="impostor")
    assert "no trusted connection to https://127.0.0.1:" in answer["Reason"]
    assert answer["Reason"].endswith(
        "; the server's certificate is not of the authority that was named for it")
