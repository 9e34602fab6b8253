import re

from argo_generator import PARAMETERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_strategies import branches, pipelines_on_clusters


def filters(sensor):
    (dependency,) = sensor["spec"]["dependencies"]
    return {item["path"]: item for item in dependency["filters"]["data"]}


def accepts(entry, value):
    """As Argo Events compares: any of the values, searched for as a regular expression."""
    return any(re.search(expression, value) for expression in entry["value"])


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters(), branch=branches(),
       other=branches() | st.text(max_size=30))
def test_property_7_sensor_configuration_correctness(generate, configuration, branch, other):
    """
    Feature: deployment-automation-construct, Property 7: Sensor configuration correctness

    For any configured branch name, the generated Sensor should filter for that branch and
    include parameter mappings for commit SHA and repository information.

    Validates: Requirements 3.3, 3.4
    """
    made = generate(configuration | {
        "pipeline": configuration["pipeline"] | {"githubBranch": branch}})
    by_path = filters(made.sensor)

    # Exactly the branch: not one that contains it, nor a tag, nor what its dots would match.
    assert accepts(by_path["body.ref"], "refs/heads/" + branch)
    for wrong in (f"refs/heads/{branch.replace('.', '_')}" if "." in branch else "refs/heads/",
                  f"refs/heads/{branch}-2", f"refs/heads/x/{branch}", f"refs/tags/{branch}",
                  branch, f"x refs/heads/{branch}", f"refs/heads/{branch}\nx"):
        assert not accepts(by_path["body.ref"], wrong)
    assert accepts(by_path["body.ref"], "refs/heads/" + other) == (other == branch)

    # Pushes alone, and no deletions, whose commit is all zeros and whose head is missing.
    assert accepts(by_path["body.X-GitHub-Event"], "push")
    for event in ("ping", "pull_request", "push_x", "repush"):
        assert not accepts(by_path["body.X-GitHub-Event"], event)
    assert by_path["body.deleted"] == {"path": "body.deleted", "type": "bool", "value": ["false"]}
    assert accepts(by_path["body.after"], "0a" * 20)
    assert not accepts(by_path["body.after"], "0a" * 20 + "\n; true")

    # Every parameter is filled from this event, by its position.
    (trigger,) = made.sensor["spec"]["triggers"]
    source = trigger["template"]["k8s"]
    resource = source["source"]["resource"]
    declared = [item["name"] for item in resource["spec"]["arguments"]["parameters"]]
    assert declared == PARAMETERS
    assert resource["spec"]["workflowTemplateRef"]["name"] == (
        made.workflow_template["metadata"]["name"])
    names = {item["name"] for item in made.sensor["spec"]["dependencies"]}
    mapped = {item["dest"]: item["src"] for item in source["parameters"]}
    assert set(mapped) == {"metadata.name"} | {
        f"spec.arguments.parameters.{i}.value" for i in range(len(PARAMETERS))}
    assert {src["dependencyName"] for src in mapped.values()} <= names
    assert mapped["spec.arguments.parameters.0.value"]["dataKey"] == "body.after"
    assert mapped["spec.arguments.parameters.1.value"]["dataKey"] == "body.repository.clone_url"

    # The event that it waits for is one that the EventSource makes.
    (dependency,) = made.sensor["spec"]["dependencies"]
    event_source = made.one("EventSource")
    assert dependency["eventSourceName"] == event_source["metadata"]["name"]
    assert dependency["eventName"] in event_source["spec"]["github"]
