from argo_generator import variables
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines_on_clusters


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
def test_property_13_stack_output_capture(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 13: Stack output capture

    For any deployment stage, the stage should include steps to capture and store
    CloudFormation stack outputs.

    Validates: Requirements 6.4
    """
    made = generate(configuration)
    stages = {task["name"]: (template, plan) for task, template, plan in made.stages()}
    for environment in configuration["environments"]:
        template, plan = stages["deploy-" + environment["name"]]
        steps = plan["stages"][0]["steps"]
        kinds = [step["kind"] for step in steps]
        assert kinds.count("capture-outputs") == 1
        assert kinds.index("capture-outputs") == kinds.index("deploy-stacks") + 1
        assert steps[kinds.index("capture-outputs")]["environment"] == environment["name"]
        # Where they are stored: beside the commit's artifacts, where the test stage finds them.
        stored = variables(template["container"])["APHEX_ARTIFACTS"]
        store = plan["pipeline"]["artifactStore"]
        assert stored == f"{store}/{{{{workflow.parameters.commitSha}}}}"
        if "test-" + environment["name"] in stages:
            tests, test_plan = stages["test-" + environment["name"]]
            assert variables(tests["container"])["APHEX_ARTIFACTS"] == stored
            assert "provide-outputs" in [step["kind"] for step in test_plan["stages"][0]["steps"]]
