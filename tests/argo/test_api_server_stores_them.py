"""A real API server takes the objects in their order, and gives them back as they were sent."""

import os
import pathlib

import pytest
from argo_generator import example_settings, settings_of_pipelines, variables
from hypothesis import HealthCheck, Phase, given, settings
from kube_api import ApiError
from strategies import configurations

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "examples/archon-agent/aphex-config.three-environments.yaml").read_text(
    encoding="utf-8")


def within(sent, stored, path=""):
    """Every value that was sent is stored; the server may add defaults and its own metadata."""
    if isinstance(sent, dict):
        assert isinstance(stored, dict), path
        for key, value in sent.items():
            assert key in stored, f"{path}.{key} was dropped"
            within(value, stored[key], f"{path}.{key}")
    elif isinstance(sent, list):
        assert len(sent) == len(stored), path
        for i, (one, other) in enumerate(zip(sent, stored, strict=True)):
            within(one, other, f"{path}[{i}]")
    else:
        assert sent == stored, f"{path}: {sent!r} became {stored!r}"


def store(cluster, made):
    for manifest in made.objects:
        cluster.admin.apply(manifest, manager="aphex")
    for manifest in made.objects:
        stored = cluster.admin.get(cluster.admin.path_of(manifest))
        within(manifest, stored, f"{manifest['kind']}/{manifest['metadata']['name']}")
        if manifest["apiVersion"] == "argoproj.io/v1alpha1":
            assert stored["spec"] == manifest["spec"]


# How many times as many pipelines as in a usual run: thousands take a quarter of an hour.
TIMES = int(os.environ.get("APHEX_STORED_TIMES", "1"))


def exercise(cluster, generate, version, examples):
    @settings(max_examples=examples * TIMES, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(configuration=configurations(), chosen=settings_of_pipelines())
    def stored(configuration, chosen):
        chosen = chosen | {"namespace": cluster.namespace(), "argo": version(chosen)}
        if "eventsNamespace" in chosen:
            chosen["eventsNamespace"] = cluster.namespace()
        store(cluster, generate(configuration, chosen))

    stored()


def test_objects_of_the_example_are_stored_unchanged(cluster, generate):
    store(cluster, generate(EXAMPLE, example_settings(namespace=cluster.namespace())))


def test_objects_of_many_pipelines_are_stored_unchanged(cluster, generate):
    exercise(cluster, generate,
             lambda chosen: "4.0" if chosen["argo"] < "4.0" else chosen["argo"], 25)


def test_applying_the_same_objects_again_changes_nothing(cluster, generate):
    made = generate(EXAMPLE, example_settings(namespace=cluster.namespace()))
    store(cluster, made)
    versions = [cluster.admin.get(cluster.admin.path_of(item))["metadata"]["resourceVersion"]
                for item in made.objects]
    store(cluster, made)
    assert versions == [cluster.admin.get(cluster.admin.path_of(item))["metadata"]
                        ["resourceVersion"] for item in made.objects]


def test_the_workflow_that_a_sensor_creates_is_a_valid_one(cluster, generate):
    made = generate(EXAMPLE, example_settings(namespace=cluster.namespace()))
    for sensor in made.all("Sensor"):
        workflow = sensor["spec"]["triggers"][0]["template"]["k8s"]["source"]["resource"]
        # The most awkward of values: digits only, and what YAML takes for a number.
        for i, value in enumerate(["1" * 40, "https://x", "1e5", "yes", "{ {x}}"]):
            workflow["spec"]["arguments"]["parameters"][i]["value"] = value
        assert cluster.admin.apply(workflow)["spec"] == workflow["spec"]


def account_token(cluster, name, namespace):
    return cluster.user_token(f"system:serviceaccount:{namespace}:{name}")


def as_account(cluster, made, name):
    namespace = made.objects[0]["metadata"]["namespace"]
    return cluster.api(account_token(cluster, name, namespace)), namespace


def allowed(api, method, path, body=None):
    """Whether the server lets the account do it; an object that is missing or bad is no refusal."""
    kind = "application/merge-patch+json" if method == "PATCH" else None
    try:
        api.request(method, path, body, **({"content_type": kind} if kind else {}))
    except ApiError as error:
        return error.code != 403
    return True


@pytest.fixture
def pipeline(cluster, generate):
    made = generate(EXAMPLE, example_settings(namespace=cluster.namespace()))
    store(cluster, made)
    return made


def argo_path(namespace, plural, name=""):
    return f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/{plural}" + (f"/{name}" if name
                                                                             else "")


def test_the_executor_changes_its_own_templates_and_reads_no_secret(cluster, pipeline):
    api, namespace = as_account(cluster, pipeline, "archon-agent-workflow-executor")
    for name in ("archon-agent-pipeline", "archon-agent-pull-request"):
        path = argo_path(namespace, "workflowtemplates", name)
        assert allowed(api, "GET", path)
        assert allowed(api, "PATCH", path, {"metadata": {"annotations": {"x": "y"}}})
        assert not allowed(api, "DELETE", path)
    other = argo_path(namespace, "workflowtemplates", "other-pipeline")
    assert not allowed(api, "GET", other)
    assert not allowed(api, "PATCH", other, {"metadata": {"labels": {"x": "y"}}})
    for secret in ("archon-agent-github-token", "archon-agent-webhook-secret"):
        assert not allowed(api, "GET", f"/api/v1/namespaces/{namespace}/secrets/{secret}")
    assert not allowed(api, "GET", argo_path(namespace, "workflows"))
    assert not allowed(api, "GET", argo_path(namespace, "sensors", "archon-agent-sensor"))


def test_the_other_accounts_have_what_they_need_and_no_more(cluster, pipeline):
    namespace = pipeline.objects[0]["metadata"]["namespace"]
    creates = {"workflows": {"archon-agent-sensor", "archon-agent-workflow-executor"},
               "workflowtaskresults": {"archon-agent-workflow-reporter"},
               "workflowtemplates": set(), "sensors": set(), "eventsources": set()}
    accounts = {item["metadata"]["name"] for item in pipeline.all("ServiceAccount")}
    assert len(accounts) == 5
    for name in accounts:
        api, _ = as_account(cluster, pipeline, name)
        for plural, who in creates.items():
            assert allowed(api, "POST", argo_path(namespace, plural), {}) == (name in who), (
                name, plural)
        assert not allowed(api, "GET", f"/api/v1/namespaces/{namespace}/secrets")
        assert not allowed(api, "POST", f"/api/v1/namespaces/{namespace}/pods", {})


def test_no_secret_of_the_pipeline_holds_a_value(pipeline):
    for secret in pipeline.all("Secret"):
        assert "data" not in secret and "stringData" not in secret
    assert pipeline.secret_values == {
        "archon-agent-webhook-secret":
            [{"key": "secret", "secret": "archon-agent/webhook", "jsonKey": ""}],
        "archon-agent-github-token":
            [{"key": "token", "secret": "archon-agent/github-token", "jsonKey": ""}]}


def test_only_the_container_that_clones_is_given_the_token(pipeline):
    for workflow_template in pipeline.all("WorkflowTemplate"):
        for template in pipeline.templates(workflow_template).values():
            if "container" not in template:
                continue
            assert "APHEX_GITHUB_TOKEN_FILE" not in variables(template["container"])
            mounted = {item["name"] for item in template["container"]["volumeMounts"]}
            assert mounted == {"work", "tmp"}
            for container in template.get("initContainers", []):
                assert container["name"] == "clone"
                assert "github-token" in {item["name"] for item in container["volumeMounts"]}
