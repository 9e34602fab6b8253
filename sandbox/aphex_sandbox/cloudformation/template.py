"""Templates: parsing, parameters, conditions' names and the graph of references. Pure."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import validation

# CloudFormation's own limits: inline and S3 templates in bytes, resources per template.
MAX_INLINE_BYTES = 51_200
MAX_BYTES = 1_000_000
MAX_RESOURCES = 500

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NoValue",
        "NotificationARNs",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
)
SUB_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags (!Ref, !GetAtt, …)."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: _short_tag(loader, tag, node))
# Dates are text to CloudFormation ("2012-10-17" is a policy's version).
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_tag(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    key = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {key: value.split(".", 1) if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {key: loader.construct_sequence(node, deep=True)}
    return {key: loader.construct_mapping(node, deep=True)}


@dataclass(frozen=True)
class Template:
    text: str
    document: dict[str, Any] = field(compare=False)

    @property
    def resources(self) -> dict[str, Any]:
        return self.document["Resources"]

    def section(self, name: str) -> dict[str, Any]:
        return self.document.get(name) or {}


def parse(text: str | None) -> Template:
    if not text:
        raise validation("Either Template URL or Template Body must be specified.")
    if len(text.encode()) > MAX_BYTES:
        raise validation(f"Template may not exceed {MAX_BYTES} bytes in size.")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else _load_yaml(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise validation(f"Template format error: JSON or YAML not well-formed. {error}") from None
    if not isinstance(document, dict):
        raise validation("Template format error: unsupported structure.")
    resources = document.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise validation("Template format error: At least one Resources member must be defined.")
    if len(resources) > MAX_RESOURCES:
        raise validation(
            f"Template format error: Number of resources, {len(resources)}, is greater than"
            f" maximum allowed, {MAX_RESOURCES}"
        )
    template = Template(text, document)
    _check_references(template)
    return template


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # a SafeLoader with tags


def is_custom(type_name: str) -> bool:
    return type_name.startswith("Custom::") or type_name == "AWS::CloudFormation::CustomResource"


def references(value: Any) -> set[str]:
    """Names that the value refers to by Ref, Fn::GetAtt or Fn::Sub."""
    found: set[str] = set()
    if isinstance(value, list):
        for item in value:
            found |= references(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                found.add(inner)
            elif key == "Fn::GetAtt":
                found.add(inner[0] if isinstance(inner, list) else str(inner).split(".")[0])
                found |= references(inner)
            elif key == "Fn::Sub":
                found |= _sub_references(inner)
            else:
                found |= references(inner)
    return found


def _sub_references(value: Any) -> set[str]:
    text, local = (value[0], value[1]) if isinstance(value, list) else (value, {})
    names = {n.strip() for bang, n in SUB_VARIABLE.findall(str(text)) if not bang}
    outer = {n.split(".")[0] for n in names if n not in local}
    return outer | references(local)


def imports(value: Any) -> list[Any]:
    """The arguments of every Fn::ImportValue within the value."""
    if isinstance(value, list):
        return [found for item in value for found in imports(item)]
    if not isinstance(value, dict):
        return []
    found = [value["Fn::ImportValue"]] if "Fn::ImportValue" in value else []
    return found + [inner for item in value.values() for inner in imports(item)]


def depends_on(resource: dict[str, Any]) -> list[str]:
    names = resource.get("DependsOn") or []
    return [names] if isinstance(names, str) else list(names)


def creation_order(resources: dict[str, Any]) -> list[str]:
    """Logical ids, dependencies first; ties keep the order of the template."""
    order: list[str] = []
    state: dict[str, str] = {}

    def visit(name: str, path: list[str]) -> None:
        if state.get(name) == "done":
            return
        if state.get(name) == "open":
            cycle = path[path.index(name) :]
            raise validation(f"Circular dependency between resources: [{', '.join(cycle)}]")
        state[name] = "open"
        needed = references(resources[name].get("Properties")) | set(depends_on(resources[name]))
        for dependency in [n for n in resources if n in needed]:
            visit(dependency, [*path, name])
        state[name] = "done"
        order.append(name)

    for name in resources:
        visit(name, [])
    return order


def _check_references(template: Template) -> None:
    known = set(template.resources) | set(template.section("Parameters")) | PSEUDO_PARAMETERS
    for name, resource in template.resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise validation(
                f"Template format error: [/Resources/{name}] Every Resources object must"
                " contain a Type member."
            )
    in_resources = references(template.resources) | {
        n for r in template.resources.values() for n in depends_on(r)
    }
    for block, used in (
        ("Resources", in_resources),
        ("Outputs", references(template.section("Outputs"))),
    ):
        unknown = sorted(used - known)
        if unknown:
            raise validation(
                f"Template format error: Unresolved resource dependencies"
                f" [{', '.join(unknown)}] in the {block} block of the template"
            )
    creation_order(template.resources)
