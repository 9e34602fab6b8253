from argo_generator import variables
from assembly import synthesize
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines_on_clusters, to_yaml


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
def test_property_15_artifact_organization(aphex, repository, generate, configuration):
    """
    Feature: deployment-automation-construct, Property 15: Artifact organization

    For any build stage, artifact upload steps should use S3 keys that include the commit SHA
    parameter.

    Validates: Requirements 8.2
    """
    made = generate(configuration)
    stages = {task["name"]: (template, plan) for task, template, plan in made.stages()}
    template, plan = stages["build"]
    (stage,) = plan["stages"]
    assert [step["kind"] for step in stage["steps"]].count("upload-artifacts") == 1
    assert stage["steps"][-1]["kind"] == "upload-artifacts"
    seen = variables(template["container"])
    # The pipeline's own bucket, unless the configuration names another place.
    chosen = configuration["pipeline"]
    bucket = synthesize(aphex, repository, to_yaml(configuration)).bucket["Properties"]
    store = chosen.get("artifactStore", f"s3://{bucket['BucketName']}")
    assert plan["pipeline"]["artifactStore"] == store
    assert seen["APHEX_ARTIFACTS"] == f"{store}/{{{{workflow.parameters.commitSha}}}}"
    assert seen["APHEX_COMMIT_SHA"] == "{{workflow.parameters.commitSha}}"
