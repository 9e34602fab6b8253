"""`aphex init` on an application that nobody wrote for aphex: the CDK's own sample."""

import json
import shutil
import subprocess

import pytest

from program import REPO, remove

SECONDS = 500


def leave_tests_out(directory):
    """Its tests bring 280 packages, some of them for other platforms only; its stack none."""
    file = directory / "package.json"
    package = json.loads(file.read_text(encoding="utf-8"))
    del package["scripts"]["test"]
    package["devDependencies"] = {name: version
                                  for name, version in package["devDependencies"].items()
                                  if name not in ("jest", "@swc/core", "@swc/jest")}
    file.write_text(json.dumps(package, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(directory / "test")
    (directory / "jest.config.js").unlink()


@pytest.fixture
def sample(tmp_path, workshop):
    """What `cdk init sample-app` makes, with its dependencies, committed."""
    directory = tmp_path / "sample"
    directory.mkdir()
    cdk = REPO / "node_modules/.bin/cdk"

    def do(*command):
        done = subprocess.run(command, cwd=directory, env=workshop.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr

    do(cdk, "init", "sample-app", "--language", "typescript", "--generate-only")
    leave_tests_out(directory)
    do("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
    do("git", "init", "-q", "-b", "main")
    do("git", "add", "--all")
    do("git", "commit", "-q", "-m", "The sample")
    yield directory
    remove(tmp_path)


def test_the_written_file_validates_and_the_pipeline_deploys_it(sample, workshop):
    written = workshop.run("init", cwd=sample, seconds=SECONDS)

    assert written.code == 0, written.err
    assert written.out == f"wrote {sample / 'aphex-config.yaml'}\n"
    assert written.err == """\
init: synthesizing the application to see its stacks
note: environment dev: the region is a placeholder
note: environment dev: the account is a placeholder
next:
  git add -A && git commit    a run is of a commit
  aphex plan                  what a run would do
  aphex run --sandbox         do it, against a local AWS
"""
    checked = workshop.run("validate", "--strict", cwd=sample)
    assert (checked.code, checked.out.strip()) == (
        0, "aphex-config.yaml: valid (1 environment, 1 stack, 1 warning)")
    assert "Environment dev has a placeholder for its account: 000000000000" in checked.err
    subprocess.run(["git", "add", "--all"], cwd=sample, env=workshop.environment, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "A pipeline"], cwd=sample,
                   env=workshop.environment, check=True)

    done = workshop.run("run", "--sandbox", "--quiet", cwd=sample, seconds=SECONDS)

    assert done.code == 0, done.err
    run = workshop.run("runs", "--limit", "1", "--format", "json", cwd=sample).json[0]
    assert run["pipeline"] == "sample"
    assert workshop.step(run["id"], "stacks")["summary"] == "1 stack, changed"


def test_a_file_outside_of_the_repository_is_not_written(tmp_path, workshop):
    repository = tmp_path / "shop"
    (repository / "lib").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=repository, env=workshop.environment, check=True)
    for given in ("../x.yaml", str(tmp_path / "x.yaml"), "lib/../../x.yaml"):
        done = workshop.run("init", "--output", given, cwd=repository)
        assert done.code == 2, done.err
        assert f"error: {tmp_path / 'x.yaml'} is outside of the repository {repository}\n" \
            in done.err
        assert not (tmp_path / "x.yaml").exists()


@pytest.fixture
def shop(tmp_path, workshop):
    """An application whose cdk answers with an assembly that lies ready."""
    repository = tmp_path / "shop"
    for name, text in {"cdk.json": '{"app": "x"}', "lib/base.ts": "", "lib/web.ts": "",
                       "tool/package.json": '{"name": "aphex-test", "version": "1.0.0"}',
                       "tool/cdk": f"""#!/bin/sh
[ "$1" = --version ] && {{ echo "2.1148.1 (build x)"; exit; }}
while [ $# -gt 0 ]; do [ "$1" = --output ] && output=$2; shift; done
cp -r {REPO}/tests/data/assemblies/agnostic "$output"
"""}.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (repository / "tool/cdk").chmod(0o755)
    subprocess.run(["git", "init", "-q"], cwd=repository, env=workshop.environment, check=True)
    return repository


def test_the_next_commands_name_another_file(shop, workshop):
    done = workshop.run("init", "--output", "my conf.yaml", "--environment", "a_b",
                        cwd=shop / "lib", APHEX_CDK=str(shop / "tool/cdk"))
    assert done.code == 0, done.err
    assert done.out == f"wrote {shop / 'my conf.yaml'}\n"
    assert "note: the environment is called a-b: 'a_b' is no name of one" in done.err
    assert done.err.endswith("""\
next:
  git add -A && git commit                       a run is of a commit
  aphex plan '../my conf.yaml'                   what a run would do
  aphex run --sandbox --config 'my conf.yaml'    do it, against a local AWS
""")
    planned = workshop.run("plan", "../my conf.yaml", cwd=shop / "lib")
    assert planned.code == 0, planned.err


def test_a_file_to_be_filled_in_is_named_too(shop, workshop):
    (shop / "lib/web.ts").unlink()
    done = workshop.run("init", "--output", "lib/x.yaml", cwd=shop,
                        APHEX_CDK=str(shop / "tool/cdk"))
    assert done.err.endswith("fill in what is missing, then: aphex validate lib/x.yaml\n")
