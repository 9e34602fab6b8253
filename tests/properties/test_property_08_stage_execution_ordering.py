from hypothesis import HealthCheck, example, given, settings
from pipeline_strategies import pipelines_on_clusters
from strategies import pipeline_at_scale


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
@example(configuration=pipeline_at_scale())
def test_property_8_stage_execution_ordering(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 8: Stage execution ordering

    For any configuration with one or more environments, the WorkflowTemplate stages should
    appear in order: validation, build, pipeline deployment, then for each environment in
    config order: deploy, test (if defined).

    Validates: Requirements 4.3, 4.4
    """
    made = generate(configuration)
    expected = ["validate", "build", "pipeline"]
    for environment in configuration["environments"]:
        if "approval" in environment:
            expected += ["approve-" + environment["name"], "gate-" + environment["name"]]
        expected.append("deploy-" + environment["name"])
        if environment.get("tests", {}).get("commands"):
            expected.append("test-" + environment["name"])
    tasks = made.tasks()
    assert [task["name"] for task in tasks] == expected
    # A chain: each waits for the one before it, and for that alone.
    assert "depends" not in tasks[0]
    assert [task["depends"] for task in tasks[1:]] == [f"{name}.Succeeded"
                                                      for name in expected[:-1]]
    assert all("dependencies" not in task for task in tasks)
