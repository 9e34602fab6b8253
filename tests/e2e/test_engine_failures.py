"""What fails stops exactly what it should, says why, and can be resumed once it is mended."""

from application import STAGING, environment
from program import plain

TWO = [environment("dev", tests=["true"]), environment("staging", where=STAGING)]


def test_a_failing_build_uploads_and_deploys_nothing(application, aphex):
    application.configure(environment(), build=["echo compiling", "echo broken >&2; exit 42"])
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 1
    assert done.complaint == (
        "error: stage build failed: step 'echo broken >&2; exit 42': build command failed with "
        "exit code 42\n"
        " hint: nothing was deployed and no artifact uploaded; mend the build and commit\n")
    assert application.calls == []
    assert not (aphex.state / "artifacts").exists()
    assert aphex.step(1, "build-2")["exitCode"] == 42
    run = aphex.show()
    assert (run["state"], run["exitCode"], run["error"]["code"]) == ("failed", 42,
                                                                     "command_failed")
    assert aphex.stages() == {"validate": "succeeded", "build": "failed", "pipeline": "pending",
                              "deploy-dev": "pending"}


def test_what_mends_the_repository_is_a_new_commit_and_resume_says_so(application, aphex):
    application.configure(build=["false"])
    old = application.commit()
    failed = aphex.run("run", "-q", cwd=application.directory)
    assert failed.err.endswith(
        "next:\n"
        "  aphex logs 1 --failed  what the failed step printed\n"
        "  aphex run              once a new commit mends the cause\n"
        "  aphex resume 1         the same commit again, where the cause lies elsewhere\n")
    assert "note:" not in aphex.run("resume", "-q", cwd=application.directory).err

    application.configure(build=["true"])
    new = application.commit("mended")
    resumed = aphex.run("resume", "-q", cwd=application.directory)

    assert resumed.code == 1
    assert resumed.err.startswith(
        f"note: run 1 is of commit {old[:12]}, which is run again; the repository is at "
        f"{new[:12]} now, which 'aphex run' runs\n")


def test_a_failing_test_leaves_its_stacks_and_stops_later_environments(application, aphex):
    application.configure(environment("dev", tests=["echo no >&2; exit 9"]), TWO[1])
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 1
    assert "    test-dev │ no\n" in done.err
    assert done.complaint.splitlines()[:2] == [
        "error: stage test-dev failed: step 'echo no >&2; exit 9': test command failed with exit "
        "code 9",
        " hint: the stacks stay deployed; mend the tests and commit, or 'aphex resume' to run them "
        "again"]
    assert application.calls == ["synth dev", "synth staging", "deploy Api dev"]
    assert aphex.stages()["deploy-staging"] == "pending"
    assert aphex.run("outputs", "--format", "json", cwd=application.directory).json == {
        "dev": {"Api": {"Url": "http://api"}}}


def test_a_failing_deployment_stops_its_dependants_and_later_environments(application, aphex):
    application.stacks({"name": "Data"}, {"name": "Api", "needs": ["Data"]})
    application.configure(environment("dev", stacks=["Data", "Api"]),
                          environment("staging", stacks=["Data", "Api"], where=STAGING))
    application.script("deploy-Data", "echo 'Error: quota reached' >&2; exit 1")
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 1
    assert done.complaint == (
        "error: stage deploy-dev failed: step 'deploy 2 stacks': Data was not deployed (cdk exit "
        "code 1): Error: quota reached; not started: Api\n")
    assert application.calls == ["synth dev", "synth staging", "deploy Data dev"]


def test_a_resumed_run_goes_on_where_it_failed(application, aphex):
    application.configure(*TWO, build=[f"echo built >> {application.note('builds')}"])
    application.script("deploy-Api-staging", "echo 'Error: no' >&2; exit 1")
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 1

    application.mend("deploy-Api-staging")
    done = aphex.run("resume", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert application.note("builds").read_text() == "built\n"
    assert application.calls == ["synth dev", "synth staging", "deploy Api dev",
                                 "deploy Api staging", "deploy Api staging"]
    assert "deploy-dev  done before\n" in done.err and "deploy-staging (attempt 2)\n" in done.err
    assert set(aphex.stages().values()) == {"succeeded"}
    assert (aphex.show()["state"], aphex.show()["exitCode"]) == ("succeeded", 0)


def test_a_resumed_build_begins_with_the_commit_again(application, aphex):
    gate = application.note("gate")
    application.configure(build=[f"echo $APHEX_STAGE; [ -e {gate} ]"])
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 1
    gate.touch()

    assert aphex.run("resume", "1", "-q", cwd="/").code == 0

    steps = [step for step in aphex.show()["steps"] if step["id"] == "build-1"]
    assert [(step["attempt"], step["state"]) for step in steps] == [(1, "failed"),
                                                                    (2, "succeeded")]


def test_throttling_is_waited_out(application, aphex):
    first = application.note("first")
    application.configure()
    application.script(
        "deploy-Api", f"[ -e {first} ] || {{ touch {first}; echo 'Throttling: Rate exceeded' >&2; "
                      "exit 1; }")
    application.commit()

    done = aphex.run("run", cwd=application.directory)

    assert done.code == 0, done.err
    assert application.calls == ["synth dev", "deploy Api dev", "deploy Api dev"]
    assert aphex.step(1, "stacks")["tries"] == 2
    assert ("attempt 1 of 4 failed: Api was not deployed (cdk exit code 1): Throttling: Rate "
            "exceeded; again in TIME\n") in plain(done.err)


def test_what_will_not_get_better_is_not_tried_again(application, aphex):
    application.configure()
    application.script("deploy-Api", "echo 'Error: Invalid template' >&2; exit 1")
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 1
    assert application.calls.count("deploy Api dev") == 1


def test_a_stage_that_takes_too_long_is_ended_with_all_its_processes(application, aphex):
    application.configure(build=["echo begun; sleep 300 & sleep 300"], timeouts={"build": "2s"})
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 1
    assert done.complaint.splitlines()[:2] == [
        "error: stage build took longer than its timeout of 2s",
        " hint: raise timeouts.build in the configuration, or make the stage faster"]
    assert aphex.show()["error"]["code"] == "timeout"
    assert aphex.stages()["build"] == "failed"


def test_a_misnamed_stack_is_refused_before_anything_deploys(application, aphex):
    application.stacks({"name": "ArchonInfrastructure-dev"}, {"name": "Api"})
    application.configure(environment(stacks=["Api", "ArchonInfrastructureStack"]))
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 3
    assert done.complaint == (
        "error: stage build failed: step 'check the stacks of dev': the stacks of environment dev "
        "do not match the app: ArchonInfrastructureStack is not in the app; it has "
        "ArchonInfrastructure-dev, Api; did you mean ArchonInfrastructure-dev?\n"
        " hint: `cdk ls -c environment=dev` lists the app's stacks\n")
    assert application.calls == ["synth dev"]


def test_an_account_that_is_not_bootstrapped_is_named_with_its_remedy(application, aphex):
    application.configure(environment("dev"),
                          environment("prod", where=("999900001111", "eu-west-1")))
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    role = "arn:aws:iam::999900001111:role/cdk-hnb659fds-deploy-role-999900001111-eu-west-1"
    assert done.code == 1
    assert done.complaint == (
        "error: stage validate failed: step 'check access to prod (999900001111 eu-west-1)': "
        "account 999900001111 is not bootstrapped in eu-west-1 (environment prod): there is no "
        f"{role}: STS AssumeRole {role}: AccessDenied: User: "
        "arn:aws:iam::111122223333:user/aphex-sandbox-admin is not "
        f"authorized to perform: sts:AssumeRole on resource: {role}\n"
        " hint: with credentials of account 999900001111: cdk bootstrap "
        "aws://999900001111/eu-west-1 --trust 111122223333 --cloudformation-execution-policies "
        "arn:aws:iam::aws:policy/AdministratorAccess\n")
    assert application.calls == []


def test_missing_tools_are_told_at_once(application, aphex, tmp_path):
    """Node and the CDK are missing at once: one message names both."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "git", "env", "python3", "sed", "basename", "uname"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    application.git("rm", "-rq", "--cached", "--ignore-unmatch", "node_modules")
    (application.directory / "node_modules/.bin/cdk").unlink()
    application.configure()
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory, PATH=str(tools))

    assert done.code == 1
    assert done.complaint == (
        "error: stage validate failed: step 'check tools': tools are needed here: node is not in "
        "PATH; the CDK CLI was not found: neither node_modules/.bin/cdk in the application, nor "
        "APHEX_CDK, nor cdk in PATH\n"
        " hint: install Node.js 20 or newer (https://nodejs.org); add it to the application (npm "
        "install --save-dev aws-cdk@2), or name it in APHEX_CDK\n")
