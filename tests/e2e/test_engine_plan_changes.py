"""A commit that changes the pipeline: the run hands over to one under the new plan, once."""

from application import STAGING, environment

INVALID = """\
version: "1.0"
build:
  commands: [make]
environments:
  - name: dev
    account: "1234"
    stacks:
      - name: DatabaseStack
        path: lib/app.ts
        dependsOn: [NonExistentStack]
      - name: StackA
        path: lib/app.ts
        dependsOn: [StackB]
      - name: StackB
        path: lib/app.ts
        dependsOn: [StackA]
"""


def count_builds(application):
    return application.note("builds").read_text().count("built")


def first_run(application, aphex, *environments, **more):
    """A commit with its plan stored."""
    application.configure(*environments, build=[f"echo built >> {application.note('builds')}"],
                          **more)
    application.commit("First")
    done = aphex.run("run", "-q", cwd=application.directory)
    assert done.code == 0, done.err


def change(application, *environments, **more):
    application.configure(*environments, build=[f"echo built >> {application.note('builds')}"],
                          **more)
    return application.commit("Second")


def test_a_new_environment_is_reached_by_a_new_run_of_the_same_commit(application, aphex):
    first_run(application, aphex, environment("dev"))
    sha = change(application, environment("dev"), environment("staging", where=STAGING))

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert "run 2 hands over to run 3 under the new plan\n" in done.err
    old, new = aphex.show(2), aphex.show(3)
    assert (old["state"], new["state"]) == ("handed-over", "succeeded")
    assert (new["restartedFrom"], new["commitSha"]) == (2, sha)
    assert old["planDigest"] != new["planDigest"]
    assert list(aphex.stages(3))[-1] == "deploy-staging"
    assert aphex.stages(2)["deploy-dev"] == "pending"
    assert count_builds(application) == 2, "the commit was built twice"
    assert application.calls[2:] == ["synth dev", "synth staging", "deploy Api dev",
                                     "deploy Api staging"]
    again = aphex.run("run", "-q", cwd=application.directory)
    assert again.code == 0 and "hands over" not in again.err


def test_changed_tests_run_as_the_commit_says(application, aphex):
    first_run(application, aphex, environment(tests=["echo old"]))
    change(application, environment(tests=["echo new"]))

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert aphex.log("test-1", 3) == "new"


def test_a_rebuild_that_hands_over_builds_once(application, aphex):
    first_run(application, aphex, environment())
    change(application, environment(tests=["true"]))

    done = aphex.run("run", "-q", "--rebuild", cwd=application.directory)

    assert done.code == 0, done.err
    assert aphex.show(3)["state"] == "succeeded"
    assert count_builds(application) == 2


def test_a_commit_can_keep_its_run_under_the_old_plan(application, aphex):
    first_run(application, aphex, environment())
    change(application, environment(tests=["echo new"]), pipeline={"onChange": "continue"})

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert "test-dev" not in aphex.stages(2)
    assert len(aphex.run("runs", "--format", "json", cwd=application.directory).json) == 2
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert aphex.log("test-1", 3) == "new"


def test_the_commits_own_plan_can_be_asked_for_at_once(application, aphex):
    first_run(application, aphex, environment())
    change(application, environment(tests=["echo new"]))

    done = aphex.run("run", "-q", "--plan", "commit", cwd=application.directory)

    assert done.code == 0, done.err
    assert "hands over" not in done.err
    assert aphex.log("test-1", 2) == "new"


def test_an_invalid_configuration_leaves_the_stored_plan(application, aphex):
    first_run(application, aphex, environment(tests=["echo old"]))
    application.write("aphex-config.yaml", INVALID)
    application.commit("Break it")

    done = aphex.run("run", cwd=application.directory)

    assert done.code == 3
    assert done.err == """\
aphex-config.yaml:5:5: error: Missing required field: environments[0].region
    5 |   - name: dev
      |     ^~~~
      = hint: add 'region:'
aphex-config.yaml:6:14: error: Invalid AWS account ID format: must be 12 digits
    6 |     account: "1234"
      |              ^~~~~~
      = hint: found '1234', 4 characters
aphex-config.yaml:10:21: error: Stack dependency not found: DatabaseStack depends on \
NonExistentStack
   10 |         dependsOn: [NonExistentStack]
      |                     ^~~~~~~~~~~~~~~~
      = hint: stacks of this environment: StackA, StackB
aphex-config.yaml:16:21: error: Circular dependency detected: StackA → StackB → StackA
   16 |         dependsOn: [StackA]
      |                     ^~~~~~
      = hint: remove one dependency of the circle
error: aphex-config.yaml:5:5: Missing required field: environments[0].region (and 3 more)
 hint: add 'region:'
"""
    assert len(aphex.run("runs", "--format", "json", cwd=application.directory).json) == 1
    change(application, environment(tests=["echo old"]))
    mended = aphex.run("run", "-q", cwd=application.directory)
    assert mended.code == 0 and "hands over" not in mended.err


def test_another_commit_with_an_invalid_configuration_is_refused_too(application, aphex):
    """Not checked out, its paths cannot be seen at once: the validate stage sees them."""
    application.configure(environment())
    application.write("aphex-config.yaml",
                      (application.directory / "aphex-config.yaml").read_text()
                      .replace("lib/app.ts", "lib/ap.ts"))
    broken = application.commit("Break it")
    first_run(application, aphex, environment())

    done = aphex.run("run", "-q", "--commit", broken, cwd=application.directory)

    assert done.code == 3
    assert done.complaint == (
        "error: stage validate failed: step 'check the configuration': aphex-config.yaml:11:11: "
        "Stack file not found: lib/ap.ts\n"
        " hint: did you mean lib/app.ts\n")


def test_the_pipeline_is_known_by_the_name_in_the_configuration(application, aphex):
    first_run(application, aphex, environment(), pipeline={"name": "shop"})

    assert aphex.show()["pipeline"] == "shop"
    listed = aphex.run("runs", cwd=application.directory)
    assert listed.out.splitlines()[1].split()[:3] == ["1", "succeeded", "shop"]


def test_a_new_name_begins_a_new_pipeline(application, aphex):
    first_run(application, aphex, environment())
    change(application, environment(), pipeline={"name": "shop"})

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert aphex.show(2)["pipeline"] == "shop"
