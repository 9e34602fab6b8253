from hypothesis import HealthCheck, example, given, settings
from pipeline_strategies import pipelines_on_clusters
from strategies import pipeline_at_scale


def commands(plan, role):
    return [step["command"] for step in plan["stages"][0]["steps"]
            if step["kind"] == "run-command" and step["role"] == role]


def kinds(plan):
    return {step["kind"] for step in plan["stages"][0]["steps"]}


def is_within(part, whole):
    """`part` in the order of `whole`, with others between."""
    rest = iter(whole)
    return all(item in rest for item in part)


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
@example(configuration=pipeline_at_scale())
def test_property_6_workflowtemplate_stage_completeness(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 6: WorkflowTemplate stage completeness

    For any valid configuration, the generated WorkflowTemplate should contain all required
    stages (validation, build, pipeline deployment, environment deployments, environment tests)
    with all required steps in each stage.

    Validates: Requirements 2.2, 2.5, 4.1, 4.2, 4.5
    """
    made = generate(configuration)
    stages = {task["name"]: plan for task, _template, plan in made.stages()}
    environments = configuration["environments"]

    wanted = {"validate", "build", "pipeline"}
    wanted |= {"deploy-" + environment["name"] for environment in environments}
    asking = [environment["name"] for environment in environments if "approval" in environment]
    wanted |= {"approve-" + name for name in asking}
    assert [task["name"] for task, _template in made.gates()] == ["gate-" + name
                                                                  for name in asking]
    wanted |= {"test-" + environment["name"] for environment in environments
               if environment.get("tests", {}).get("commands")}
    assert set(stages) == wanted

    assert kinds(stages["validate"]) == {"clone", "check-configuration", "check-tools",
                                         "check-access", "check-app"}
    checked = [step["environment"] for step in stages["validate"]["stages"][0]["steps"]
               if step["kind"] == "check-access"]
    assert checked == [environment["name"] for environment in environments]

    assert {"find-artifacts", "run-command", "synthesize", "check-stacks",
            "upload-artifacts"} <= kinds(stages["build"])
    assert commands(stages["build"], "build") == configuration["build"]["commands"]
    # The repository is there before the first command: the pod's init container clones it.
    templates = made.templates()
    for name in ("validate", "build", "pipeline"):
        assert [item["args"] for item in templates[name]["initContainers"]] == [["stage",
                                                                                "--clone"]]
    assert kinds(stages["pipeline"]) == {"update-pipeline"}

    for environment in environments:
        plan = stages["deploy-" + environment["name"]]
        steps = [step["kind"] for step in plan["stages"][0]["steps"]]
        assert is_within(["download-artifacts", "check-access", "synthesize", "deploy-stacks",
                          "capture-outputs"], steps)
        # What the pod deploys are this environment's stacks with their dependencies, no other's.
        (own,) = plan["environments"]
        assert (own["name"], own["region"], own["account"]) == (
            environment["name"], environment["region"], environment["account"])
        assert [(stack["name"], stack["dependsOn"]) for stack in own["stacks"]] == [
            (stack["name"], stack.get("dependsOn", [])) for stack in environment["stacks"]]
