"""Every generated object is one that Argo's own definitions know, whatever the configuration."""

import copy
import json
import pathlib

import jsonschema
import pytest
import yaml
from argo_generator import VERSIONS, example_settings, pipelines, to_yaml
from hypothesis import HealthCheck, given, settings
from structural_schema import CRDS, Definitions

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "examples/archon-agent/aphex-config.yaml").read_text(encoding="utf-8")
# Which definitions an object for a version must fit. 3.4 to 3.6 have none here: what they know is
# less than 3.7's, so those fit 3.7's, which still knows their spelling.
FOLDERS = {"3.4": "workflows-v3.7.18", "3.5": "workflows-v3.7.18", "3.6": "workflows-v3.7.18",
           "3.7": "workflows-v3.7.18", "4.0": "workflows-v4.1.2", "4.1": "workflows-v4.1.2"}
ARGO = "argoproj.io/v1alpha1"


@pytest.fixture(scope="module")
def definitions():
    made = {folder: Definitions(folder) for folder in
            {*FOLDERS.values(), "events-v1.9.11"}}
    return lambda version, manifest: made[
        FOLDERS[version] if manifest["kind"].startswith("Workflow") else "events-v1.9.11"
    ].problems(manifest)


def workflow_of(sensor):
    return sensor["spec"]["triggers"][0]["template"]["k8s"]["source"]["resource"]


# Six versions of each: more than a thousand pipelines.
@settings(max_examples=200, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipeline=pipelines())
def test_objects_of_any_configuration_fit_the_definitions_of_their_version(
        generate, definitions, pipeline):
    configuration, chosen = pipeline
    for version in VERSIONS:
        made = generate(configuration, chosen | {"argo": version})
        for manifest in made.objects:
            if manifest["apiVersion"] == ARGO:
                assert definitions(version, manifest) == []
        for sensor in made.all("Sensor"):
            assert definitions(version, workflow_of(sensor)) == []


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipeline=pipelines())
def test_the_yaml_is_the_objects_to_a_reader_of_yaml_1_1(generate, pipeline):
    made = generate(*pipeline)
    assert list(yaml.load_all(made.yaml, yaml.CSafeLoader)) == made.objects


@settings(max_examples=50, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipeline=pipelines())
def test_the_same_input_gives_the_same_bytes(generate, pipeline):
    assert generate(*pipeline).yaml == generate(*pipeline).yaml


@pytest.mark.parametrize("version", VERSIONS)
def test_the_fast_check_and_the_library_agree(generate, version):
    """jsonschema is too slow for thousands; it also reads the definitions, and agrees on one."""
    made = generate(EXAMPLE, example_settings(argo=version))
    folder = CRDS / FOLDERS[version] / "workflowtemplates.json"
    definition = json.loads(folder.read_text(encoding="utf-8"))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    jsonschema.Draft202012Validator(schema).validate(made.workflow_template)


def changed(manifest, change):
    copied = copy.deepcopy(manifest)
    change(copied["spec"])
    return copied


@pytest.mark.parametrize("change, problem", [
    (lambda spec: spec.update(activeDeadlineSeconds="60"),
     "WorkflowTemplate.spec.activeDeadlineSeconds: no integer"),
    (lambda spec: spec.update(entryPoint="main"), "WorkflowTemplate.spec.entryPoint: unknown"),
    (lambda spec: spec["templates"][1]["inputs"]["artifacts"][0].pop("name"),
     "WorkflowTemplate.spec.templates[1].inputs.artifacts[0].name: missing"),
    (lambda spec: spec["arguments"]["parameters"][1].update(value=[1]), None),
])
def test_the_fast_check_finds_what_is_wrong(generate, definitions, change, problem):
    made = generate(EXAMPLE, example_settings())
    problems = definitions("4.1", changed(made.workflow_template, change))
    assert problems == ([problem] if problem else problems)
    assert problem is None or problems


def test_a_mutex_of_version_3_is_unknown_to_version_4(generate, definitions):
    old = generate(EXAMPLE, example_settings(argo="3.5")).workflow_template
    assert definitions("3.5", old) == []
    assert definitions("4.0", old) == ["WorkflowTemplate.spec.synchronization.mutex: unknown"]


def test_a_large_configuration_is_made_whole(generate):
    stacks = [{"name": f"Stack{i}", "path": "lib/app-stack.ts",
               "dependsOn": [f"Stack{i - 1}"] if i else []} for i in range(50)]
    configuration = {"version": "1.0", "build": {"commands": ["npm ci"]},
                     "environments": [{"name": f"env{i}", "region": "us-east-1",
                                       "account": "111122223333", "stacks": stacks,
                                       "tests": {"commands": ["npm test"]}} for i in range(10)]}
    made = generate(to_yaml(configuration), example_settings())
    assert len(made.tasks()) == 3 + 2 * 10
    assert [len(plan["environments"][0]["stacks"]) for task, _template, plan in made.stages()
            if task["name"].startswith("deploy-")] == [50] * 10
