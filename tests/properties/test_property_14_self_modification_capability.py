import json

from argo_generator import artifact, variables
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines_on_clusters


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
def test_property_14_self_modification_capability(generate, regenerate, repository,
                                                  configuration):
    """
    Feature: deployment-automation-construct, Property 14: Self-modification capability

    For any pipeline deployment stage, it should include steps to regenerate the
    WorkflowTemplate from configuration and apply it to the cluster, with proper failure
    handling.

    Validates: Requirements 7.2, 7.3, 7.5

    `made` is what the built program prints. What is made again comes from argo_probe, a program of
    the same library: `aphex` itself does so in the stage `pipeline` alone, which clones a commit
    and needs an API server and AWS, seconds for each of the hundred examples. With the built
    program tests/stage/test_self_modification.py does it for a few.
    """
    made = generate(configuration)
    tasks = made.tasks()
    template = made.templates()["pipeline"]
    (stage,) = json.loads(artifact(template, "plan"))["stages"]
    assert [step["kind"] for step in stage["steps"]] == ["update-pipeline"]

    # It has what the objects are made from: the same settings make the same objects again.
    settings_of_run = json.loads(artifact(template, "settings"))
    again = regenerate(configuration, settings_of_run, repository.name)
    assert again.objects == made.objects
    # And the digest of the plan that it runs under, to see whether the commit's differs.
    assert variables(template["container"])["APHEX_PLAN_DIGEST"] == made.digest
    assert made.workflow_template["metadata"]["annotations"]["aphex.dev/plan-digest"] == made.digest

    # It may change its own templates and no other object, with the one token that a stage gets.
    assert template["automountServiceAccountToken"] is True
    assert made.workflow_template["spec"]["automountServiceAccountToken"] is False
    assert [name for name, item in made.templates().items()
            if item.get("automountServiceAccountToken")] == ["pipeline"]
    account = made.workflow_template["spec"]["serviceAccountName"]
    rules = made.one("Role", account)["rules"]
    own = {item["metadata"]["name"] for item in made.all("WorkflowTemplate")}
    (update,) = [rule for rule in rules if rule["resources"] == ["workflowtemplates"]]
    assert update["verbs"] == ["get", "patch"]
    assert set(update["resourceNames"]) == own

    # Where it fails, nothing after it runs; where it has handed over, the rest is skipped.
    after = tasks[[task["name"] for task in tasks].index("pipeline") + 1]
    assert after["depends"] == "pipeline.Succeeded"
    assert after["when"] == "'{{tasks.pipeline.outputs.parameters.outcome}}' == 'continue'"
    (output,) = template["outputs"]["parameters"]
    assert output["name"] == "outcome"
    assert output["valueFrom"]["default"] == "failed"
