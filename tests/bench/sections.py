"""The sections of the benchmarks, and with whom each compares: all of them are in a report."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Section:
    title: str
    peers: tuple[str, ...]
    # Measured where they are installed.
    optional: tuple[str, ...] = ()
    # Of what takes long; all of them shall be through in 25 minutes.
    most_rounds: int = 100


SECTIONS = {
    "plan": Section("Checking a configuration, and planning",
                    ("js-yaml + ajv", "PyYAML + jsonschema")),
    "synth": Section("The pipeline's stack", ("aws-cdk-lib",), most_rounds=5),
    "definition": Section("A pipeline of many stacks, and CDK Pipelines", ("CDK Pipelines",),
                          most_rounds=3),
    "manifests": Section("Argo's objects", ("cdk8s", "Hera")),
    "engine": Section("What a run adds to its commands",
                      ("bash", "GNU make", "ninja", "act"), ("Woodpecker",)),
    "archive": Section("Archives", ("GNU tar + gzip", "GNU tar + pigz")),
    "server": Section("The server", ("adnanh/webhook",), most_rounds=3),
    "pipeline": Section("From a commit to tested stacks", ("plain script",),
                        most_rounds=2),
}


def missing(section, peers):
    """Those of the section that are not among `peers`."""
    return [name for name in SECTIONS[section].peers if name not in peers]


def unknown(section, peers):
    """Those that the section does not list; aphex may be compared with itself."""
    known = {*SECTIONS[section].peers, *SECTIONS[section].optional}
    return sorted(set(peers) - known)
