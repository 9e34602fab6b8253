"""A run from commit to tested stacks: order, surroundings of commands, records, logs."""

import json
import re

from application import STAGING, environment
from program import plain, planted


WHOLE_RUN = """\
run 1 of app: SHORT on main, "Say hello"

validate
  ✓ clone the commit  TIME  SHORT
  ✓ check the configuration  TIME  valid
  ✓ check tools  TIME  bash, git, node VERSION, cdk 2.1148.0
    arn:aws:iam::111122223333:user/aphex-sandbox-admin (environment variables) may assume \
arn:aws:iam::111122223333:role/cdk-hnb659fds-deploy-role-111122223333-us-east-1
  ✓ check access to dev (111122223333 us-east-1)  TIME  own account, bootstrap version VERSION
  ✓ check the CDK application's settings  TIME  app `node app.js`, no looked-up context

build
  ✓ look for this commit's artifacts  TIME  not built yet
    node_modules: no lock file beside it or above it, so not cached
  ✓ restore the dependency cache  TIME  0 of 1 restored
  $ echo built
    build │ built
  ✓ echo built  TIME
  ✓ synthesize dev  TIME  1 stack
    order: Api
  ✓ check the stacks of dev  TIME  1 of the app's 1 stacks
    build-output.tar.gz: 5 files, SIZE packed to SIZE
    node_modules.tar.gz: 3 files, SIZE packed to SIZE
    cdk.out/dev.tar.gz: 3 files, SIZE packed to SIZE
  ✓ pack and upload artifacts  TIME  3 archives, SIZE

pipeline
  ✓ update the pipeline  TIME  stored SHORT

deploy-dev
  · download artifacts  TIME  already here
    arn:aws:iam::111122223333:user/aphex-sandbox-admin (environment variables) may assume \
arn:aws:iam::111122223333:role/cdk-hnb659fds-deploy-role-111122223333-us-east-1
  ✓ take the environment's credentials  TIME  own account, bootstrap version VERSION
    the assembly for dev fits: STATE/runs/1/assemblies/dev
  · synthesize dev  TIME  1 stack, already synthesized
    deploying Api to 111122223333/us-east-1
    Api │  ✅  Api
    Api deployed (TIME)
  ✓ deploy 1 stack  TIME  1 stack, changed
    outputs of dev written to STATE/runs/1/outputs/dev.json
  ✓ capture outputs  TIME  1 output of 1 stack

test-dev
  · download artifacts  TIME  already here
    APHEX_OUTPUTS_FILE=STATE/runs/1/outputs/dev.json
  ✓ provide outputs  TIME  1 output
  $ echo tested
    test-dev │ tested
  ✓ echo tested  TIME

STAGE       RESULT     TIME
validate    succeeded  TIME
build       succeeded  TIME
pipeline    succeeded  TIME
deploy-dev  succeeded  TIME
test-dev    succeeded  TIME

run 1 succeeded in TIME
next:
  aphex outputs 1        what the stacks gave out
  aphex runs 1           every step with its time
  aphex logs 1           everything that was printed
"""


def test_a_run_takes_the_stages_in_order_and_shows_each_step(application, aphex):
    application.configure(environment(tests=["echo tested"]), build=["echo built"])
    application.commit("Say hello")

    done = aphex.run("run", cwd=application.directory)

    assert done.code == 0
    assert done.out == ""
    assert plain(done.err, (aphex.state, "STATE")) == WHOLE_RUN


def test_stages_of_all_environments_follow_one_another(application, aphex):
    application.configure(
        environment("dev", tests=["echo dev >> $APHEX_RUN_DIR/order"]),
        environment("staging", where=STAGING, tests=["echo staging >> $APHEX_RUN_DIR/order"]))
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert list(aphex.stages()) == ["validate", "build", "pipeline", "deploy-dev", "test-dev",
                                    "deploy-staging", "test-staging"]
    assert set(aphex.stages().values()) == {"succeeded"}
    assert application.calls == ["synth dev", "synth staging", "deploy Api dev",
                                 "deploy Api staging"]
    assert (aphex.state / "runs/1/order").read_text() == "dev\nstaging\n"


def test_an_environment_without_stacks_is_passed_through_each_time(application, aphex):
    """Valid, with a warning: somebody prepares an environment."""
    application.configure(environment("dev"), environment("later", stacks=(), where=STAGING))
    application.commit()
    first = aphex.run("run", "-q", cwd=application.directory)
    assert first.code == 0, first.err
    application.commit("Second")

    second = aphex.run("run", "-q", cwd=application.directory)

    assert second.code == 0, second.err
    assert "stored plan" not in second.err
    assert aphex.step(2, "stacks")["summary"] == "0 stacks, unchanged"


def test_stacks_deploy_along_their_graph(application, aphex):
    application.stacks({"name": "Api", "needs": ["Data"]}, {"name": "Data"},
                       {"name": "Panel", "needs": ["Api"]})
    application.configure(environment(stacks=["Panel", "Api", "Data"]))
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    assert application.calls == ["synth dev", "deploy Data dev", "deploy Api dev",
                                 "deploy Panel dev"]


def test_commands_know_the_commit_by_five_parameters(application, aphex):
    names = ["COMMIT_SHA", "REPOSITORY_URL", "BRANCH", "AUTHOR", "MESSAGE"]
    show = "; ".join(f'printf "%s\\n" "$APHEX_{name}"' for name in names)
    application.configure(environment(tests=[show]), build=[show])
    message = 'Mind `id` and $(id), "quotes" \\ {{workflow.name}}\n\nSecond paragraph'
    sha = application.commit(message)

    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    expected = f"{sha}\n{application.directory}\nmain\nAda <ada@example.com>\n{message}"
    assert aphex.log("build-1") == expected
    assert aphex.log("test-1") == expected


def test_parameters_can_be_given(application, aphex):
    application.configure(build=['echo "$APHEX_REPOSITORY_URL $APHEX_BRANCH $APHEX_AUTHOR '
                                 '$APHEX_MESSAGE"'])
    application.commit()

    done = aphex.run("run", "-q", "--branch", "feature/x", "--author", "Grace", "--message",
                     "By hand", "--repository-url", "https://example.com/team/shop.git",
                     cwd=application.directory)

    assert done.code == 0, done.err
    assert aphex.log("build-1") == "https://example.com/team/shop.git feature/x Grace By hand"
    assert aphex.show()["pipeline"] == "shop"


def test_the_password_in_the_origin_is_told_to_nobody(application, aphex):
    password = planted.secret("password of the origin", "hunter2hunter2")
    application.git("remote", "add", "origin", f"https://ada:{password}@example.com/team/shop")
    planted.holds(application.directory / ".git/config", "password of the origin")
    application.configure(build=["echo $APHEX_REPOSITORY_URL; git remote -v"])
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    assert aphex.show()["repositoryUrl"] == "https://example.com/team/shop"
    assert "hunter2" not in aphex.log("build-1")


def test_commands_have_no_standard_input(application, aphex):
    application.configure(build=["cat; echo end"])
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert aphex.log("build-1") == "end"


def test_a_command_ends_at_its_first_failing_line(application, aphex):
    application.configure(build=["echo one\nfalse\necho two"])
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 1
    assert aphex.log("build-1") == "one\n# failed: build command failed with exit code 1"


def test_a_command_fails_with_any_part_of_its_pipe(application, aphex):
    application.configure(build=["(exit 7) | cat", "echo never"])
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 1
    assert aphex.step(1, "build-1")["exitCode"] == 7
    assert [step["id"] for step in aphex.show()["steps"]][-1] == "build-1"


def test_each_command_is_a_shell_of_its_own(application, aphex):
    application.configure(build=["cd lib; export LEFT=behind", 'echo "${LEFT-}"; ls app.ts'])
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 1
    assert aphex.step(1, "build-2")["exitCode"] == 2


def test_a_signal_that_ends_a_command_is_named(application, aphex):
    application.configure(build=["kill -9 $$"])
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 1
    step = aphex.step(1, "build-1")
    assert (step["exitCode"], step["error"]) == (137, "build command was ended by signal 9")


def test_output_without_an_end_of_line_and_other_bytes_are_kept(application, aphex):
    application.configure(build=[r"printf 'a\r\nb\xff\x00c\nlast'"])
    application.commit()

    done = aphex.run("run", "--log-format", "json", cwd=application.directory)

    assert done.code == 0, done.err
    lines = [event["line"] for event in done.events("output") if event["step"] == "build-1"]
    assert (lines[0], lines[2]) == ("a\r", "last")


def test_tests_get_outputs_by_file_and_by_variable(application, aphex):
    application.stacks({"name": "Api", "outputs": {"Url": "http://api", "Quote": 'a "b" $c'}},
                       {"name": "Data-Store", "outputs": {"Table": "t"}})
    application.configure(environment(
        stacks=["Api", "Data-Store"],
        tests=["cat $APHEX_OUTPUTS_FILE",
               'printf "%s|%s|%s\\n" "$APHEX_OUTPUT_API_URL" "$APHEX_OUTPUT_API_QUOTE" '
               '"$APHEX_OUTPUT_DATA_STORE_TABLE"']))
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    outputs = {"Api": {"Quote": 'a "b" $c', "Url": "http://api"}, "Data-Store": {"Table": "t"}}
    assert json.loads(aphex.log("test-1")) == outputs
    assert aphex.log("test-2") == 'http://api|a "b" $c|t'
    shown = aphex.run("outputs", "--format", "json", cwd=application.directory)
    assert shown.json == {"dev": outputs}
    table = aphex.run("outputs", cwd=application.directory)
    assert table.out == """\
ENVIRONMENT  STACK       OUTPUT  VALUE
dev          Api         Quote   a "b" $c
dev          Api         Url     http://api
dev          Data-Store  Table   t
"""


def test_hooks_run_around_the_deployment(application, aphex):
    note = application.note("hooks")
    application.configure(environment(hooks={
        "beforeDeploy": [f"echo before {{}} $APHEX_ENVIRONMENT >> {note}"],
        "afterDeploy": [f"echo after $APHEX_OUTPUT_API_URL >> {note}"]}))
    application.script("deploy-Api", f"echo deploy >> {note}")
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert note.read_text() == "before {} dev\ndeploy\nafter http://api\n"


def test_a_command_of_an_environment_works_with_that_environments_account(application, aphex):
    who = ("node -e 'console.log(process.env.AWS_REGION, process.env.CDK_DEFAULT_ACCOUNT, "
           "process.env.AWS_ACCESS_KEY_ID ? \"key\" : \"profile\")'")
    application.configure(environment("staging", where=STAGING, tests=[who]))
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert aphex.log("test-1") == "us-east-1 222233334444 profile"
    left = list((aphex.state / "runs").rglob("grant.json"))
    assert not left, "a grant outlived its command"


def test_json_logs_are_one_object_a_line(application, aphex):
    application.configure(environment(tests=["echo hello; echo there >&2"]))
    sha = application.commit("First")

    done = aphex.run("run", "--log-format", "json", cwd=application.directory)

    assert done.code == 0
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
               for line in lines)
    assert all(line["run"] == 1 for line in lines)
    started = done.events("run_started")[0]
    assert (started["commitSha"], started["branch"], started["pipeline"]) == (sha, "main", "app")
    said = [line["line"] for line in done.events("output") if line["stage"] == "test-dev"]
    assert sorted(said) == ["hello", "there"]
    finished = done.events("step_finished")
    assert [each["step"] for each in finished][-2:] == ["outputs", "test-1"]
    assert done.events("run_finished")[0]["state"] == "succeeded"


def test_a_failure_in_json_logs_carries_code_hint_and_exit_code(application, aphex):
    application.configure(build=["exit 3"])
    application.commit()

    done = aphex.run("run", "--log-format", "json", cwd=application.directory)

    assert done.code == 1
    error = done.events("run_finished")[0]["error"]
    assert error == {
        "code": "command_failed",
        "message": "stage build failed: step 'exit 3': build command failed with exit code 3",
        "hint": "nothing was deployed and no artifact uploaded; mend the build and commit",
        "exitCode": 3}


def test_the_progress_names_every_command_and_prefixes_its_output(application, aphex):
    application.configure(environment(tests=["echo tested"]), build=["echo built; echo oops >&2"])
    application.commit()

    err = aphex.run("run", cwd=application.directory).err

    assert "  $ echo built; echo oops >&2\n    build │ built\n    build │ oops\n" in err
    assert "  $ echo tested\n    test-dev │ tested\n" in err


def test_quiet_shows_output_only_of_what_fails(application, aphex):
    application.configure(build=["echo fine", "echo broken; exit 4"])
    application.commit()

    done = aphex.run("run", "--quiet", cwd=application.directory)

    assert "fine\n" not in done.err.replace("echo fine", "")
    assert "    build │ broken\n" in done.err


def test_a_log_is_followed_until_the_run_ends(application, aphex):
    go = application.note("go")
    application.configure(build=[f"echo waiting; until [ -e {go} ]; do sleep 0.05; done; echo on"])
    application.commit()
    run = aphex.start("run", "-q", cwd=application.directory)
    try:
        follower = aphex.start("logs", "1", "--follow", cwd="/")
        seen = ""
        while "waiting\n" not in seen:
            line = follower.stdout.readline()
            if not line:  # the run was not recorded yet
                follower.communicate()
                follower = aphex.start("logs", "1", "--follow", cwd="/")
            seen += line
        go.touch()
        rest, _ = follower.communicate(timeout=60)
    finally:
        go.touch()
        run.communicate(timeout=60)
    assert "on\n" in rest and "== deploy-dev: deploy 1 stack\n" in rest
    assert follower.returncode == 0
