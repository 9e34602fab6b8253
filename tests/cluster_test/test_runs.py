"""Runs of pipelines, from the workflow to the last pod."""

import json

from world import ACCOUNT, STAGING_ACCOUNT, Run, environment, say

CHAIN = ["validate", "build", "pipeline", "deploy-dev", "test-dev"]


def test_a_commit_goes_through_two_accounts(pipelines):
    """Each stage a pod of its own, in order; artifacts by commit; outputs; the other account."""
    pipeline = pipelines("whole")
    pipeline.configure(environment("dev"), environment("staging", STAGING_ACCOUNT)).deploy()
    commit = pipeline.commit()
    run = pipeline.run(commit)
    stages = [*CHAIN, "deploy-staging", "test-staging"]
    assert run.stages() == dict.fromkeys(stages, "Succeeded"), run.explain()
    assert run.phase == "Succeeded"
    begun = {}
    for stage in stages:
        [pod] = run.pods(stage)
        begun[stage] = pod["status"]["startTime"]
        assert pod["spec"]["securityContext"]["runAsUser"] == 8737
    assert sorted(stages, key=begun.get) == stages
    assert pipeline.keys() == [f"{commit}/{name}" for name in (
        "artifacts.json", "build-output.tar.gz", "cdk.out/dev.tar.gz", "cdk.out/staging.tar.gz",
        "outputs/dev.json", "outputs/staging.json")]
    outputs = json.loads(pipeline.read(f"{commit}/outputs/staging.json"))
    assert "https://api.example.com" in json.dumps(outputs)
    for stack, value in (("Network", "10.0.0.0/16"), ("Api", "https://api.example.com")):
        for name, account in (("dev", ACCOUNT), ("staging", STAGING_ACCOUNT)):
            status, found = pipeline.stack(stack, name, account)
            assert (status, found["Value"]) == ("CREATE_COMPLETE", value)
            assert f"CHECK {name} {stack}.Value {value}" in run.lines(f"test-{name}")
    assert pipeline.stack("Api", "staging", ACCOUNT) is None
    assert run.exit_phase() == "Succeeded"
    assert pipeline.metric("WorkflowSucceeded") == 1


def test_a_stage_that_fails_stops_what_follows(pipelines):
    pipeline = pipelines("stops")
    pipeline.configure(environment("dev", tests=("echo before", "exit 75")),
                       environment("staging", STAGING_ACCOUNT)).deploy()
    run = pipeline.run(pipeline.commit())
    assert run.stages() == {**dict.fromkeys(CHAIN, "Succeeded"), "test-dev": "Failed",
                            "deploy-staging": "Omitted", "test-staging": "Omitted"}, run.explain()
    assert run.phase == "Failed"
    # A command's exit code does not make Argo try again.
    assert len(run.pods("test-dev")) == 1
    assert pipeline.stack("Api", "dev")[0] == "CREATE_COMPLETE"
    assert pipeline.stack("Api", "staging", STAGING_ACCOUNT) is None
    assert run.exit_phase() == "Succeeded"
    assert pipeline.metric("WorkflowFailed") == 1


def test_the_exit_handler_runs_where_the_first_stages_fail(pipelines):
    """The stage `pipeline`, whose output it is told, never was."""
    pipeline = pipelines("early")
    pipeline.configure(environment("dev"), build=("exit 1",)).deploy()
    run = pipeline.run(pipeline.commit())
    assert run.stages() == {"validate": "Succeeded", "build": "Failed", "pipeline": "Omitted",
                            "deploy-dev": "Omitted", "test-dev": "Omitted"}, run.explain()
    assert run.phase == "Failed"
    assert run.exit_phase() == "Succeeded", run.explain()
    assert pipeline.metric("WorkflowFailed") == 1
    assert pipeline.keys() == []


def test_a_commit_that_changes_the_plan_runs_under_its_own(pipelines):
    """Its run hands over to another, which finds it built; so does the next commit's begin."""
    pipeline = pipelines("grows")
    pipeline.configure(environment("dev")).deploy()
    assert pipeline.tasks() == CHAIN
    pipeline.configure(environment("dev"), environment("prod"))
    first = pipeline.run(pipeline.commit("prod"))
    assert first.phase == "Succeeded", first.explain()
    assert first.stages() == {**dict.fromkeys(CHAIN[:3], "Succeeded"), "deploy-dev": "Skipped",
                              "test-dev": "Omitted"}
    grown = [*CHAIN, "deploy-prod", "test-prod"]
    assert pipeline.tasks() == grown
    second = Run(pipeline, f"{first.name}-r1").wait()
    assert second.stages() == dict.fromkeys(grown, "Succeeded"), second.explain()
    assert '"already built"' in second.log("build")
    assert pipeline.stack("Api", "prod")[0] == "CREATE_COMPLETE"
    assert pipeline.metric("WorkflowSucceeded") == 1, "both are one run"
    following = pipeline.run(pipeline.commit("more"))
    assert following.stages() == dict.fromkeys(grown, "Succeeded"), following.explain()
    assert not Run(pipeline, f"{following.name}-r1").exists()


def test_a_template_that_cannot_be_replaced_stays(pipelines):
    """The executor has lost its right: the run fails, and what was there is there."""
    pipeline = pipelines("stays")
    pipeline.configure(environment("dev")).deploy()
    account = f"{pipeline.name}-workflow-executor"
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{pipeline.namespace}/roles/{account}"
    role = pipeline.api.get(roles)
    for rule in role["rules"]:
        rule["verbs"] = [verb for verb in rule["verbs"] if verb != "patch"]
    pipeline.api.replace(roles, role)
    before = json.dumps(pipeline.template, sort_keys=True)
    pipeline.configure(environment("dev"), environment("prod"))
    run = pipeline.run(pipeline.commit())
    assert run.stages() == {"validate": "Succeeded", "build": "Succeeded", "pipeline": "Failed",
                            "deploy-dev": "Omitted", "test-dev": "Omitted"}, run.explain()
    assert "HTTP 403 Forbidden" in run.log("pipeline")
    assert json.dumps(pipeline.template, sort_keys=True) == before
    assert not Run(pipeline, f"{run.name}-r1").exists()
    assert run.exit_phase() == "Succeeded"


def test_runs_of_one_pipeline_wait_for_one_another(pipelines):
    pipeline = pipelines("queue")
    pipeline.configure(environment("dev", tests=())).deploy()
    pushed = [pipeline.start(pipeline.commit(f"push {number}")) for number in (1, 2)]
    for run in pushed:
        assert run.wait().phase == "Succeeded", run.explain()
    last = max(pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
               for pod in pushed[0].pods())
    first = min(pod["metadata"]["creationTimestamp"] for pod in pushed[1].pods())
    assert last <= first, f"{last} and {first}"
    say(f"the first ended at {last}, the second began at {first}")


def test_a_stage_that_cannot_reach_a_service_runs_again(pipelines):
    pipeline = pipelines("again")
    pipeline.configure(environment("dev"), build=("exit 1",)).deploy()
    git = pipeline.world.git
    git.available = False
    try:
        run = pipeline.start(pipeline.commit())
        pipeline.kubernetes.wait_until(lambda: run.attempts("validate") == ["Failed"],
                                       "the first pod gives up", 180)
    finally:
        git.available = True
    run.wait()
    assert run.attempts("validate") == ["Failed", "Succeeded"], run.explain()
    assert run.attempts("build") == ["Failed"], "what a command does is not tried again"
