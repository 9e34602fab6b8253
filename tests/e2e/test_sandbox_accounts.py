"""`aphex sandbox`: which accounts it makes, by which CDK, and for whom."""

import subprocess

import boto3
import pytest
import requests

from application import Application, environment
from program import REPO, Program, processes_with, remove, wait_until

CDK = REPO / "node_modules" / ".bin" / "cdk"
SHARED = ("999999999999", "us-east-1")


@pytest.fixture(scope="module")
def folder(base, tmp_path_factory):
    directory = tmp_path_factory.mktemp("accounts")
    yield directory
    wait_until(lambda: not processes_with(str(directory)), "the sandbox ends", 20)
    remove(directory)


@pytest.fixture(scope="module")
def local(folder, surroundings):
    """A sandbox of this module's own."""
    program = Program(folder / "state", surroundings)
    yield program
    program.run("sandbox", "stop", cwd="/")


def pipeline(folder, surroundings, account, name):
    """An application with the stock CDK CLI and a pipeline in an account of its own."""
    made = Application(folder / name, surroundings)
    own = made.directory / "node_modules" / ".bin" / "cdk"
    own.write_text(f'#!/bin/sh\necho "$1" >> {made.control}/calls\nexec {CDK} "$@"\n')
    made.configure(environment("dev", where=(account, "us-east-1")),
                   environment("prod", where=SHARED))
    made.commit()
    return made


@pytest.fixture(scope="module")
def first(folder, surroundings):
    return pipeline(folder, surroundings, "111111111111", "first")


@pytest.fixture(scope="module")
def second(folder, surroundings):
    return pipeline(folder, surroundings, "222222222222", "second")


def variables(local, cwd, **more):
    shown = local.run("sandbox", "env", "--format", "json", cwd=cwd, **more)
    assert shown.code == 0, shown.err
    return shown.json


def assumes(local, application, account):
    """Whether the pipeline's own key may assume the account's deploy role."""
    key = variables(local, application.directory)
    sts = boto3.client("sts", endpoint_url=key["AWS_ENDPOINT_URL"], region_name="us-east-1",
                       aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
                       aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"])
    role = f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-us-east-1"
    try:
        sts.assume_role(RoleArn=role, RoleSessionName="test")
    except sts.exceptions.ClientError:
        return False
    return True


def test_two_pipelines_that_share_an_account_are_both_let_in(local, first, second):
    for application in (first, second, first):
        started = local.run("sandbox", "start", cwd=application.directory)
        assert started.code == 0, started.err
    for application in (first, second):
        assert assumes(local, application, SHARED[0])
    assert assumes(local, first, "111111111111") and assumes(local, second, "222222222222")
    assert not assumes(local, first, "222222222222")
    assert len(first.calls) == 2, "what is bootstrapped already is not bootstrapped again"


def test_the_application_s_own_cdk_bootstraps(local, first, second):
    assert set(first.calls) == set(second.calls) == {"bootstrap"}


def test_a_lost_trust_is_mended(local, first, surroundings):
    """A person's own `cdk bootstrap --trust` replaces whom the account trusts."""
    here = variables(local, first.directory)
    key = requests.post(here["AWS_ENDPOINT_URL"] + "/_aphex/accounts",
                        json={"account": SHARED[0]}, timeout=60).json()
    subprocess.run(
        [CDK, "bootstrap", f"aws://{SHARED[0]}/us-east-1", "--trust", "222222222222",
         "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess"],
        env={**surroundings, **here, "AWS_ACCESS_KEY_ID": key["accessKeyId"],
             "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"]},
        cwd=first.directory.parent, check=True, capture_output=True, timeout=120)
    assert not assumes(local, first, SHARED[0])

    assert local.run("sandbox", "start", cwd=first.directory).code == 0

    assert assumes(local, first, SHARED[0])


def test_a_named_configuration_is_heeded_when_the_sandbox_runs_already(local, first, folder):
    named = folder / "third.yaml"
    text = (first.directory / "aphex-config.yaml").read_text()
    named.write_text(text.replace("111111111111", "333333333333"))
    started = local.run("sandbox", "start", "--config", named, cwd="/", APHEX_CDK=str(CDK))
    assert started.code == 0, started.err
    assert "bootstrapping aws://333333333333/us-east-1" in started.err


def test_a_named_configuration_that_is_missing_or_wrong_is_an_error(local, folder):
    missing = local.run("sandbox", "start", "--config", "none.yaml", cwd=folder)
    assert (missing.code, missing.complaint.splitlines()[0]) == (
        3, "error: cannot open none.yaml: No such file or directory")
    (folder / "wrong.yaml").write_text("version: \"1.0\"\n")
    wrong = local.run("sandbox", "start", "--config", "wrong.yaml", cwd=folder)
    assert wrong.code == 3
    assert "wrong.yaml:1:1: Missing required field: build" in wrong.complaint


def test_a_directory_below_has_the_repository_s_configuration(local, first):
    below = first.directory / "lib"
    assert variables(local, below) == variables(local, first.directory)
    assert local.run("validate", cwd=below).code == 0
    checked = local.run("doctor", "--sandbox", "--format", "json", cwd=below).json
    states = {each["name"]: each["state"] for each in checked["checks"]}
    assert states["environment dev"] == states["environment prod"] == "ok"
    cdk = next(each for each in checked["checks"] if each["name"] == "cdk")
    assert str(first.directory / "node_modules/.bin/cdk") in cdk["detail"]


def test_a_proxy_s_exceptions_stay(local, first):
    made = variables(local, first.directory, NO_PROXY="intranet,.corp")
    assert made["NO_PROXY"] == made["no_proxy"] == "intranet,.corp,localhost,127.0.0.1"
