"""aphex-server.yaml: its JSON Schema, the configurations that pages show, and the tables that they
have of its keys, against `aphex serve --check`."""

import functools
import json
import re
import subprocess

import jsonschema
import pytest
import yaml

from desks import PROGRAM, ROOT
from shell_blocks import PAGES, name_of

SECRET = "0123456789abcdef0123456789abcdef"
PIPELINE = {"name": "app", "repository": "acme/app", "webhookSecretFiles": ["webhook-secret"]}
SMALLEST = {"version": "1.0", "pipelines": [PIPELINE]}
# Pages about the server, whose blocks of YAML are parts of its configuration.
ABOUT = ("access", "branches", "notifications", "operations", "server", "server-configuration")
FOREIGN = ("scrape_configs:",)  # Prometheus' own
PLAIN_CHANNEL = {"channel": "slack", "urlFile": "slack-url"}


@functools.cache
def schema():
    done = subprocess.run([PROGRAM, "schema", "--server"], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def complaints(configuration):
    return [error.message for error in
            jsonschema.Draft202012Validator(schema()).iter_errors(configuration)]


@pytest.fixture
def check(tmp_path):
    """What the server itself says of a configuration."""
    def run(configuration):
        for name in set(re.findall(r"[\w/.-]*(?:secret|url|token|password|pem)[\w.-]*",
                                   json.dumps(configuration))):
            if "://" not in name and "/" not in name:
                (tmp_path / name).write_text("https://hooks.example.com/x\n" if "url" in name
                                             else SECRET + "\n", encoding="utf-8")
        (tmp_path / "aphex-server.yaml").write_text(json.dumps(configuration), encoding="utf-8")
        return subprocess.run(
            [PROGRAM, "serve", "--check"], cwd=tmp_path, text=True, capture_output=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NO_COLOR": "1",
                 "APHEX_STATE_DIR": str(tmp_path / "state")}, check=False)
    return run


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert complaints(SMALLEST) == []


# --- what both refuse ---------------------------------------------------------------------------

def with_pipeline(**more):
    return {**SMALLEST, "pipelines": [PIPELINE | more]}


def with_channel(**more):
    return {**SMALLEST, "notifications": [more]}


GOOD = [SMALLEST, {**SMALLEST, "listen": "127.0.0.1:0", "maxRuns": 64},
        with_pipeline(branches={"patterns": ["feature/*"], "most": 3}),
        with_channel(**PLAIN_CHANNEL), with_channel(**PLAIN_CHANNEL, on=["failure"]),
        with_channel(channel="github", tokenFile="github-token", stages=True),
        with_channel(channel="sns", topicArn="arn:aws:sns:us-east-1:111122223333:deployments"),
        {**SMALLEST, "retention": {"days": 1}, "shutdown": {"runs": "park"}}]
BAD = [{"version": "1.0"}, {**SMALLEST, "version": "2.0"}, {**SMALLEST, "pipeline": []},
       {**SMALLEST, "pipelines": []}, {**SMALLEST, "maxRuns": 0}, {**SMALLEST, "maxRuns": 65},
       {**SMALLEST, "logFormat": "xml"}, {**SMALLEST, "retention": {"weeks": 1}},
       {**SMALLEST, "shutdown": {"runs": "wait"}}, {**SMALLEST, "accessLog": "yes"},
       with_pipeline(repository="app"), with_pipeline(supersede="always"),
       with_pipeline(branches={"most": 3}), with_pipeline(webhookSecretFiles=[]),
       with_channel(channel="telegram"), with_channel(channel="slack"),
       with_channel(**PLAIN_CHANNEL, on=["everything"]), with_channel(**PLAIN_CHANNEL, perMinute=0),
       with_channel(**PLAIN_CHANNEL, tokenFile="x"),
       with_channel(channel="github", tokenFile="github-token", on=["failure"]),
       with_channel(channel="email", host="mail", to=["team@example.com"]),
       with_channel(channel="sns", topicArn="deployments")]


@pytest.mark.parametrize("configuration", GOOD, ids=json.dumps)
def test_what_the_server_takes_the_schema_takes(check, configuration):
    done = check(configuration)
    assert done.returncode == 0, done.stderr
    assert complaints(configuration) == []


@pytest.mark.parametrize("configuration", BAD, ids=json.dumps)
def test_what_the_schema_refuses_the_server_refuses(check, configuration):
    assert check(configuration).returncode == 3
    assert complaints(configuration) != []


# --- what pages show ----------------------------------------------------------------------------

def parts():
    """Blocks of YAML, each as a whole configuration."""
    for page in PAGES:
        if page.stem not in ABOUT:
            continue
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", text,
                                                  re.DOTALL | re.MULTILINE), 1):
            if block.startswith(FOREIGN):
                continue
            part = yaml.safe_load(block)
            if isinstance(part, list):  # channels
                part = {"notifications": part}
            elif "templates" in part:  # of a channel
                part = {"notifications": [PLAIN_CHANNEL | part]}
            yield pytest.param({**SMALLEST, **part}, id=f"{name_of(page)}: block {number}")


def test_parts_are_shown():
    assert len(list(parts())) > 10


@pytest.mark.parametrize("configuration", list(parts()))
def test_a_part_that_a_page_shows_fits_the_schema(configuration):
    assert complaints(configuration) == []


@pytest.mark.parametrize("page", ["docs/server.md", "docs/server-configuration.md",
                                  "packaging/aphex-server.yaml"])
def test_a_whole_configuration_is_what_a_server_takes(check, page):
    text = (ROOT / page).read_text(encoding="utf-8")
    if page.endswith(".md"):
        text = re.search(r"^```yaml\n(version:.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]
    configuration = yaml.safe_load(text)
    done = check(configuration)
    assert done.returncode == 0, done.stderr
    assert complaints(configuration) == []


# --- tables of keys -----------------------------------------------------------------------------

def channel_keys(kind):
    (found,) = [each["properties"] for each in schema()["properties"]["notifications"]["items"][
        "oneOf"] if each["properties"]["channel"]["enum"] == [kind]]
    return found


def rows(page, heading):
    """(key, default) of the table below a heading."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    table = text.partition("\n## ")[0]
    return [(key, default.strip()) for key, default in
            re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.MULTILINE)]


TABLES = {("docs/branches.md", "## Pull requests"):
          lambda: schema()["properties"]["pipelines"]["items"]["properties"],
          ("docs/branches.md", "## Branches with pipelines of their own"):
          lambda: schema()["properties"]["pipelines"]["items"]["properties"]["branches"][
              "properties"],
          ("docs/notifications.md", "## Keys of every channel"): lambda: channel_keys("slack")}


@pytest.mark.parametrize("page, heading", TABLES)
def test_keys_of_a_table_are_those_of_the_schema_with_their_defaults(page, heading):
    keys = TABLES[page, heading]()
    shown = rows(page, heading)
    assert shown
    for key, default in shown:
        assert key in keys
        own, _, github = default.partition(", GitHub ")
        if "default" in keys[key]:
            assert yaml.safe_load(own.strip("` ")) == keys[key]["default"], key
        if github:
            assert yaml.safe_load(github.strip("` ")) == channel_keys("github")[key]["default"]


def test_the_table_of_every_channel_has_every_key_that_all_have():
    kinds = [set(channel_keys(kind)) for kind in ("github", "slack", "email", "sns")]
    shown = {key for key, _ in rows("docs/notifications.md", "## Keys of every channel")}
    assert shown == set.intersection(*kinds)


def test_keys_of_branches_are_all_in_their_table():
    shown = {key for key, _ in rows("docs/branches.md", "## Branches with pipelines of their own")}
    assert shown == set(TABLES["docs/branches.md", "## Branches with pipelines of their own"]())
