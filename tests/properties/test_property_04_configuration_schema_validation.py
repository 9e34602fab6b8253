import re

from hypothesis import HealthCheck, given, settings
from strategies import REGIONS, STACK_PATHS, configurations_and_changes, to_yaml

# The rules of the design once more, written independently of the program.


def is_text(value, pattern):
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def is_command(value):
    return (
        isinstance(value, str)
        and bool(value.strip(" \t\n"))
        and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value)
    )


def is_stack_name(value):
    segment = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
    return (
        is_text(value, rf"[A-Za-z][A-Za-z0-9-]*|{segment}(/{segment})+") and len(value) <= 128
    )


def has_circle(needs):
    """Removes stacks that need nothing until none is left, or none can be removed."""
    needs = {name: set(of) for name, of in needs.items()}
    while ready := [name for name, of in needs.items() if not of]:
        for name in ready:
            del needs[name]
        for of in needs.values():
            of.difference_update(ready)
    return bool(needs)


def stacks_are_valid(stacks):
    if not isinstance(stacks, list):
        return False
    for stack in stacks:
        if not isinstance(stack, dict) or not {"name", "path"} <= stack.keys():
            return False
        if not is_stack_name(stack["name"]) or stack["path"] not in STACK_PATHS:
            return False
        if not isinstance(stack.get("dependsOn", []), list):
            return False
    names = [stack["name"] for stack in stacks]
    if len(set(names)) != len(names):
        return False
    needs = {stack["name"]: stack.get("dependsOn", []) for stack in stacks}
    if any(need not in names for of in needs.values() for need in of):
        return False
    return not has_circle(needs)


def seconds_of(duration):
    """Of "1h30m"; nothing where it is no duration."""
    if not isinstance(duration, str) or not duration:
        return None
    found = re.fullmatch(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?", duration)
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours * 60 + minutes) * 60 + seconds


def approval_is_valid(approval):
    if not isinstance(approval, dict):
        return False
    people, quorum = approval.get("approvers", []), approval.get("quorum", 1)
    if not isinstance(people, list) or not isinstance(quorum, int) or isinstance(quorum, bool):
        return False
    if not all(is_text(name, r"[A-Za-z0-9][A-Za-z0-9_.@:/+=,-]{0,127}") for name in people):
        return False
    wait = seconds_of(approval.get("expires", "24h"))
    return (
        len(set(people)) == len(people)
        and 1 <= quorum <= (len(people) or 20)
        and wait is not None
        and 1 <= wait <= 7 * 24 * 3600
        and isinstance(approval.get("selfApproval", False), bool)
    )


def environment_is_valid(environment):
    if not isinstance(environment, dict):
        return False
    if not {"name", "region", "account", "stacks"} <= environment.keys():
        return False
    if "tests" in environment:
        tests = environment["tests"]
        if not isinstance(tests, dict) or not isinstance(tests.get("commands"), list):
            return False
        if not all(map(is_command, tests["commands"])):
            return False
    if "approval" in environment and not approval_is_valid(environment["approval"]):
        return False
    return (
        is_text(environment["name"], r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
        and environment["region"] in REGIONS
        and is_text(environment["account"], r"[0-9]{12}")
        and stacks_are_valid(environment["stacks"])
    )


def is_valid(configuration):
    if not {"version", "build", "environments"} <= configuration.keys():
        return False
    if configuration["version"] != "1.0":
        return False
    build, environments = configuration["build"], configuration["environments"]
    if not isinstance(build, dict) or not isinstance(build.get("commands"), list):
        return False
    if not build["commands"] or not all(map(is_command, build["commands"])):
        return False
    if not isinstance(environments, list) or not environments:
        return False
    if not all(map(environment_is_valid, environments)):
        return False
    names = [environment["name"] for environment in environments]
    return len(set(names)) == len(names)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                            HealthCheck.data_too_large]
)
@given(configurations=configurations_and_changes())
def test_property_4_configuration_schema_validation(aphex, repository, configurations):
    """
    Feature: deployment-automation-construct, Property 4: Configuration schema validation

    For any configuration file, the validator should accept it if and only if it has valid
    version, non-empty build commands, valid environments with required fields, and valid stack
    dependency references.

    Validates: Requirements 2.1, 2.3
    """
    file = repository / "aphex-config.yaml"
    for configuration in configurations:
        file.write_text(to_yaml(configuration))
        result = aphex.run("validate", file)
        assert result.returncode == (0 if is_valid(configuration) else 3), result.stderr
        if result.returncode == 3:
            assert ": error: " in result.stderr
