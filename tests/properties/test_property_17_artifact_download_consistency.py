from argo_generator import variables
from hypothesis import HealthCheck, example, given, settings
from pipeline_strategies import pipelines_on_clusters
from strategies import pipeline_at_scale


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
@example(configuration=pipeline_at_scale())
def test_property_17_artifact_download_consistency(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 17: Artifact download consistency

    For any deployment stage, the artifact download step should use the same commit SHA
    parameter as the build stage upload.

    Validates: Requirements 8.4
    """
    made = generate(configuration)
    stages = {task["name"]: (template, plan) for task, template, plan in made.stages()}
    build = variables(stages["build"][0]["container"])
    for name, (template, plan) in stages.items():
        if not name.startswith(("deploy-", "test-")):
            continue
        assert plan["stages"][0]["steps"][0]["kind"] == "download-artifacts"
        seen = variables(template["container"])
        assert seen["APHEX_ARTIFACTS"] == build["APHEX_ARTIFACTS"]
        assert seen["APHEX_COMMIT_SHA"] == build["APHEX_COMMIT_SHA"]
        assert plan["pipeline"]["artifactStore"] == (
            stages["build"][1]["pipeline"]["artifactStore"])
