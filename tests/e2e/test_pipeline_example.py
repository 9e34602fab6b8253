"""The example application through the whole pipeline, with the stock CDK CLI and a local AWS."""

import shutil

import pytest

from example import STACKS, Example
from program import remove

# npm ci, synthesis by the stock CDK, four stacks: half a minute, three times that under load.
SECONDS = 500


def deployed(workshop):
    """{(account, region): {stack: status}} of the whole sandbox, the bootstraps left out."""
    status = workshop.run("sandbox", "status", "--format", "json", cwd="/")
    assert status.code == 0, status.err
    found = {}
    for environment in status.json["resources"]["environments"]:
        stacks = {stack["name"]: stack["status"] for stack in environment["stacks"]
                  if stack["name"] != "CDKToolkit"}
        if stacks:
            found[environment["account"], environment["region"]] = stacks
    return found


def everything(status="CREATE_COMPLETE"):
    return dict.fromkeys(STACKS, status)


@pytest.fixture(scope="module")
def repository(tmp_path_factory, workshop):
    """The example, run once; what came of it."""
    directory = tmp_path_factory.mktemp("example")
    made = Example(directory / "archon-agent", workshop.environment)
    made.sha = made.commit("The Archon agent")
    made.run = workshop.run("run", "--sandbox", "--quiet", cwd=made.directory, seconds=SECONDS)
    yield made
    remove(directory)


def test_one_environment_is_built_deployed_and_tested(repository, workshop):
    assert repository.run.code == 0, repository.run.err
    stages = {"validate", "build", "pipeline", "deploy-dev", "test-dev"}
    assert workshop.stages(1) == dict.fromkeys(stages, "succeeded")
    assert deployed(workshop)["111122223333", "us-east-1"] == everything()
    assert repository.run.err.endswith(
        "next:\n"
        "  aphex outputs 1        what the stacks gave out\n"
        "  aphex runs 1           every step with its time\n"
        "  aphex logs 1           everything that was printed\n")


def test_outputs_are_those_of_the_stacks(repository, workshop):
    outputs = workshop.run("outputs", "--format", "json", cwd=repository.directory).json
    assert set(outputs) == {"dev"}
    assert set(outputs["dev"]) <= set(STACKS) and len(outputs["dev"]) >= 2


def test_a_second_run_changes_nothing_and_builds_nothing(repository, workshop):
    again = workshop.run("run", "--sandbox", "--quiet", cwd=repository.directory, seconds=SECONDS)

    assert again.code == 0, again.err
    listed = workshop.run("runs", "--limit", "1", "--format", "json", cwd=repository.directory)
    record = listed.json[0]
    assert workshop.step(record["id"], "build-1")["state"] == "skipped"
    assert workshop.step(record["id"], "stacks")["summary"] == "4 stacks, unchanged"


def test_three_environments_reach_their_own_accounts_and_regions(repository, workshop):
    shutil.copy(repository.directory / "aphex-config.three-environments.yaml",
                repository.directory / "aphex-config.yaml")
    repository.commit("Three environments")

    done = workshop.run("run", "--sandbox", "--quiet", cwd=repository.directory, seconds=SECONDS)

    assert done.code == 0, done.err
    assert "hands over to run" in done.err
    places = deployed(workshop)
    assert {where: set(stacks) for where, stacks in places.items() if where[0] in (
        "111122223333", "222233334444", "333344445555")} == {
        ("111122223333", "us-east-1"): set(STACKS),
        ("222233334444", "us-east-1"): set(STACKS),
        ("333344445555", "eu-west-1"): set(STACKS)}
    listed = workshop.run("runs", "--limit", "1", "--format", "json", cwd=repository.directory)
    record = listed.json[0]
    assert list(workshop.stages(record["id"])) == [
        "validate", "build", "pipeline", "deploy-dev", "test-dev", "deploy-staging",
        "test-staging", "deploy-prod", "test-prod"]
    assert workshop.step(record["id"], "build-1")["state"] == "skipped", "built twice"
    assert set(workshop.run("outputs", "--format", "json", cwd=repository.directory).json) == {
        "dev", "staging", "prod"}
