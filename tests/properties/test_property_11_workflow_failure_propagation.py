from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_strategies import pipelines_on_clusters


def run(tasks, failing):
    """Which tasks run when `failing` fails: as Argo reads `depends`, made of <task>.Succeeded."""
    succeeded, ran = set(), []
    for task in tasks:
        needs = [need.removesuffix(".Succeeded") for need in
                 task.get("depends", "").split(" && ") if need]
        assert all(need in {item["name"] for item in tasks} for need in needs)
        if not set(needs) <= succeeded:
            continue
        ran.append(task["name"])
        if task["name"] != failing:
            succeeded.add(task["name"])
    return ran


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters(), choice=st.integers(0, 1_000_000))
def test_property_11_workflow_failure_propagation(generate, configuration, choice):
    """
    Feature: deployment-automation-construct, Property 11: Workflow failure propagation

    For any WorkflowTemplate stage, if that stage is configured to fail on error, then
    subsequent stages should have dependencies preventing their execution when the stage fails.

    Validates: Requirements 5.3, 5.4
    """
    made = generate(configuration)
    tasks = made.tasks()
    names = [task["name"] for task in tasks]
    failing = names[choice % len(names)]
    assert run(tasks, failing) == names[:names.index(failing) + 1]
    assert run(tasks, None) == names
    # Nothing lets a failed stage pass for one that succeeded.
    assert all("continueOn" not in task for task in tasks)
    assert "failFast" not in made.templates()["main"]["dag"]
    for task in tasks:
        template = made.templates()[task["template"]]
        assert "continueOn" not in template
        if "suspend" in template:
            continue
        # Only a lost pod, a node that gave up, and aphex's own exit code are tried again:
        # whatever a command exits with, aphex exits with 1.
        expression = template["retryStrategy"]["expression"]
        conditions = expression.split(" || ")
        assert conditions[:2] == ['lastRetry.status == "Error"',
                                  "asInt(lastRetry.exitCode) == 75"]
        assert conditions[2].startswith('lastRetry.message matches "^(The node was low on')
        assert len(conditions) == 3
