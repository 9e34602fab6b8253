"""A stage that asks, and the one behind the gate: what they leave, and what lets them pass."""

import hashlib
import json
import subprocess

import granting
import pytest
from application import environment
from program import BINARY, SECONDS

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"


def decided(decision="approved", digest="none", people="grace"):
    return {"APHEX_APPROVAL_DECISION": decision, "APHEX_APPROVAL_DIGEST": digest,
            "APHEX_APPROVAL_PEOPLE": people}


def left(ended, name):
    return (ended.volume / "work" / name).read_text(encoding="utf-8")


def test_a_deployment_passes_with_the_digest_of_what_was_shown_alone(pipeline, application, aws):
    application.configure(environment(approval={"approvers": ["grace"]}))
    workflow = pipeline.workflow(application.commit())
    assert workflow.run("build").code == 0

    asked = workflow.run("approve-dev")

    assert asked.code == 0, asked.err
    digest = left(asked, "changes-digest")
    assert left(asked, "changes-summary") == "1 stack is new"
    assert "Api  is new" in left(asked, "changes-text")
    assert f"'aphex approve --workflow {workflow.name} --namespace" in json.dumps(asked.records)
    commit = workflow.parameters["commitSha"]
    key = f"{commit}/changes/dev-{digest}.json"
    assert key in aws.keys(pipeline.bucket)

    # Argo left the parameters as they stand; the time was up; somebody said something else.
    for variables, words in [
            ({}, "the deployment to dev was not approved: {{inputs.parameters.decision}}"),
            (decided("expired", people="nobody"), "nobody decided in time, or the gate was resumed "
                                                  "by other means than 'aphex approve'"),
            (decided("maybe", digest), "the deployment to dev was not approved: maybe by grace")]:
        refused = workflow.run("deploy-dev", **variables)
        assert refused.code == 1
        assert words in refused.err
        assert "argo resubmit" in refused.err
    # A digest of nothing that was kept.
    unknown = workflow.run("deploy-dev", **decided(digest="0" * 64))
    assert unknown.code == 1
    assert application.calls == ["synth dev"]

    deployed = workflow.run("deploy-dev", **decided(digest=digest))
    assert deployed.code == 0, deployed.err
    assert application.calls == ["synth dev", "deploy Api dev"]


def test_what_lies_in_the_bucket_is_not_taken_for_what_was_approved(pipeline, application, aws):
    application.configure(environment(approval={}))
    workflow = pipeline.workflow(application.commit())
    assert workflow.run("build").code == 0
    digest = left(workflow.run("approve-dev"), "changes-digest")
    commit = workflow.parameters["commitSha"]
    key = f"{commit}/changes/dev-{digest}.json"
    s3 = aws.client("s3")
    record = json.loads(s3.get_object(Bucket=pipeline.bucket, Key=key)["Body"].read())
    record["stacks"][0]["after"] = "0" * 64
    body = json.dumps(record).encode()

    # Put there by hand, and put there as this program would.
    for metadata, words in [
            ({}, "object has no SHA-256 in its metadata"),
            ({"sha256": hashlib.sha256(body).hexdigest()},
             "the record of what would change in dev is not what was approved")]:
        s3.put_object(Bucket=pipeline.bucket, Key=key, Body=body, Metadata=metadata)
        forged = workflow.run("deploy-dev", **decided(digest=digest))
        assert forged.code == 1
        assert words in forged.err
    assert application.calls == ["synth dev"]


@pytest.fixture
def broadened(pipeline, application, surroundings, sandbox):
    """The commit's role may do more than the deployed one."""
    application.stacks({"name": granting.STACK, "resources": granting.BROAD})
    application.configure(environment(approval={"approvers": ["grace"]}))
    with granting.deployed(sandbox):
        yield


# As a terminal shows it, where nothing else stands before the mark.
GRANTED = ("    ! + allows AWS:${Worker} s3:* on *  [any action of a service, any resource]\n"
           "      - allows AWS:${Worker} s3:GetObject on arn:aws:s3:::transcripts/*\n")


def test_what_would_grant_more_is_marked_in_what_the_stage_leaves(pipeline, application, broadened):
    workflow = pipeline.workflow(application.commit())
    assert workflow.run("build").code == 0

    asked = workflow.run("approve-dev")

    assert asked.code == 0, asked.err
    assert left(asked, "changes-summary") == "1 stack changes; grants more than before"
    text = left(asked, "changes-text")
    assert "  Api  changes\n" + GRANTED in text
    assert text.endswith("  ! grants more than before\n")


def gate_of(workflow, asked):
    """The Workflow as Argo's controller has it while the gate waits: what the stage left is the
    outputs of its node, and the gate's inputs as its template and task say."""
    outputs = [{"name": each["name"],
                "value": left(asked, each["valueFrom"]["path"].rsplit("/", 1)[1])}
               for each in workflow.template("approve-dev")["outputs"]["parameters"]]
    [(_, gate)] = workflow.generated.gates()
    given = {each["name"]: each["value"] for each in outputs}
    inputs = [{"name": each["name"], "value": each.get("value", given.get(each["name"]))}
              for each in gate["inputs"]["parameters"]]
    nodes = [{"displayName": "approve-dev", "type": "Pod", "phase": "Succeeded",
              "outputs": {"parameters": outputs}},
             {"displayName": "gate-dev", "type": "Suspend", "phase": "Running",
              "startedAt": "2026-01-31T08:15:30Z", "inputs": {"parameters": inputs},
              "outputs": gate["outputs"]}]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": workflow.name, "namespace": workflow.namespace},
            "spec": {"suspend": True, "arguments": {"parameters": [
                {"name": name, "value": value} for name, value in workflow.parameters.items()]}},
            "status": {"phase": "Running", "nodes": {
                node["displayName"]: {"id": node["displayName"], "name": node["displayName"],
                                      "templateName": node["displayName"], **node}
                for node in nodes}}}


def test_what_would_grant_more_is_shown_to_who_decides_on_a_cluster(
        pipeline, application, broadened, on_cluster, surroundings):
    on_cluster.install(on_cluster.generate())
    workflow = on_cluster.workflow(application.commit())
    assert workflow.run("build").code == 0
    asked = workflow.run("approve-dev")
    assert asked.code == 0, asked.err
    api = on_cluster.cluster.admin
    api.create(WORKFLOWS.format(workflow.namespace), gate_of(workflow, asked))
    on_cluster.cluster.bind("grace", [{"apiGroups": ["argoproj.io"], "resources": ["workflows"],
                                       "verbs": ["get", "patch"]}], workflow.namespace)
    kubeconfig = on_cluster.write_kubeconfig(on_cluster.cluster.user_token("grace"))

    def approve(*arguments):
        return subprocess.run(
            [BINARY, "approve", "--workflow", workflow.name, "--namespace", workflow.namespace,
             *arguments], env={**surroundings, "KUBECONFIG": str(kubeconfig)}, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)

    shown = approve("--show")
    value = json.loads(approve("--show", "--format", "json").stdout)
    decided = approve("--yes")

    assert shown.returncode == 0, shown.stderr
    head, _, rest = shown.stdout.partition("\n\n")
    assert head == (f"workflow {workflow.namespace}/{workflow.name} by Ada <ada@example.com>: "
                    "1 stack changes; grants more than before")
    assert rest.startswith(left(asked, "changes-text")) and GRANTED in rest
    assert rest.endswith("waits for grace until 2026-02-01T08:15Z\n")
    assert value["text"] == left(asked, "changes-text") and GRANTED in value["text"]
    assert decided.returncode == 0, decided.stderr
    digest = left(asked, "changes-digest")
    stored = api.get(f"{WORKFLOWS.format(workflow.namespace)}/{workflow.name}")
    gate = stored["status"]["nodes"]["gate-dev"]
    assert (gate["phase"], {each["name"]: each["value"] for each in
                            gate["outputs"]["parameters"]}) == (
        "Succeeded", {"decision": "approved", "digest": digest, "people": "grace"})

    deployed = workflow.run("deploy-dev", **decided_by(gate))

    assert deployed.code == 0, deployed.err
    assert application.calls == ["synth dev", "deploy Api dev"]


def decided_by(gate):
    """What Argo hands on from the gate to the stage behind it."""
    values = {each["name"]: each["value"] for each in gate["outputs"]["parameters"]}
    return decided(values["decision"], values["digest"], values["people"])
