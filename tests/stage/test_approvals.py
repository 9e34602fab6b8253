"""A stage that asks, and the one behind the gate: what they leave, and what lets them pass."""

import hashlib
import json

from application import environment


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
