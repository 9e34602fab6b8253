from argo_generator import pipelines, variables
from hypothesis import HealthCheck, given, settings


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipeline=pipelines())
def test_property_15_artifact_organization(generate, pipeline):
    """
    Feature: deployment-automation-construct, Property 15: Artifact organization

    For any build stage, artifact upload steps should use S3 keys that include the commit SHA
    parameter.

    Validates: Requirements 8.2
    """
    configuration, chosen = pipeline
    made = generate(configuration, chosen)
    stages = {task["name"]: (template, plan) for task, template, plan in made.stages()}
    template, plan = stages["build"]
    (stage,) = plan["stages"]
    assert [step["kind"] for step in stage["steps"]].count("upload-artifacts") == 1
    assert stage["steps"][-1]["kind"] == "upload-artifacts"
    seen = variables(template["container"])
    bucket = chosen["artifactBucket"]
    assert plan["pipeline"]["artifactStore"] == f"s3://{bucket}"
    assert seen["APHEX_ARTIFACTS"] == f"s3://{bucket}/{{{{workflow.parameters.commitSha}}}}"
    assert seen["APHEX_COMMIT_SHA"] == "{{workflow.parameters.commitSha}}"
