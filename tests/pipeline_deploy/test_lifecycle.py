"""One pipeline's stack from its first `cdk ls` to `cdk destroy`."""

import pytest
from world import (
    ACCOUNT, GITHUB_TOKEN, PIPELINE_APP, REGION, decoded, key_of, plain, uids, versions)


@pytest.fixture
def app(pipeline):
    return pipeline("life").allow()


def foreign_objects(app):
    """What others have in the pipeline's namespace, and in its bucket's account."""
    cluster = app.world.cluster
    made = []
    for manifest in (
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
             "metadata": {"name": "of-others", "namespace": app.namespace}},
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
             "metadata": {"name": "other-pipeline", "namespace": app.namespace,
                          "labels": {"app.kubernetes.io/managed-by": "helm"}},
             "spec": {"entrypoint": "main", "templates": [
                 {"name": "main", "container": {"image": "alpine"}}]}}):
        cluster.admin.apply(manifest)
        made.append((cluster.admin.path_of(manifest),
                     cluster.admin.get(cluster.admin.path_of(manifest))))
    return made


def test_from_the_first_ls_to_destroy(app):
    others = foreign_objects(app)
    assert app.succeed("ls").strip() == app.stack_name
    template, output = app.synth()
    diff = plain(app.succeed("diff"))
    assert "Number of stacks with differences: 1" in diff
    for kind in ("AWS::S3::Bucket", "AWS::IAM::Role", "Custom::AphexKubernetesObject"):
        assert f"[+] {kind}" in diff

    said = app.deploy()
    assert app.status() == "CREATE_COMPLETE"
    first = app.live()
    assert list(first) == [key_of(manifest) for manifest in app.manifests()]
    no_secret_was_told(app, said + diff, output)

    said = plain(app.deploy())
    assert f"{app.stack_name} (no changes)" in said
    assert "Number of stacks with differences: 0" in plain(app.succeed("diff"))
    assert versions(app.live()) == versions(first)

    change(app, first)

    app.destroy()
    names = {stack["StackName"] for stack in app.client("cloudformation").describe_stacks()[
        "Stacks"]}
    assert app.stack_name not in names
    assert app.live() == {}
    for path, before in others:
        assert app.world.cluster.admin.get(path) == before
    only_the_bucket_is_left(app)


def no_secret_was_told(app, text, output):
    value = app.webhook_secret()
    assert len(value) == 40
    live = app.live()
    assert decoded(live["Secret", "life-webhook-secret"]) == {"secret": value}
    assert decoded(live["Secret", "life-github-token"]) == {"token": GITHUB_TOKEN}
    places = [text, *app.provider_log(), str(app.described()), str(app.events())]
    places += [path.read_text(encoding="utf-8", errors="replace")
               for path in output.rglob("*.json")]
    places += [str(item) for key, item in live.items() if key[0] != "Secret"]
    for place in places:
        assert value not in place and GITHUB_TOKEN not in place


def change(app, first):
    """A renamed EventSource is another object; a template that changed is the same one."""
    written = app.configure(eventSourceName="renamed")
    written["build"]["commands"].append("npm run lint")
    app.configure(written)
    told = plain(app.succeed("diff"))
    assert "[-] Custom::AphexKubernetesObject" in told
    assert "[+] Custom::AphexKubernetesObject" in told
    before = len(app.events())
    app.deploy()
    assert app.status() == "UPDATE_COMPLETE"
    now = app.live()
    assert ("EventSource", "renamed") in now
    # Looked at by its path: it is not among the manifests any more.
    old = first["EventSource", "life-github"]
    assert not app.world.cluster.admin.exists(app.world.cluster.admin.path_of(
        old | {"apiVersion": "argoproj.io/v1alpha1", "kind": "EventSource"}))
    template = ("WorkflowTemplate", "life-pipeline")
    assert uids(now)[template] == uids(first)[template]
    assert versions(now)[template] != versions(first)[template]
    assert "npm run lint" in str(now[template])
    kept = {key for key in first if key[0] in ("ServiceAccount", "Secret", "Role", "RoleBinding")}
    assert {key: versions(now)[key] for key in kept} == {key: versions(first)[key] for key in kept}
    touched = {event["ResourceType"] for event in app.events()[before:]}
    assert touched <= {"AWS::CloudFormation::Stack", "Custom::AphexKubernetesObject"}


def only_the_bucket_is_left(app):
    bucket = f"life-artifacts-{ACCOUNT}-{REGION}"
    s3 = app.client("s3")
    assert s3.head_bucket(Bucket=bucket)
    # Protected as before: its policy stays with it.
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    roles = {role["RoleName"] for role in app.client("iam").list_roles()["Roles"]}
    assert not any(name.startswith("Life") for name in roles)
    assert not any(function["FunctionName"].startswith("Life")
                   for function in app.client("lambda").list_functions()["Functions"])
    groups = app.client("logs").describe_log_groups(logGroupNamePrefix="/aphex/life")["logGroups"]
    assert groups == []
    alarms = app.client("cloudwatch").describe_alarms(AlarmNamePrefix="life-")["MetricAlarms"]
    assert alarms == []


def test_the_pipeline_app_and_the_command_work_on_one_stack(pipeline):
    """The program of pipeline/ gives everything a tag of its own, and differs in nothing else."""
    assert PIPELINE_APP.exists(), f"{PIPELINE_APP} is missing: build archon_pipeline"
    app = pipeline("archon-agent").allow()
    program = f"{PIPELINE_APP} aphex-config.yaml"
    app.app = program
    assert app.succeed("ls").strip() == app.stack_name
    app.deploy()
    made, first = app.resources(), app.live()
    assert list(first) == [key_of(manifest) for manifest in app.manifests()]

    app.app = "aphex synth"
    app.deploy()
    assert app.resources() == made
    app.configure(githubBranch="release")
    app.deploy()
    assert "release" in str(app.live()["Sensor", "archon-agent-sensor"])

    app.app = program
    assert "Number of stacks with differences: 1" in plain(app.succeed("diff"))
    app.destroy()
    assert app.live() == {}
