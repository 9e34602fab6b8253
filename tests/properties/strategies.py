"""Generators of configurations: valid ones, and valid ones with one thing made wrong.

A configuration is a Python value as a YAML reader would give it; to_yaml() writes it.
"""

import copy
import random

import yaml
from hypothesis import strategies as st

STACK_PATHS = ["lib/app-stack.ts", "lib/db-stack.ts", "lib/nested/web.mts", "top.cts"]

REGIONS = [
    "us-east-1", "us-west-2", "eu-west-1", "eu-central-2", "ap-southeast-4", "il-central-1",
    "sa-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1",
]

MAX_ENVIRONMENTS = 6
MAX_STACKS = 12
# What the design has to work with at least ("Scalability Considerations"); too much to be drawn.
ENVIRONMENTS_AT_SCALE, STACKS_AT_SCALE = 10, 50


class _Dumper(yaml.SafeDumper):
    """Quotes every string: plain text could be a number to another reader of YAML."""

    def ignore_aliases(self, data):
        return True


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def to_yaml(configuration):
    return yaml.dump(configuration, Dumper=_Dumper, sort_keys=False, width=1000)


def account_ids():
    """Strings of 12 digits, those with leading zeros included."""
    edges = st.sampled_from(["000000000000", "012345678901", "999999999999"])
    return edges | st.text("0123456789", min_size=12, max_size=12)


def regions():
    return st.sampled_from(REGIONS)


def environment_names():
    return st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}", fullmatch=True)


def stack_names():
    return st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)


def commands():
    """Shell commands: short words, special characters, several lines."""
    words = st.sampled_from(["npm ci", "npm test", "echo 'a: b' # c", "true\nfalse", "- x", "é"])
    free = st.text(
        st.characters(min_codepoint=0x20, max_codepoint=0x2FF, blacklist_categories=["Cc", "Cs"]),
        min_size=1,
        max_size=30,
    ).filter(lambda text: text.strip(" "))
    return words | free


@st.composite
def names_of_stacks(draw, min_size, max_size):
    """One, a few, or as many as there may be: a list of any length seldom comes to its bound."""
    count = draw(st.sampled_from([size for size in (1, 1, 2, 3, max_size) if size >= min_size]))
    if count < max_size:
        return draw(st.lists(stack_names(), min_size=count, max_size=count, unique=True))
    # Each by itself would be most of what is drawn.
    stem = draw(stack_names())
    return [f"{stem}{number}" for number in range(count)]


@st.composite
def stacks(draw, min_size=1, max_size=MAX_STACKS):
    """Stacks whose dependencies form no circle, in any order."""
    names = draw(names_of_stacks(min_size, max_size))
    made = []
    for index, name in enumerate(names):
        stack = {"name": name, "path": draw(st.sampled_from(STACK_PATHS))}
        earlier = names[:index]
        shape = draw(st.sampled_from(["none", "chain", "some", "all", "empty"]))
        if shape == "empty":
            stack["dependsOn"] = []
        elif shape == "chain" and earlier:
            stack["dependsOn"] = [earlier[-1]]
        elif shape == "all" and earlier:
            stack["dependsOn"] = list(earlier)
        elif shape == "some" and earlier:
            stack["dependsOn"] = draw(st.lists(st.sampled_from(earlier), unique=True))
        made.append(stack)
    return draw(st.permutations(made))


@st.composite
def approvals(draw):
    """Of named people or of anybody, with and without every other key."""
    people = draw(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.@:/+=,-]{0,20}", fullmatch=True),
                           max_size=4, unique=True))
    approval = {"approvers": people} if people else {}
    if draw(st.booleans()):
        approval["quorum"] = draw(st.integers(1, len(people) or 20))
    if draw(st.booleans()):
        approval["expires"] = draw(st.sampled_from(["1s", "90m", "24h", "168h"]))
    if draw(st.booleans()):
        approval["selfApproval"] = draw(st.booleans())
    return approval


@st.composite
def environments(draw, name, account=None):
    environment = {
        "name": name,
        "region": draw(regions()),
        "account": account or draw(account_ids()),
        "stacks": draw(stacks()),
    }
    tests = draw(st.sampled_from(["absent", "empty", "some"]))
    if tests != "absent":
        sizes = {"empty": (0, 0), "some": (1, 3)}[tests]
        listed = st.lists(commands(), min_size=sizes[0], max_size=sizes[1])
        environment["tests"] = {"commands": draw(listed)}
    if draw(st.sampled_from([False, False, True])):
        environment["approval"] = draw(approvals())
    return environment


@st.composite
def configurations(draw):
    """Valid configurations: one to MAX_ENVIRONMENTS environments, in one account or several."""
    count = draw(st.sampled_from([1, 1, 2, 3, MAX_ENVIRONMENTS]))
    names = draw(st.lists(environment_names(), min_size=count, max_size=count, unique=True))
    shared = draw(st.none() | account_ids())
    return {
        "version": "1.0",
        "build": {"commands": draw(st.lists(commands(), min_size=1, max_size=4))},
        "environments": [draw(environments(name, shared)) for name in names],
    }


def environment_at_scale(number):
    """Its stacks stand in the file before what they need."""
    needs = {index: sorted({index // 2, index - 7} & set(range(index)))
             for index in range(STACKS_AT_SCALE)}
    made = [{"name": f"Stack-{index}", "path": STACK_PATHS[index % len(STACK_PATHS)],
             "dependsOn": [f"Stack-{need}" for need in needs[index]]} for index in needs]
    environment = {"name": f"env-{number}", "region": REGIONS[number % 3],
                   "account": f"{111122223333 + number // 2}", "stacks": made[::-1],
                   "tests": {"commands": [f"npm test -- {number}"]}}
    if number % 3 == 2:
        environment["approval"] = {"approvers": ["ada", "grace"], "quorum": 2}
    return environment


def at_scale():
    """A valid configuration, for @example."""
    return {
        "version": "1.0",
        "build": {"commands": ["npm ci"]},
        "environments": [environment_at_scale(each) for each in range(ENVIRONMENTS_AT_SCALE)],
    }


def pipeline_at_scale():
    """The same with what its pipeline needs."""
    return at_scale() | {"pipeline": {
        "clusterName": "shared", "githubOwner": "archon", "githubRepo": "agents",
        "githubTokenSecretName": "archon/github-token", "account": "111122223333",
        "region": REGIONS[0],
        "oidcIssuer": "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"}}


# Values of another type than any scalar field has. Neither 1 nor 1.0: JSON holds them equal.
OTHER_TYPES = [None, True, 7, [], {}, ["x"], {"x": "y"}]

WRONG_VERSIONS = ["1", "2.0", "", "1.0.0", "v1.0", 2, None, ["1.0"], True]
WRONG_ACCOUNTS = ["", "12345678901", "1234567890123", "12345678901a", " 23456789012",
                  "１２３４５６７８９０１２", 123456789012, 7, None]
WRONG_REGIONS = ["", "us-east-9", "us-east-1a", "US-EAST-1", "useast1", "moon", "us-east-1 ", 1,
                 "aws-global"]
WRONG_PATHS = ["", "/lib/app-stack.ts", "../app-stack.ts", "lib/../lib/app-stack.ts", "lib",
               "lib/missing.ts", "lib/types.d.ts", "lib/app.js", "lib/app-stack", 7]
WRONG_COMMANDS = ["", "  ", "\t", "a\0b", 7, None, ["x"], {"echo a": "b"}]


def _a_stack(chance, configuration):
    return chance.choice(chance.choice(configuration["environments"])["stacks"])


def _remove_required_field(chance, configuration):
    environment = chance.choice(configuration["environments"])
    places = [
        (configuration, ["version", "build", "environments"]),
        (configuration["build"], ["commands"]),
        (environment, ["name", "region", "account", "stacks"]),
        (chance.choice(environment["stacks"]), ["name", "path"]),
    ]
    mapping, keys = chance.choice(places)
    del mapping[chance.choice(keys)]


def _empty_a_list(chance, configuration):
    chance.choice([
        lambda: configuration["build"].update(commands=[]),
        lambda: configuration.update(environments=[]),
    ])()


def _replace_by_another_type(chance, configuration):
    environment = chance.choice(configuration["environments"])
    places = [
        (configuration, ["build", "environments"]),
        (configuration["build"], ["commands"]),
        (environment, ["name", "stacks"]),
        (chance.choice(environment["stacks"]), ["name", "path", "dependsOn"]),
    ]
    mapping, keys = chance.choice(places)
    mapping[chance.choice(keys)] = chance.choice(OTHER_TYPES)


def _repeat_an_environment(chance, configuration):
    configuration["environments"].append(
        copy.deepcopy(chance.choice(configuration["environments"]))
    )


def _repeat_a_stack(chance, configuration):
    chosen = chance.choice(configuration["environments"])["stacks"]
    chosen.append(copy.deepcopy(chance.choice(chosen)))


def _depend_on_nothing_known(chance, configuration):
    _a_stack(chance, configuration).setdefault("dependsOn", []).append("No-Such-Stack-At-All-Here")


def _depend_across_environments(chance, configuration):
    first, last = configuration["environments"][0], configuration["environments"][-1]
    chance.choice(first["stacks"]).setdefault("dependsOn", []).append(
        chance.choice(last["stacks"])["name"]
    )


def _close_a_circle(chance, configuration):
    chosen = chance.choice(configuration["environments"])["stacks"]
    count = chance.randint(1, len(chosen))
    for index in range(count):
        chosen[index].setdefault("dependsOn", []).append(chosen[(index + 1) % count]["name"])


def _set(place, key, values):
    def mutate(chance, configuration):
        place(chance, configuration)[key] = chance.choice(values)

    return mutate


def _wrong_command(chance, configuration):
    configuration["build"]["commands"].append(chance.choice(WRONG_COMMANDS))


def _wrong_test(chance, configuration):
    environment = chance.choice(configuration["environments"])
    environment["tests"] = chance.choice(
        [None, {}, [], {"commands": None}, {"commands": "npm test"}, {"commands": [" "]}]
    )


def _unknown_key(chance, configuration):
    environment = chance.choice(configuration["environments"])
    place = chance.choice([configuration, configuration["build"], environment])
    place[chance.choice(["comands", "regin", "extra", "X-note"])] = chance.choice(OTHER_TYPES)


def _extension_key(chance, configuration):
    configuration[chance.choice(["x-a", "x-our-notes", "x-1"])] = chance.choice(OTHER_TYPES)


def _an_environment(chance, configuration):
    return chance.choice(configuration["environments"])


def _wrong_approval(chance, configuration):
    _an_environment(chance, configuration)["approval"] = chance.choice([
        True, [], "ada", {"approvers": "ada"}, {"approvers": [""]}, {"approvers": ["a b"]},
        {"quorum": 0}, {"quorum": 21}, {"quorum": "1"}, {"expires": 60}, {"expires": "1 day"},
        {"selfApproval": "yes"},
    ])


MUTATIONS = [
    _remove_required_field,
    _empty_a_list,
    _replace_by_another_type,
    _repeat_an_environment,
    _repeat_a_stack,
    _depend_on_nothing_known,
    _depend_across_environments,
    _close_a_circle,
    _set(lambda chance, configuration: configuration, "version", WRONG_VERSIONS),
    _set(_an_environment, "account", WRONG_ACCOUNTS),
    _set(_an_environment, "region", WRONG_REGIONS),
    _set(_an_environment, "name", ["", "my env", "-dev", "a" * 41, "é", 7, None]),
    _set(_an_environment, "stacks", [[]]),
    _set(_a_stack, "path", WRONG_PATHS),
    _set(_a_stack, "name", ["", "9Stack", "My_Stack", "/A", "A/", "a" * 129, 7, "Prod/My_Stack"]),
    _wrong_command,
    _wrong_test,
    _wrong_approval,
    _unknown_key,
    _extension_key,
]


@st.composite
def changed_configurations(draw):
    """A valid configuration with one thing changed; most changes make it invalid, some do not."""
    # Drawn first: after a large configuration, what is drawn is mostly the first of its kind.
    mutation, seed = draw(st.sampled_from(MUTATIONS)), draw(st.integers(0, 2**32 - 1))
    configuration = copy.deepcopy(draw(configurations()))
    mutation(random.Random(seed), configuration)
    return configuration


@st.composite
def configurations_and_changes(draw):
    """A valid configuration, and a copy of it for each way to change one thing of it."""
    chance = random.Random(draw(st.integers(0, 2**32 - 1)))
    valid = draw(configurations())
    changed = [copy.deepcopy(valid) for _ in MUTATIONS]
    for mutation, configuration in zip(MUTATIONS, changed, strict=True):
        mutation(chance, configuration)
    return [valid, *changed]
