"""A commit changes its own pipeline: the stage `pipeline` of the template that is in the cluster,
executed as a pod would be, with the rights that the stack gave its service account."""

import pytest
import yaml
from in_cluster import InCluster
from world import ACCOUNT, EXAMPLE, key_of


@pytest.fixture
def in_cluster(pipeline, tmp_path):
    app = pipeline("self").allow()
    made = InCluster(app, tmp_path / "pods")
    made.directory.mkdir()
    app.deploy()
    return made


def outcome(ended):
    return (ended.volume / "work/outcome").read_text(encoding="utf-8")


def test_a_commit_changes_stack_and_templates(in_cluster):
    app = in_cluster.app
    before = app.described()
    ended, _ = in_cluster.run(in_cluster.repository.commit())
    assert ended.code == 0, ended.out + ended.err
    assert outcome(ended) == "continue"
    assert f"the pipeline's stack {app.stack_name} is unchanged" in ended.lines
    assert app.described().get("LastUpdatedTime") == before.get("LastUpdatedTime")

    whole = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    whole["environments"].append({**whole["environments"][0], "name": "prod"})
    app.configure(whole, artifactRetentionDays=17)
    commit = in_cluster.repository.commit()
    ended, workflow = in_cluster.run(commit)
    assert ended.code == 0, ended.out + ended.err
    assert outcome(ended) == "handed-over"
    assert f"the pipeline's stack {app.stack_name} is deployed" in ended.lines
    assert app.status() == "UPDATE_COMPLETE"
    rules = app.client("s3").get_bucket_lifecycle_configuration(
        Bucket=f"self-artifacts-{ACCOUNT}-{app.region}")["Rules"]
    assert any(rule.get("Expiration", {}).get("Days") == 17 for rule in rules)
    template = in_cluster.template
    main = next(each for each in template["spec"]["templates"] if each["name"] == "main")
    assert "deploy-prod" in [task["name"] for task in main["dag"]["tasks"]]
    annotations = template["metadata"]["annotations"]
    assert annotations["aphex.dev/commit"] == commit
    assert annotations["aphex.dev/owner"].startswith("cloudformation/")
    successor = app.world.cluster.admin.get(
        f"/apis/argoproj.io/v1alpha1/namespaces/{app.namespace}/workflows/{workflow.name}-r1")
    assert successor["spec"]["workflowTemplateRef"]["name"] == template["metadata"]["name"]

    # The next deployment by hand finds the objects its own, and nothing to do.
    assert "(no changes)" in app.deploy()
    assert in_cluster.template["metadata"]["annotations"] == annotations
    ended, _ = in_cluster.run(commit)
    assert ended.code == 0, ended.err
    assert outcome(ended) == "continue"


def test_a_stack_that_cannot_be_deployed_leaves_the_template(in_cluster):
    """The commit's bucket has a name that somebody else has."""
    app = in_cluster.app
    in_cluster.repository.commit()
    taken = f"taken-{ACCOUNT}-{app.region}"
    app.client("s3").create_bucket(Bucket=taken)
    app.configure(artifactBucketName="taken")
    before = app.live()
    ended, _ = in_cluster.run(in_cluster.repository.commit())
    assert ended.code == 1, ended.out
    assert f"{app.stack_name} failed and is UPDATE_ROLLBACK_COMPLETE" in ended.err
    after = app.live()
    key = ("WorkflowTemplate", "self-pipeline")
    assert after[key]["spec"] == before[key]["spec"]
    assert [key_of(each) for each in after.values()] == [key_of(each) for each in before.values()]
