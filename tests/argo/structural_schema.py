"""Checks objects against a definition's schema, as fast as thousands of them need.

A schema of a CustomResourceDefinition becomes functions once; a field that it does not know is a
problem, as it is to server-side apply. Rules (CEL) are the API server's alone.
"""

import json
import pathlib
import re

CRDS = pathlib.Path(__file__).resolve().parents[1] / "cluster" / "crds"
PYTHON_TYPES = {"string": str, "object": dict, "array": list, "boolean": bool}


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def compile_schema(schema):
    """A function from value and path to a list of problems."""
    checks = []
    if schema.get("x-kubernetes-int-or-string"):
        checks.append(lambda value, path: [] if is_integer(value) or isinstance(value, str)
                      else [f"{path}: neither integer nor string"])
    elif schema.get("type") == "integer":
        checks.append(lambda value, path: [] if is_integer(value) else [f"{path}: no integer"])
    elif schema.get("type") == "number":
        checks.append(lambda value, path: [] if is_integer(value) or isinstance(value, float)
                      else [f"{path}: no number"])
    elif "type" in schema:
        expected, name = PYTHON_TYPES[schema["type"]], schema["type"]
        checks.append(lambda value, path: [] if isinstance(value, expected)
                      else [f"{path}: no {name}"])
    checks += list(scalar_checks(schema))
    if "items" in schema:
        checks.append(array_check(compile_schema(schema["items"])))
    if schema.get("type") == "object":
        checks.append(object_check(schema))

    def check(value, path):
        return [problem for one in checks for problem in one(value, path)]

    return check


def scalar_checks(schema):
    if "enum" in schema:
        allowed = schema["enum"]
        yield lambda value, path: [] if value in allowed else [f"{path}: not one of {allowed}"]
    if "pattern" in schema:
        pattern = re.compile(schema["pattern"])
        yield lambda value, path: ([] if not isinstance(value, str) or pattern.search(value)
                                   else [f"{path}: does not match {pattern.pattern}"])
    for key, size in (("maxLength", len), ("maxItems", len), ("maxProperties", len)):
        if key in schema:
            most = schema[key]
            yield lambda value, path, most=most, size=size: (
                [f"{path}: longer than {most}"]
                if isinstance(value, (str, list, dict)) and size(value) > most else [])
    for key in ("minLength", "minItems", "minProperties"):
        if key in schema:
            least = schema[key]
            yield lambda value, path, least=least: (
                [f"{path}: shorter than {least}"]
                if isinstance(value, (str, list, dict)) and len(value) < least else [])
    if "minimum" in schema:
        yield lambda value, path: ([f"{path}: less than {schema['minimum']}"]
                                   if is_integer(value) and value < schema["minimum"] else [])
    if "maximum" in schema:
        yield lambda value, path: ([f"{path}: more than {schema['maximum']}"]
                                   if is_integer(value) and value > schema["maximum"] else [])


def array_check(item):
    def check(value, path):
        if not isinstance(value, list):
            return []
        return [problem for i, entry in enumerate(value) for problem in item(entry, f"{path}[{i}]")]

    return check


def object_check(schema):
    known = {key: compile_schema(item) for key, item in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    every = compile_schema(more) if isinstance(more, dict) else None
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") or more is True
    required = schema.get("required", [])

    def check(value, path):
        if not isinstance(value, dict):
            return []
        problems = [f"{path}.{key}: missing" for key in required if key not in value]
        for key, entry in value.items():
            own = known.get(key, every)
            if own is not None:
                problems += own(entry, f"{path}.{key}")
            elif not keeps:
                problems.append(f"{path}.{key}: unknown")
        return problems

    return check


class Definitions:
    """The definitions of one folder of tests/cluster/crds, by kind."""

    def __init__(self, folder):
        self.checks = {}
        for file in (CRDS / folder).glob("*.json"):
            definition = json.loads(file.read_text(encoding="utf-8"))
            version = next(item for item in definition["spec"]["versions"] if item["served"])
            schema = version["schema"]["openAPIV3Schema"]
            # metadata is the API server's own type.
            schema["properties"]["metadata"] = {"x-kubernetes-preserve-unknown-fields": True}
            self.checks[definition["spec"]["names"]["kind"]] = compile_schema(schema)

    def problems(self, manifest):
        return self.checks[manifest["kind"]](manifest, manifest["kind"])
