"""What one would write in an afternoon: the schema, then names, dependencies and their order.

    validate.py SCHEMA CONFIGURATION
"""

import graphlib
import json
import pathlib
import sys

import jsonschema
import yaml


def main(schema_file, file):
    schema = json.loads(pathlib.Path(schema_file).read_text())
    with open(file, encoding="utf-8") as text:
        configuration = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    validator = jsonschema.validators.validator_for(schema)(schema)
    problems = [error.message for error in validator.iter_errors(configuration)]
    seen = set()
    for environment in configuration["environments"]:
        if environment["name"] in seen:
            problems.append(f"environment {environment['name']} is there twice")
        seen.add(environment["name"])
        needs = {stack["name"]: stack.get("dependsOn", []) for stack in environment["stacks"]}
        problems += [f"unknown {need}" for of in needs.values() for need in of if need not in needs]
        problems += [stack["path"] for stack in environment["stacks"]
                     if not (pathlib.Path(file).parent / stack["path"]).is_file()]
        print(environment["name"], *graphlib.TopologicalSorter(needs).static_order())
    print(*problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
