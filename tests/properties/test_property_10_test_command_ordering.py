from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines_on_clusters


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
def test_property_10_test_command_ordering(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 10: Test command ordering

    For any environment with test commands, the test stage should execute commands in the same
    order as specified in the configuration.

    Validates: Requirements 5.2
    """
    stages = {task["name"]: plan
              for task, _template, plan in generate(configuration).stages()}
    for environment in configuration["environments"]:
        commands = environment.get("tests", {}).get("commands", [])
        if not commands:
            continue
        (stage,) = stages["test-" + environment["name"]]["stages"]
        assert [step["kind"] for step in stage["steps"]] == (
            ["download-artifacts", "provide-outputs"] + ["run-command"] * len(commands))
        run = [step for step in stage["steps"] if step["kind"] == "run-command"]
        assert [step["command"] for step in run] == commands
        assert {step["environment"] for step in run} == {environment["name"]}
