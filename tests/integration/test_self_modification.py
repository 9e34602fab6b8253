"""Self-modification: a commit changes the pipeline that delivers it, and the next workflow goes
under the new topology to its end."""

from stock_application import queue

from application import environment
from on_cluster import outcome, stages_of


def test_a_commit_with_another_environment_is_delivered_by_the_workflow_after(delivery):
    made = delivery("changing")
    made.application.has(queue("changing-{environment}-queue"))
    made.configure(environment("dev"))
    made.commit()
    made.deploy()
    first, uid = made.template, made.template["metadata"]["uid"]
    assert stages_of(first) == ["validate", "build", "pipeline", "deploy-dev"]

    made.configure(environment("dev"), environment("prod", tests=["echo in $APHEX_ENVIRONMENT"]))
    commit = made.commit("Production")
    workflow = made.start(commit)
    ended = made.succeeds(workflow)

    # The workflow of the old topology ends where it hands over: it deploys nothing.
    assert list(ended) == ["validate", "build", "pipeline"]
    assert outcome(ended["pipeline"]) == "handed-over"
    assert made.stacks() == {}
    template = made.template
    assert template["metadata"]["uid"] == uid
    assert stages_of(template) == [
        "validate", "build", "pipeline", "deploy-dev", "deploy-prod", "test-prod"]
    assert template["metadata"]["annotations"]["aphex.dev/commit"] == commit

    # The next one goes under the new, with what was built already.
    after = made.succeeds(made.successor(workflow))
    assert list(after) == stages_of(template)
    assert outcome(after["pipeline"]) == "continue"
    assert "already built" in [each["summary"] for each in after["build"].events("step_finished")]
    assert set(made.stacks()) == {"changing-dev", "changing-prod"}
    assert "in prod" in after["test-prod"].lines

    # An environment that goes is deployed no more; what it has deployed stays.
    made.configure(environment("dev"))
    last = made.start(made.commit("No production"))
    assert outcome(made.succeeds(last)["pipeline"]) == "handed-over"
    assert stages_of(made.template) == stages_of(first)
    assert list(made.succeeds(made.successor(last))) == stages_of(first)
    assert set(made.stacks()) == {"changing-dev", "changing-prod"}
