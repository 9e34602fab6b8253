import json

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import at_scale, configurations, stacks, to_yaml


@st.composite
def one_large_environment(draw):
    """More stacks than configurations() makes, where the order has most to decide."""
    return {
        "version": "1.0",
        "build": {"commands": ["npm ci"]},
        "environments": [
            {
                "name": "dev",
                "region": "us-east-1",
                "account": "111122223333",
                "stacks": draw(stacks(min_size=2, max_size=30)),
            }
        ],
    }


def longest_ways(stacks_of_environment):
    """How many stacks stand one behind another before each: 0 where it needs nothing."""
    needs = {stack["name"]: stack.get("dependsOn", []) for stack in stacks_of_environment}
    ways = {}

    def way(name):
        if name not in ways:
            ways[name] = 1 + max((way(need) for need in needs[name]), default=-1)
        return ways[name]

    return {name: way(name) for name in needs}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                            HealthCheck.data_too_large]
)
@given(configuration=configurations() | one_large_environment())
@example(configuration=at_scale())
def test_property_5_stack_dependency_ordering(aphex, repository, configuration):
    """
    Feature: deployment-automation-construct, Property 5: Stack dependency ordering

    For any set of stacks with dependency relationships, the deployment order should respect the
    topological sort of the dependency graph (no stack deploys before its dependencies).

    Validates: Requirements 2.4
    """
    file = repository / "aphex-config.yaml"
    file.write_text(to_yaml(configuration))
    result = aphex.run("plan", file, "--format", "json")
    assert result.returncode == 0, result.stderr
    orders = json.loads(result.stdout)["deploymentOrder"]

    assert [order["environment"] for order in orders] == [
        environment["name"] for environment in configuration["environments"]
    ]
    for order, environment in zip(orders, configuration["environments"], strict=True):
        names = [stack["name"] for stack in order["stacks"]]
        in_file = [stack["name"] for stack in environment["stacks"]]
        assert sorted(names) == sorted(in_file), "every stack deploys once"

        place = {name: index for index, name in enumerate(names)}
        for stack in environment["stacks"]:
            for need in stack.get("dependsOn", []):
                assert place[need] < place[stack["name"]], f"{stack['name']} before {need}"

        # What may deploy side by side: stacks of one wave need none of the same wave.
        waves = {stack["name"]: stack["wave"] for stack in order["stacks"]}
        assert waves == longest_ways(environment["stacks"])

        # Ties keep the order of the file: a step back in it is a wait for the one just before.
        needs = {stack["name"]: stack.get("dependsOn", []) for stack in environment["stacks"]}
        for before, here in zip(names, names[1:], strict=False):
            if in_file.index(here) < in_file.index(before):
                assert before in needs[here]
