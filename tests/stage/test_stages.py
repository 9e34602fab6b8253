"""Each kind of stage in its pod, from the clone to the exit code."""

import json
import signal
import sys
import time

from application import STAGING, environment
from program import planted, wait_until


def read(pod_or_ended, path):
    return (pod_or_ended.volume / "work" / path).read_text(encoding="utf-8")


def test_a_commit_goes_through_every_stage(pipeline, application, aws):
    """Validated, built to S3, deployed and tested, by pods that share nothing but the bucket."""
    application.configure(
        environment(stacks=("Api",), tests=('echo "tested $APHEX_OUTPUT_API_URL"',)),
        build=("echo made > made.txt",))
    workflow = pipeline.workflow(application.commit())
    for stage in ("validate", "build", "deploy-dev", "test-dev"):
        ended = workflow.run(stage)
        assert ended.code == 0, f"{stage}: {ended.out}\n{ended.err}"
        assert ended.err == ""
        [finished] = ended.events("run_finished")
        assert finished["state"] == "succeeded"
        assert finished["workflow"] == workflow.name
    assert "tested http://api" in ended.lines
    commit = workflow.parameters["commitSha"]
    assert aws.keys(pipeline.bucket) == [
        f"{commit}/artifacts.json", f"{commit}/build-output.tar.gz",
        f"{commit}/cdk.out/dev.tar.gz", f"{commit}/node_modules.tar.gz",
        f"{commit}/outputs/dev.json"]
    assert application.calls == ["synth dev", "deploy Api dev"]


def test_a_second_workflow_finds_the_commit_built(pipeline, application):
    application.configure(build=(f"echo built >> {application.note('builds')}",))
    commit = application.commit()
    for name in ("run-a", "run-b"):
        ended = pipeline.workflow(commit, name=name).run("build")
        assert ended.code == 0, ended.err
    assert application.note("builds").read_text() == "built\n"
    assert [each["summary"] for each in ended.events("step_finished") if each["step"] == "find"] \
        == ["already built"]


def test_a_later_pod_has_the_source_beside_artifacts_that_are_a_part(pipeline, application, aws):
    application.write("scripts/check", "#!/bin/sh\ncat dist/made.txt\n")
    application.configure(environment(tests=("sh scripts/check",)),
                          build=("mkdir -p dist; echo made > dist/made.txt",),
                          build_artifacts=["dist"])
    workflow = pipeline.workflow(application.commit())
    for stage in ("build", "deploy-dev", "test-dev"):
        ended = workflow.run(stage)
        assert ended.code == 0, f"{stage}: {ended.out}\n{ended.err}"
    assert "made" in ended.lines
    assert f"{workflow.parameters['commitSha']}/source.tar.gz" in aws.keys(pipeline.bucket)


def test_a_failing_command_decides_no_exit_code(pipeline, application, aws):
    """Argo tries again what exits with 75; a command that does so has failed all the same."""
    application.configure(build=("echo before", "exit 75", "echo after"))
    workflow = pipeline.workflow(application.commit())
    ended = workflow.run("build")
    assert ended.code == 1
    assert "before" in ended.lines and "after" not in ended.lines
    assert ended.err == (
        "error: stage build failed: step 'exit 75': build command failed with exit code 75\n"
        " hint: nothing was deployed and no artifact uploaded; mend the build and commit\n")
    [finished] = ended.events("run_finished")
    assert finished["error"]["code"] == "command_failed"
    assert finished["error"]["exitCode"] == 75
    assert aws.keys(pipeline.bucket) == []


def test_a_commit_mends_the_build_that_it_is_run_under(pipeline, application, aws):
    """Its template's build has a mistake; the commit's own does not."""
    application.configure(build=("echo broken > broken.txt; exit 1",))
    generated = pipeline.generate()
    application.configure(build=("test ! -e broken.txt; echo mended",))
    workflow = pipeline.workflow(application.commit(), generated)
    ended = workflow.run("build")
    assert ended.code == 0, ended.out + ended.err
    assert "mended" in ended.lines
    assert any("the commit does this stage otherwise" in each for each in ended.messages)
    assert f"{workflow.parameters['commitSha']}/artifacts.json" in aws.keys(pipeline.bucket)


def test_an_invalid_configuration_ends_validation(pipeline, application):
    application.configure()
    generated = pipeline.generate()
    application.write("aphex-config.yaml", "version: '1.0'\nbuild:\n  commands: []\n")
    ended = pipeline.workflow(application.commit(), generated).run("validate")
    assert ended.code == 3
    assert "aphex-config.yaml:" in ended.err


def test_what_lacks_is_named_all_at_once(pipeline, application):
    application.configure()
    pod = pipeline.workflow(application.commit()).pod("validate")
    container = dict(pod.template["container"])
    container["env"] = [each for each in container["env"]
                        if each["name"] not in ("APHEX_WORKFLOW", "APHEX_PLAN_DIGEST")]
    ended = pod.end(pod.start(container))
    assert ended.code == 2
    assert ended.err == (
        "error: APHEX_WORKFLOW, APHEX_PLAN_DIGEST are not set\n"
        " hint: 'aphex stage' runs in the pods of a pipeline's workflow, whose WorkflowTemplate "
        "sets these variables\n")
    ended = pod.run(APHEX_COMMIT_SHA="main; reboot")
    assert ended.code == 2
    assert "APHEX_COMMIT_SHA is 'main; reboot', not a commit's 40" in ended.err


def test_progress_goes_to_argo(pipeline, application, tmp_path):
    progress = tmp_path / "progress"
    seen = tmp_path / "seen"
    application.configure(build=(f"cat {progress} > {seen}", "true"))
    workflow = pipeline.workflow(application.commit())
    ended = workflow.run("build", ARGO_PROGRESS_FILE=str(progress))
    assert ended.code == 0, ended.err
    assert seen.read_text() == "2/7", "after 'find' and 'cache', of seven steps"
    assert progress.read_text() == "7/7"


def test_a_failed_stack_leaves_its_events(pipeline, application, aws):
    """The real CLI against the sandbox: the bucket's name is taken."""
    application.configure(environment(stacks=("Api",)))
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket",
                                         "Properties": {"BucketName": pipeline.bucket}}}}
    application.write("node_modules/.bin/cdk", REAL_DEPLOY.replace("PYTHON", sys.executable)
                      .replace("STACK", pipeline.name))
    (application.directory / "node_modules/.bin/cdk").chmod(0o755)
    application.write("template.json", json.dumps(template))
    workflow = pipeline.workflow(application.commit())
    assert workflow.run("build").code == 0
    ended = workflow.run("deploy-dev")
    assert ended.code == 1
    commit = workflow.parameters["commitSha"]
    key = f"{commit}/events/dev/Api.json"
    assert ended.messages == [
        f"CloudFormation's events of the failed deployment: s3://{pipeline.bucket}/{key}"]
    kept = json.loads(aws.client("s3").get_object(Bucket=pipeline.bucket, Key=key)["Body"].read())
    assert kept["stack"] == "Api"
    assert any(each["status"] == "CREATE_FAILED" for each in kept["events"])
    assert "Api failed and is ROLLBACK_COMPLETE: Bucket (AWS::S3::Bucket): " in ended.err


# Synthesizes as the fake does, and creates the stack by CloudFormation itself.
REAL_DEPLOY = """#!/usr/bin/env bash
set -e
case "$1" in
--version) echo "2.1148.0 (build fake)" ;;
synth)
  while [ "$1" != --output ]; do shift; done
  mkdir -p "$2"
  cp template.json "$2/Api.template.json"
  cat > "$2/manifest.json" <<END
{"version": "36.0.0", "artifacts": {"Api": {"type": "aws:cloudformation:stack",
 "environment": "aws://111122223333/us-east-1",
 "properties": {"templateFile": "Api.template.json", "stackName": "STACK"}}}}
END
  ;;
deploy)
  PYTHON - <<END
import os, boto3, sys
cloudformation = boto3.client("cloudformation", region_name="us-east-1",
                              endpoint_url=os.environ["AWS_ENDPOINT_URL"])
cloudformation.create_stack(StackName="STACK", TemplateBody=open("template.json").read())
END
  echo "❌  STACK failed: the stack named STACK failed to deploy"
  exit 1 ;;
esac
"""


def test_sigterm_ends_a_stage_within_its_grace_period(pipeline, application, tmp_path, aws):
    running = tmp_path / "running"
    application.configure(build=(f"echo started; touch {running}; sleep 600",))
    workflow = pipeline.workflow(application.commit())
    pod = workflow.pod("build")
    pod.clone()
    process = pod.start(pod.template["container"])
    wait_until(running.exists, "the command runs")
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = pod.end(process)
    assert time.monotonic() - begin < 60
    assert ended.code == 130
    [finished] = ended.events("run_finished")
    assert finished["state"] == "cancelled"
    assert "SIGTERM" in finished["error"]["message"]
    # What was logged is in CloudWatch, the last line too.
    assert "run_finished" in shipped(pipeline, aws, workflow, "build")[-1]


def shipped(pipeline, aws, workflow, stage):
    logs = aws.client("logs")
    streams = logs.describe_log_streams(
        logGroupName=pipeline.log_group,
        logStreamNamePrefix=f"{workflow.name}/{stage}/")["logStreams"]
    lines = []
    for stream in streams:
        events = logs.get_log_events(logGroupName=pipeline.log_group, startFromHead=True,
                                     logStreamName=stream["logStreamName"])["events"]
        lines += [each["message"] for each in events]
    return lines


def test_the_log_is_shipped_as_it_is_printed(pipeline, application, aws):
    application.configure(build=("seq 1 3000", "echo $MY_TOKEN"))
    workflow = pipeline.workflow(application.commit())
    ended = workflow.run("build", MY_TOKEN=planted.secret("token of a command", "hunter2hunter2"))
    assert ended.code == 0, ended.err
    assert "hunter2" not in ended.out
    assert "***" in ended.lines
    logs = aws.client("logs")
    [stream] = logs.describe_log_streams(logGroupName=pipeline.log_group)["logStreams"]
    assert stream["logStreamName"] == f"{workflow.name}/build/1-build"
    events, token = [], None
    while True:
        more = logs.get_log_events(
            logGroupName=pipeline.log_group, logStreamName=stream["logStreamName"],
            startFromHead=True, **({"nextToken": token} if token else {}))
        if not more["events"]:
            break
        events += more["events"]
        token = more["nextForwardToken"]
    assert [each["message"] for each in events] == ended.out.splitlines()
    times = [each["timestamp"] for each in events]
    assert times == sorted(times)


def test_a_lost_cloudwatch_costs_the_stage_nothing(pipeline, application):
    """Nobody listens: the stage succeeds, and says so once."""
    application.configure(build=("seq 1 500",))
    workflow = pipeline.workflow(application.commit())
    begin = time.monotonic()
    ended = workflow.run("build", AWS_ENDPOINT_URL_LOGS="http://127.0.0.1:9",
                         AWS_ENDPOINT_URL_MONITORING="http://127.0.0.1:9")
    assert ended.code == 0, ended.err
    assert time.monotonic() - begin < 60
    said = [each for each in ended.messages if "CloudWatch" in each]
    assert sorted(each.split(":")[0] for each in said) == [
        "log lines do not go to CloudWatch Logs", "the metrics did not reach CloudWatch"]


def metric(aws, name, *dimensions):
    """The sum under these dimensions. moto adds those that have more beside them."""
    data = aws.client("cloudwatch").get_metric_statistics(
        Namespace="Aphex/Pipelines", MetricName=name, StartTime=time.time() - 3600,
        EndTime=time.time() + 3600, Period=7200, Statistics=["Sum"],
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions])["Datapoints"]
    return sum(each["Sum"] for each in data)


def dimensions_of(aws, name, pipeline):
    found = aws.client("cloudwatch").list_metrics(
        Namespace="Aphex/Pipelines", MetricName=name,
        Dimensions=[{"Name": "Pipeline", "Value": pipeline.name}])["Metrics"]
    return sorted({tuple(sorted(d["Name"] for d in each["Dimensions"])) for each in found})


def test_metrics_of_stages_and_runs_reach_cloudwatch(pipeline, application, aws):
    application.configure(environment(stacks=("Api",)))
    workflow = pipeline.workflow(application.commit())
    for stage in ("build", "deploy-dev"):
        assert workflow.run(stage).code == 0
    ended = workflow.pod("exit").run(
        APHEX_WORKFLOW_STATUS="Succeeded", APHEX_WORKFLOW_FAILURES='"null"',
        APHEX_WORKFLOW_DURATION="61.5")
    assert ended.code == 0, ended.err
    of = ("Pipeline", pipeline.name)
    assert dimensions_of(aws, "DeploymentSucceeded", pipeline) == [
        ("Environment", "Pipeline"), ("Pipeline",)]
    assert dimensions_of(aws, "StageDuration", pipeline) == [("Pipeline",), ("Pipeline", "Stage")]
    assert metric(aws, "DeploymentSucceeded", of, ("Environment", "dev")) == 1
    assert metric(aws, "StageDuration", of, ("Stage", "build")) > 0
    assert metric(aws, "ArtifactSize", of) > 0
    assert metric(aws, "WorkflowSucceeded", of) == 1
    assert metric(aws, "WorkflowDuration", of) == 61.5
    application.script("deploy-Api", "exit 1")
    assert workflow.run("deploy-dev").code == 1
    assert metric(aws, "DeploymentFailed", of, ("Environment", "dev")) == 1


def test_people_are_notified_of_a_failed_run(pipeline, application, aws):
    queue = aws.client("sqs").create_queue(QueueName=pipeline.name)["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(
        QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=pipeline.topic, Protocol="sqs", Endpoint=arn)
    application.configure()
    workflow = pipeline.workflow(application.commit())
    failures = [{"displayName": "test-dev", "message": "main: Error (exit code 1)"}]
    ended = workflow.pod("exit").run(
        APHEX_WORKFLOW_STATUS="Failed", APHEX_WORKFLOW_FAILURES=json.dumps(json.dumps(failures)),
        APHEX_WORKFLOW_DURATION="61.5")
    assert ended.code == 0, ended.err
    [message] = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(message["Body"])
    commit = workflow.parameters["commitSha"]
    assert told["Subject"] == f"{pipeline.name} failed: {commit[:12]} on main"
    assert "- test-dev: main: Error (exit code 1)" in told["Message"]
    assert f"https://argo.example.com/workflows/pipelines/{workflow.name}" in told["Message"]


def test_a_run_that_goes_on_in_another_workflow_has_not_ended(pipeline, application, aws):
    application.configure()
    workflow = pipeline.workflow(application.commit())
    ended = workflow.pod("exit").run(
        APHEX_WORKFLOW_STATUS="Succeeded", APHEX_WORKFLOW_FAILURES="null",
        APHEX_WORKFLOW_DURATION="61.5", APHEX_WORKFLOW_OUTCOME="handed-over")
    assert ended.code == 0, ended.err
    assert "goes on under its new plan" in ended.messages[0]
    assert metric(aws, "WorkflowSucceeded", ("Pipeline", pipeline.name)) == 0


def test_a_notification_that_fails_is_no_failure_of_the_run(pipeline, application):
    application.configure()
    generated = pipeline.generate(
        notificationTopicArn="arn:aws:sns:us-east-1:111122223333:nobody")
    ended = pipeline.workflow(application.commit(), generated).pod("exit").run(
        APHEX_WORKFLOW_STATUS="Succeeded", APHEX_WORKFLOW_FAILURES="null",
        APHEX_WORKFLOW_DURATION="61.5")
    assert ended.code == 0, ended.err
    assert any(each.startswith("nobody was notified: ") for each in ended.messages)


def test_an_environment_of_another_account_has_credentials_of_its_own(pipeline, application):
    """Its commands work as the deploy role of that account, those of the build as the pipeline."""
    whoami = (f"{sys.executable} -c 'import boto3; print(boto3.client(\"sts\", "
              "region_name=\"us-east-1\").get_caller_identity()[\"Arn\"])'")
    application.configure(environment("staging", where=STAGING, tests=(whoami,)),
                          build=(whoami,))
    workflow = pipeline.workflow(application.commit())
    ended = workflow.run("build")
    assert ended.code == 0, ended.out
    assert any(":111122223333:" in line for line in map(str, ended.lines)), ended.lines
    for stage in ("deploy-staging", "test-staging"):
        ended = workflow.run(stage)
        assert ended.code == 0, f"{stage}: {ended.out}"
    assert any("assumed-role/cdk-hnb659fds-deploy-role-222233334444-us-east-1" in str(line)
               for line in ended.lines), ended.lines
