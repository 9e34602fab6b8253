"""Real stacks that fail, accounts that refuse: what is said, what is kept, how it is mended."""

import json

import boto3

from example import STACKS

SECONDS = 500
BUCKET = "this.transcripts = new s3.Bucket(this, 'Transcripts', {"
TAKEN = f"{BUCKET}\n      bucketName: 'somebody-elses-bucket',"


def client(workshop, service):
    """Of the pipeline's account, which owns what is in the way."""
    exported = workshop.run("sandbox", "env", cwd="/").out
    variables = dict(line.removeprefix("export ").split("=", 1) for line in exported.splitlines())
    variables = {name: value.strip("'") for name, value in variables.items()}
    return boto3.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"],
                        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                        region_name="us-east-1")


def test_a_stack_that_fails_is_explained_kept_and_repaired_by_resume(example, workshop):
    account = "666677778888"
    example.move_to(account)
    example.change("lib/archon-infrastructure-stack.ts", BUCKET, TAKEN)
    example.commit("A name that is taken")
    started = workshop.run("sandbox", "start", cwd=example.directory)
    assert started.code == 0, started.err
    s3 = client(workshop, "s3")
    s3.create_bucket(Bucket="somebody-elses-bucket")

    failed = workshop.run("run", "--sandbox", "--quiet", cwd=example.directory, seconds=SECONDS)

    assert failed.code == 1
    run = workshop.run("runs", "--limit", "1", "--format", "json", cwd=example.directory).json[0]
    assert failed.complaint == (
        "error: stage deploy-dev failed: step 'deploy 4 stacks': ArchonInfrastructureStack failed "
        "and is ROLLBACK_COMPLETE: Transcripts77918A18 (AWS::S3::Bucket): The requested bucket "
        "name is not available. The bucket namespace is shared by all users of the system. Please "
        "select a different name and try again; not started: ArchonKnowledgeBaseStack, "
        "ArchonAgentStack, "
        "ArchonMonitoringDashboard\n"
        " hint: mend the cause and push, or `aphex resume`: the next deployment deletes the stack, "
        "which holds nothing, and creates it anew\n")
    assert workshop.stages(run["id"])["deploy-dev"] == "failed"
    kept = workshop.state / f"runs/{run['id']}/events/dev/{STACKS[0]}.json"
    events = json.loads(kept.read_text(encoding="utf-8"))
    assert "The requested bucket name is not available" in kept.read_text(encoding="utf-8")
    assert [event for event in events["events"] if event["status"] == "CREATE_FAILED"]

    s3.delete_bucket(Bucket="somebody-elses-bucket")
    resumed = workshop.run("resume", "--quiet", cwd=example.directory, seconds=SECONDS)

    assert resumed.code == 0, resumed.err
    assert "ROLLBACK_COMPLETE: its creation failed before; it is deleted and created anew" in \
        workshop.log("stacks", run["id"])


def test_a_misnamed_stack_is_refused_before_anything_deploys(example, workshop):
    example.move_to("666677779999")
    example.change("aphex-config.yaml", "ArchonMonitoringDashboard", "ArchonMonitoringStack")
    example.commit("Another name")

    done = workshop.run("run", "--sandbox", "--quiet", cwd=example.directory, seconds=SECONDS)

    assert done.code == 3
    assert done.complaint == (
        "error: stage build failed: step 'check the stacks of dev': the stacks of environment dev "
        "do not match the app: ArchonMonitoringStack is not in the app; it has "
        "ArchonInfrastructureStack, ArchonKnowledgeBaseStack, ArchonAgentStack, "
        "ArchonMonitoringDashboard; did you mean ArchonMonitoringDashboard?\n"
        " hint: `cdk ls -c environment=dev` lists the app's stacks\n")
    status = workshop.run("sandbox", "status", "--format", "json", cwd="/").json
    there = [stack["name"] for environment in status["resources"]["environments"]
             if environment["account"] == "666677779999" for stack in environment["stacks"]]
    assert there == ["CDKToolkit"]
