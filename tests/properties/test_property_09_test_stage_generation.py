from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines_on_clusters


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
def test_property_9_test_stage_generation(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 9: Test stage generation

    For any environment configuration, a test stage should exist immediately after the
    deployment stage if and only if the environment defines test commands.

    Validates: Requirements 5.1
    """
    names = [task["name"] for task in generate(configuration).tasks()]
    for environment in configuration["environments"]:
        deploy = names.index("deploy-" + environment["name"])
        test = "test-" + environment["name"]
        if environment.get("tests", {}).get("commands"):
            assert names[deploy + 1] == test
            assert names.count(test) == 1
        else:
            assert test not in names
