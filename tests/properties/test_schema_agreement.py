"""The JSON schema that editors use says what the validator says, as far as a schema can."""

import json

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import changed_configurations, configurations, to_yaml

# What no schema can say: references, names used twice, files on disk.
BEYOND_A_SCHEMA = {
    "config/dependency-cycle",
    "config/duplicate-environment",
    "config/duplicate-stack",
    "config/path-missing",
    "config/path-not-a-file",
    "config/path-outside",
    "config/unknown-dependency",
}

SETTINGS = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large,
                           HealthCheck.filter_too_much],
)


@pytest.fixture(scope="session")
def schema(aphex):
    result = aphex.run("schema")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="session")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def is_beyond_a_schema(problem):
    bounds_of_timeouts = problem["id"] == "config/out-of-range" and problem["message"].startswith(
        ("timeouts.", "pipeline.longRunningAfter ")
    )
    bounds_of_timeouts |= problem["id"] == "config/out-of-range" and ".approval.expires must" in (
        problem["message"])
    return problem["id"] in BEYOND_A_SCHEMA or bounds_of_timeouts


def expect_agreement(aphex, repository, validator, configuration):
    file = repository / "agreement.yaml"
    file.write_text(to_yaml(configuration))
    result = aphex.run("validate", "--strict", "--format", "json", file)
    assert result.returncode in (0, 3), result.stderr
    problems = [
        problem
        for problem in json.loads(result.stdout)["diagnostics"]
        if problem["severity"] == "error" and not is_beyond_a_schema(problem)
    ]
    errors = [error.message for error in validator.iter_errors(configuration)]
    assert bool(problems) == bool(errors), (problems, errors)


@SETTINGS
@given(configuration=configurations() | changed_configurations())
def test_the_schema_agrees_on_the_designs_keys(aphex, repository, validator, configuration):
    expect_agreement(aphex, repository, validator, configuration)


def texts(schema):
    """Texts that fit the schema's pattern or its choices, and texts that hardly do."""
    # Without line breaks: Python's $ also stands before the last one.
    free = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | free
    fitting = st.from_regex(schema["pattern"], fullmatch=True, alphabet=st.characters(
        min_codepoint=0x20, max_codepoint=0x7E))
    return fitting | free | st.sampled_from(schema.get("examples", ["x"]))


def values(schema):
    """Values near what the schema allows."""
    # Neither 1 nor 0: JSON holds them equal to 1.0 and 0.0, YAML does not.
    other = st.sampled_from([None, True, 7, "x", ["x"], {"x": "y"}, -3])
    kind = schema.get("type")
    if kind == "string":
        return texts(schema) | other
    if kind == "integer":
        return st.integers(2, 5000) | st.sampled_from(schema.get("enum", [2])) | other
    if kind == "boolean":
        return st.booleans() | other
    if kind == "array":
        return st.lists(values(schema["items"]), max_size=2) | other
    if "properties" in schema:
        fields = {key: values(value) for key, value in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=fields) | other
    return st.dictionaries(
        texts(schema["propertyNames"]), values(schema["additionalProperties"]), max_size=2
    )


@SETTINGS
@given(data=st.data())
def test_the_schema_agrees_on_optional_settings(aphex, repository, schema, validator, data):
    configuration = {
        "version": data.draw(st.sampled_from(["1.0", 1.0])),
        "build": {"commands": ["npm ci"]},
        "environments": [
            {
                "name": "dev",
                "region": data.draw(st.sampled_from(["us-east-1", "us-moon-1"])),
                "account": "123456789012",
                "stacks": [{"name": "A", "path": "lib/app-stack.ts"}],
            }
        ],
    }
    place = data.draw(st.sampled_from(["pipeline", "timeouts", "build", "hooks", "approval"]))
    properties = schema["properties"]
    if place in ("hooks", "approval"):
        parent = configuration["environments"][0]
        parent[place] = data.draw(
            values(properties["environments"]["items"]["properties"][place])
        )
    elif place == "build":
        key = data.draw(st.sampled_from(["artifacts", "cache"]))
        configuration["build"][key] = data.draw(values(properties["build"]["properties"][key]))
    else:
        # One or two settings at a time: among many, one wrong one would hide the others.
        fields = properties[place]["properties"]
        keys = data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True))
        configuration[place] = {key: data.draw(values(fields[key])) for key in keys}
    more = configuration.get("pipeline", {}).get("additionalRegions")
    if isinstance(more, list):
        configuration["environments"][0]["region"] = "us-east-1"
    expect_agreement(aphex, repository, validator, configuration)
