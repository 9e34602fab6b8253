"""AWS's own descriptions of resource types: which properties exist, and what may be in them.

cfn-lint, which moto[server] brings, carries the provider schemas: providers/<region>.json names a
file of resources/ for each type. They are read one by one when a type is first used. Types without
a schema (custom resources, and what is newer than the package) pass unchecked.
"""

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

_FALLBACK_REGION = "us-east-1"
# A schema refers to itself where properties nest (rules within rules): values end sooner.
_MAX_DEPTH = 64
_MAX_REPORTED = 5
_INTEGER = re.compile(r"[+-]?\d+")


class InvalidProperties(Exception):
    """Worded as CloudFormation does when a type's schema is not met."""

    def __init__(self, logical_id: str, problems: list[str]):
        shown = problems[:_MAX_REPORTED]
        more = len(problems) - len(shown)
        text = ", ".join(shown) + (f", and {more} more" if more else "")
        super().__init__(
            f"Properties validation failed for resource {logical_id} with message: [{text}]"
        )


def check(type_name: str, region: str, logical_id: str, properties: dict[str, Any]) -> None:
    """Raises InvalidProperties. The values are those of the resource: without functions."""
    schema = find(type_name, region)
    if schema is None:
        return
    problems = list(_Checker(schema).problems(schema, properties, "#", 0))
    for name in _top_level(schema, "readOnlyProperties"):
        if name in properties and name not in schema.get("required", []):
            problems.append(f"#/{name}: is read-only")
    if problems:
        raise InvalidProperties(logical_id, problems)


def is_replaced(type_name: str, region: str, new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Whether the change touches a property that only creation sets."""
    schema = find(type_name, region)
    if schema is None:
        return False
    return any(new.get(n) != old.get(n) for n in _top_level(schema, "createOnlyProperties"))


def with_tags(
    type_name: str, region: str, properties: dict[str, Any], tags: dict[str, str]
) -> dict[str, Any]:
    """The stack's tags on a resource that can carry them; its own tags win."""
    schema = find(type_name, region) if tags else None
    tagging = (schema or {}).get("tagging")
    if schema is None or not isinstance(tagging, dict) or not tagging.get("taggable"):
        return properties
    name = str(tagging.get("tagProperty", "")).removeprefix("/properties/")
    described = schema.get("properties", {}).get(name)
    if described is None:
        return properties
    if described.get("type") == "array":
        own = properties.get(name, [])
        taken = {tag.get("Key") for tag in own if isinstance(tag, dict)}
        added = [{"Key": k, "Value": v} for k, v in tags.items() if k not in taken]
        return {**properties, name: [*own, *added]}
    if described.get("type") == "object":
        return {**properties, name: {**tags, **properties.get(name, {})}}
    return properties


def find(type_name: str, region: str) -> Schema | None:
    for place in (region, _FALLBACK_REGION):
        digest = _index(place).get(type_name)
        if digest is not None:
            return _read(digest)
    return None


@cache
def _folder() -> Path | None:
    # Not imported: that takes longer than a deployment.
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "data" / "schemas"
    return folder if (folder / "resources").is_dir() else None


@cache
def _index(region: str) -> dict[str, str]:
    folder = _folder()
    path = folder / "providers" / f"{region}.json" if folder else None
    if path is None or not path.is_file():
        return {}
    return json.loads(path.read_text())


@cache
def _read(digest: str) -> Schema:
    folder = _folder()
    assert folder is not None
    return json.loads((folder / "resources" / f"{digest}.json").read_text())


def _top_level(schema: Schema, key: str) -> list[str]:
    names = [place.removeprefix("/properties/") for place in schema.get(key, [])]
    return [name for name in names if "/" not in name]


class _Checker:
    """One walk over a value and its schema; problems are found all at once."""

    def __init__(self, root: Schema):
        self._root = root

    def problems(self, schema: Schema, value: Any, at: str, depth: int) -> Iterator[str]:
        schema = self._followed(schema)
        if depth > _MAX_DEPTH or not schema:
            return
        wanted = schema.get("type")
        if wanted and not any(_is_a(value, t) for t in _as_list(wanted)):
            names = " or ".join(str(t).capitalize() for t in _as_list(wanted))
            yield f"{at}: expected type: {names}, found: {_kind(value)}"
            return
        yield from self._of_choices(schema, value, at, depth)
        if isinstance(value, dict):
            yield from self._of_object(schema, value, at, depth)
        elif isinstance(value, list):
            yield from self._of_list(schema, value, at, depth)
        else:
            yield from _of_scalar(schema, value, at)

    def _followed(self, schema: Schema) -> Schema:
        for _ in range(_MAX_DEPTH):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            target: Any = self._root
            for part in reference[2:].split("/"):
                target = target.get(part, {})
            schema = target
        return schema if isinstance(schema, dict) else {}

    def _of_choices(self, schema: Schema, value: Any, at: str, depth: int) -> Iterator[str]:
        for part in schema.get("allOf", []):
            yield from self.problems(part, value, at, depth + 1)
        for key in ("anyOf", "oneOf"):
            options = schema.get(key)
            if not options:
                continue
            found = [list(self.problems(o, value, at, depth + 1)) for o in options]
            fitting = sum(not problems for problems in found)
            if fitting == 0:
                yield f"{at}: no subschema matched out of the total {len(options)} subschemas"
            elif key == "oneOf" and fitting > 1:
                yield f"{at}: {fitting} subschemas matched instead of one"
        exclusive = schema.get("requiredXor")
        if exclusive and isinstance(value, dict) and sum(n in value for n in exclusive) != 1:
            yield f"{at}: exactly one of [{', '.join(exclusive)}] is required"

    def _of_object(
        self, schema: Schema, value: dict[str, Any], at: str, depth: int
    ) -> Iterator[str]:
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}: required key [{name}] not found"
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for name, inner in value.items():
            if name in known:
                yield from self.problems(known[name], inner, f"{at}/{name}", depth + 1)
                continue
            fitting = [s for p, s in patterns.items() if _matches(p, str(name))]
            for pattern_schema in fitting:
                yield from self.problems(pattern_schema, inner, f"{at}/{name}", depth + 1)
            if not fitting and schema.get("additionalProperties") is False:
                yield f"{at}: extraneous key [{name}] is not permitted"
        for name, others in schema.get("dependentExcluded", {}).items():
            both = [o for o in others if name in value and o in value]
            if both:
                yield f"{at}: [{name}] and [{', '.join(both)}] exclude each other"

    def _of_list(self, schema: Schema, value: list[Any], at: str, depth: int) -> Iterator[str]:
        low, high = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if len(value) < low:
            yield f"{at}: expected minimum item count: {low}, found: {len(value)}"
        if len(value) > high:
            yield f"{at}: expected maximum item count: {high}, found: {len(value)}"
        items = schema.get("items")
        if not isinstance(items, dict):
            return
        for index, item in enumerate(value):
            yield from self.problems(items, item, f"{at}/{index}", depth + 1)


def _of_scalar(schema: Schema, value: Any, at: str) -> Iterator[str]:
    text = _text(value)
    allowed = schema.get("enum")
    if allowed is not None and text not in [_text(a) for a in allowed]:
        yield f"{at}: {text} is not a valid enum value"
    if isinstance(value, str):
        low, high = schema.get("minLength", 0), schema.get("maxLength", len(value))
        if len(value) < int(low):
            yield f"{at}: expected minLength: {low}, actual: {len(value)}"
        if len(value) > int(high):
            yield f"{at}: expected maxLength: {high}, actual: {len(value)}"
        pattern = schema.get("pattern")
        if pattern and not _matches(pattern, value):
            yield f"{at}: failed validation constraint for keyword [pattern]"
    if schema.get("type") in ("integer", "number"):
        number = float(value)
        if number < schema.get("minimum", number):
            yield f"{at}: {text} is not greater or equal to {schema['minimum']}"
        if number > schema.get("maximum", number):
            yield f"{at}: {text} is not less or equal to {schema['maximum']}"


def _is_a(value: Any, wanted: str) -> bool:
    """As CloudFormation: scalars are turned into each other where that loses nothing."""
    if wanted == "object":
        return isinstance(value, dict)
    if wanted == "array":
        return isinstance(value, list)
    if isinstance(value, (dict, list)) or value is None:
        return False
    if wanted == "boolean":
        return _text(value).lower() in ("true", "false")
    if wanted == "integer":
        return _INTEGER.fullmatch(_text(value)) is not None or (
            isinstance(value, float) and value.is_integer()
        )
    if wanted == "number":
        return _is_number(value)
    return True


def _is_number(value: Any) -> bool:
    try:
        float(_text(value))
    except ValueError:
        return False
    return True


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # Written for JavaScript or Java: what Python cannot read is not checked.
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _matches(pattern: str, text: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(text) is not None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "JSONObject"
    if isinstance(value, list):
        return "JSONArray"
    if isinstance(value, str):
        return "String"
    if isinstance(value, bool):
        return "Boolean"
    return "Null" if value is None else "Number"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
