"""A mistake in the stored plan does not stand for ever: the commit that mends it gets through."""

from application import environment


def deliver(application, aphex, command, message):
    application.configure(environment("dev"), build=[command])
    application.commit(message)
    return aphex.run("run", "-q", cwd=application.directory)


def break_the_stored_plan(application, aphex):
    assert deliver(application, aphex, "true", "Works").code == 0
    broken = deliver(application, aphex, "exit 7", "Breaks the build")
    assert broken.code == 1, broken.err
    assert "run 2 hands over to run 3 under the new plan\n" in broken.err


def test_a_commit_that_mends_the_build_is_delivered(application, aphex):
    break_the_stored_plan(application, aphex)

    mended = deliver(application, aphex, "echo mended", "Mends it")

    assert mended.code == 0, mended.err
    assert ("run 4 failed under the pipeline's stored plan (stage build failed: step 'exit 7': "
            "build command failed with exit code 7), which this commit changes; trying the "
            "commit's own\n") in mended.err
    assert "run 4 hands over to run 5 under the new plan\n" in mended.err
    old, new = aphex.show(4), aphex.show(5)
    assert (old["state"], new["state"]) == ("handed-over", "succeeded")
    assert new["restartedFrom"] == 4
    assert aphex.stages(4) == {"validate": "succeeded", "build": "failed", "pipeline": "pending",
                               "deploy-dev": "pending"}
    assert aphex.log("build-1", 5) == "mended"
    again = aphex.run("run", "-q", cwd=application.directory)
    assert again.code == 0 and "hands over" not in again.err


def test_a_commit_that_mends_nothing_leaves_the_stored_plan_alone(application, aphex):
    break_the_stored_plan(application, aphex)

    worse = deliver(application, aphex, "exit 8", "Mends nothing")

    assert worse.code == 1
    assert aphex.show(4)["state"] == "handed-over"
    assert aphex.show(5)["error"]["message"] == (
        "stage build failed: step 'exit 8': build command failed with exit code 8")
    third = deliver(application, aphex, "exit 9", "Nor this")
    assert "run 6 failed under the pipeline's stored plan (stage build failed: step 'exit 7'" \
        in third.err


def test_a_build_that_fails_as_the_commit_has_it_is_tried_once(application, aphex):
    assert deliver(application, aphex, "true", "Works").code == 0
    application.configure(environment("dev"), build=["exit 7"])
    application.commit("Breaks the build")
    assert aphex.run("run", "-q", "--plan", "commit", cwd=application.directory).code == 1
    assert aphex.show(2)["state"] == "failed"
