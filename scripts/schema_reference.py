"""Entries of a reference page from a JSON Schema of `aphex schema`: a key with its kind, default,
description and form."""

import json
import re

import generated_docs

# A longer pattern tells people less than the examples do.
MAX_PATTERN = 48
# Any text but for control characters: that is no form.
ANY_TEXT = re.compile(r"\^\[\^\\[ux]00")
# A bound that is the format's own.
LARGEST = 2**63 - 1


def code(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`"


def kind(schema):
    """'a string', 'a list of strings, at least one', …"""
    if "enum" in schema:
        how = "exactly " if len(schema["enum"]) == 1 else "one of "
        return how + ", ".join(code(json.dumps(value)) for value in schema["enum"])
    if schema["type"] == "array":
        item = schema["items"].get("type", "object")
        plural = {"string": "strings", "object": "mappings"}[item]
        return f"list of {plural}" + (", at least one" if schema.get("minItems") else "")
    if schema["type"] == "integer":
        bounds = (f"{schema['minimum']} to {schema['maximum']}"
                  if schema["maximum"] < LARGEST else f"at least {schema['minimum']}")
        return f"integer, {bounds}"
    return {"string": "string", "boolean": "`true` or `false`", "object": "mapping"}[schema["type"]]


def constraints(schema):
    """Form and examples of a text, or of a list's texts."""
    text = schema.get("items", schema.get("additionalProperties") or schema)
    if not isinstance(text, dict) or text.get("type") != "string":
        return []
    found = []
    if "enum" in text and text is not schema:
        found.append("Each is one of " + ", ".join(code(value) for value in text["enum"]) + ".")
    if (len(text.get("pattern", "")) in range(1, MAX_PATTERN + 1)
            and not ANY_TEXT.match(text["pattern"])):
        found.append(f"Form: {code(text['pattern'])}.")
    if "maxLength" in text and "enum" not in text:
        found.append(f"At most {text['maxLength']} characters.")
    if text.get("examples"):
        examples = ", ".join(code(example) for example in text["examples"])
        found.append(f"For example {examples}.")
    return found


def entry(path, schema, required):
    needed = "**required**" if required else "optional"
    default = schema.get("default")
    if default not in (None, []):
        needed += f", default {code(json.dumps(default))}"
    # Markdown would take <name> for HTML.
    description = re.sub(r"[\w:/.-]*<\w+>(?:[\w<>/.-]*[\w<>])?", r"`\g<0>`",
                         schema.get("description", ""))
    sentences = [description, *constraints(schema)]
    body = " ".join(sentence for sentence in sentences if sentence)
    return [f"#### `{path}`", "", generated_docs.paragraph(f"{kind(schema)}; {needed}"), "",
            generated_docs.paragraph(body), ""]


def word(schema):
    """What a dictionary's keys are: its schema says "… by stage, or 'default'"."""
    return next((each for each in ("stage", "event") if f"by {each}" in schema["title"]), "key")


def dictionary_value(path, schema):
    """The entry of a dictionary's values."""
    value = schema["additionalProperties"]
    keys = ("A stage such as `build` or `deploy-prod`; all stages of a kind (`validate`, `build`, "
            "`pipeline`, `approve`, `deploy`, `test`); "
            "`exit`, the end of a run; or `default`, for all others."
            if word(schema) == "stage" else "Any key of its kind.")
    if "enum" in schema["propertyNames"]:
        keys = "One of " + ", ".join(map(code, schema["propertyNames"]["enum"])) + "."
    return [f"#### `{path}`", "", generated_docs.paragraph(f"{kind(value)}; optional"), "",
            generated_docs.paragraph(keys), ""]


def record(path, schema):
    """The entries of a record's keys, each followed by those of the records below it."""
    lines = []
    for key, below in schema["properties"].items():
        name = f"{path}.{key}" if path else key
        lines += entry(name, below, key in schema.get("required", []))
        inner, inner_name = below, name
        if below.get("type") == "array":
            inner, inner_name = below["items"], f"{name}[]"
        if isinstance(inner.get("additionalProperties"), dict):
            inner, inner_name = inner["additionalProperties"], f"{name}.<{word(below)}>"
            lines += dictionary_value(inner_name, below)
        if "properties" in inner:
            lines += record(inner_name, inner)
    return lines
