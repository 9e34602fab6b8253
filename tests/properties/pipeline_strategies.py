"""Generators of a pipeline's settings, valid by docs/configuration.md, and of what goes with them.

Where a setting stands (file, context, environment, flag) is drawn too: each has the same meaning
in every place.
"""

import json
import re

from hypothesis import strategies as st
from strategies import configurations, regions, account_ids, to_yaml

SOURCES = ["file", "context", "environment", "flag"]
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
# Context of these names belongs to the application, unless they bear the prefix.
COMMON_WORDS = {"name", "account", "region", "stackName", "images", "resources", "webhook",
                "namespace"}


def labels(most):
    """Names of Kubernetes: lower-case letters, digits, and '-' between them."""
    return st.from_regex(rf"[a-z0-9]([a-z0-9-]{{0,{most - 2}}}[a-z0-9])?", fullmatch=True)


def branches():
    free = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,30}(/[A-Za-z0-9][A-Za-z0-9+_-]{0,20})?",
                         fullmatch=True)
    # What git itself refuses.
    edges = ["main", "release/1.x", "a+b", "(x)|main", "feature/$1", "yes", "1e5", "v{2}",
             "Ünïcode"]
    return st.sampled_from(edges) | (
        free.filter(lambda name: ".." not in name and not name.endswith((".", ".lock"))
                    and ".lock/" not in name and "/." not in name and "./" not in name))


def bucket_names():
    reserved = ("xn--", "sthree-", "amzn-s3-demo-")
    return st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True).filter(
        lambda name: not name.startswith(reserved)
        and not name.endswith(("-s3alias", "--ol-s3", "--x-s3", "--table-s3")))


def partition_of(region):
    starts = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
    return next((name for start, name in starts.items() if region.startswith(start)), "aws")


def needed():
    """What cannot be derived."""
    return {
        "clusterName": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", fullmatch=True),
        "githubOwner": st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9]|-(?=[A-Za-z0-9])){0,20}",
                                     fullmatch=True),
        "githubRepo": st.from_regex(r"[A-Za-z0-9_.-]{1,60}", fullmatch=True).filter(
            lambda name: name not in (".", "..") and not name.endswith(".git")),
        "githubTokenSecretName": st.from_regex(r"[A-Za-z0-9/_+=.@-]{1,60}", fullmatch=True).filter(
            lambda name: not re.search(r"-[A-Za-z0-9]{6}\Z", name)),
    }


def optional():
    """The rest of the design's parameters, and the names that ours adds to them."""
    return {
        "githubBranch": branches(),
        "workflowTemplateName": labels(62).map(lambda name: name + "w"),
        "eventSourceName": labels(46).map(lambda name: name + "e"),
        "sensorName": labels(62).map(lambda name: name + "s"),
        "artifactBucketName": bucket_names(),
        "artifactRetentionDays": st.integers(1, 3650),
        "namespace": labels(63),
        "eventsNamespace": labels(63),
        "serviceAccountName": labels(62).map(lambda name: name + "x"),
        "configPath": st.sampled_from(["aphex-config.yaml", "ops/pipeline.yaml"]),
        "name": labels(40),
        "environmentTag": st.sampled_from(["pipeline", "tools", "prod 1"]),
        "logRetentionDays": st.sampled_from([1, 30, 90, 3653]),
        "auditTrail": st.booleans(),
        "longRunningAfter": st.sampled_from(["5m", "2h", "23h"]),
    }


@st.composite
def settings_of_pipelines(draw):
    """All that is needed, some of the rest; with its account and region."""
    settings = {key: draw(values) for key, values in needed().items()}
    settings["oidcIssuer"] = ISSUER
    region = draw(regions())
    settings |= {"account": draw(account_ids()), "region": region}
    for key, values in optional().items():
        if draw(st.booleans()):
            settings[key] = draw(values)
    kind = draw(st.sampled_from(["absent", "none", "ingress", "loadbalancer"]))
    if kind != "absent":
        settings["webhook"] = {"type": kind}
    if kind == "ingress":
        settings["webhook"]["host"] = draw(labels(20)) + ".example.com"
    if draw(st.booleans()):
        account, partition = settings["account"], partition_of(region)
        settings["kubectlRoleArn"] = f"arn:{partition}:iam::{account}:role/kubectl"
    return settings


@st.composite
def pipelines(draw):
    """A configuration with its pipeline's settings in the file."""
    configuration = draw(configurations())
    region = draw(st.sampled_from([e["region"] for e in configuration["environments"]]))
    settings = draw(settings_of_pipelines())
    # A region that no environment has is one that the program must know itself; both occur.
    if draw(st.booleans()):
        settings["region"] = region
        settings.pop("kubectlRoleArn", None)
    # An environment in the pipeline's own account, or none.
    if draw(st.booleans()):
        settings["account"] = draw(st.sampled_from(
            [e["account"] for e in configuration["environments"]]))
        settings.pop("kubectlRoleArn", None)
    return configuration | {"pipeline": settings}


def of_the_cluster():
    """What differs between clusters: their Argo, and what runs there besides pushes."""
    return {
        "argoVersion": st.sampled_from(["3.4", "3.5", "3.6", "3.7", "4.0", "4.1"]),
        "eventBusName": st.sampled_from(["default", "pipelines"]),
        "pullRequests": st.sampled_from(["ignore", "validate", "build"]),
        "forks": st.sampled_from(["ignore", "accept"]),
        "bootstrapQualifier": st.sampled_from(["hnb659fds", "aphex", "a_-9"]),
        "artifactStore": st.sampled_from(["s3://elsewhere", "s3://elsewhere/of/ours"]),
    }


@st.composite
def pipelines_on_clusters(draw):
    """As pipelines(), with the settings that decide what the objects of the cluster look like."""
    configuration = draw(pipelines())
    chosen = dict(configuration["pipeline"])
    for key, values in of_the_cluster().items():
        if draw(st.booleans()):
            chosen[key] = draw(values)
    return configuration | {"pipeline": chosen}


def flag_of(key):
    return "--" + re.sub("[A-Z]", lambda found: "-" + found.group().lower(),
                         key.replace(".", "-"))


def variable_of(key):
    return "APHEX_" + re.sub("[A-Z]", lambda found: "_" + found.group(),
                             key.replace(".", "_")).upper()


def text_of(value):
    return json.dumps(value) if not isinstance(value, str) else value


def scattered(configuration, places):
    """The file's text, flags and variables: each setting where `places` says."""
    in_file, flags, variables = {}, [], {}
    for key, value in configuration["pipeline"].items():
        place = places.get(key, "file")
        if place == "file" or isinstance(value, dict):
            in_file[key] = value
        elif place == "flag":
            flags += [f"{flag_of(key)}={text_of(value)}"]
        elif place == "context":
            prefix = "aphex:" if key in COMMON_WORDS else ""
            flags += ["-c", f"{prefix}{key}={text_of(value)}"]
        else:
            variables[variable_of(key)] = text_of(value)
    return to_yaml(configuration | {"pipeline": in_file}), flags, variables


@st.composite
def scattered_pipelines(draw):
    configuration = draw(pipelines())
    places = {key: draw(st.sampled_from(SOURCES)) for key in configuration["pipeline"]}
    return configuration, places
