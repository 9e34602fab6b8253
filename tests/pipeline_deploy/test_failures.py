"""What stops a deployment is told in the stack's events, and nothing of it stays half applied."""

from world import CLUSTER, GROUP, RULES, versions

NO_SERVER = "https://127.0.0.1:9"  # the port "discard": nobody listens there


def assert_rolled_back(app, words):
    said = app.fail_to_deploy()
    assert app.status() == "ROLLBACK_COMPLETE"
    reasons = app.reasons("CREATE_FAILED")
    assert any(words in reason for reason in reasons), reasons
    assert words in " ".join(said.split()), said
    kinds = app.resources()
    left = [kind for kind in kinds if kind not in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy")]
    assert not any(event["ResourceStatus"] == "DELETE_FAILED" for event in app.events())
    return left


def test_a_cluster_that_cannot_be_reached(pipeline, world):
    world.attach("far-away", endpoint=NO_SERVER)
    app = pipeline("unreachable", clusterName="far-away", oidcProviderArn=oidc_provider(world),
                   kubectlRoleArn=world.kubectl_role, oidcIssuer=None)
    assert_rolled_back(app, "127.0.0.1:9")


def oidc_provider(world):
    (found,) = world.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return found["Arn"]


def test_a_namespace_that_gives_the_role_no_rights(pipeline):
    app = pipeline("forbidden")
    assert_rolled_back(app, "HTTP 403 Forbidden")
    reasons = " ".join(app.reasons("CREATE_FAILED"))
    assert app.namespace in reasons
    assert app.live() == {}


def test_a_first_deployment_that_failed_can_be_done_again(pipeline):
    app = pipeline("again")
    assert_rolled_back(app, "HTTP 403 Forbidden")
    app.allow().deploy()
    assert app.status() == "CREATE_COMPLETE"


def test_a_right_that_is_missing_half_way(pipeline, world):
    """Objects that were made already go again."""
    app = pipeline("half-way")
    rules = [rule for rule in RULES if "argoproj.io" not in rule["apiGroups"]]
    world.cluster.bind(GROUP, rules, app.namespace, group=True)
    assert_rolled_back(app, "workflowtemplates")
    made = [event for event in app.events()
            if event["ResourceType"] == "Custom::AphexKubernetesObject"
            and event["ResourceStatus"] == "CREATE_COMPLETE"]
    assert made
    assert app.live() == {}


def test_an_object_of_somebody_else_by_the_same_name(pipeline, world):
    app = pipeline("taken").allow()
    theirs = {"apiVersion": "v1", "kind": "ServiceAccount",
              "metadata": {"name": "taken-workflow-executor", "namespace": app.namespace,
                           "labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    world.cluster.admin.apply(theirs, manager="helm")
    path = world.cluster.admin.path_of(theirs)
    before = world.cluster.admin.get(path)
    assert_rolled_back(app, "does not take it over")
    assert world.cluster.admin.get(path) == before
    assert list(app.live()) == [("ServiceAccount", "taken-workflow-executor")]


def test_another_field_manager_in_an_update(pipeline, world):
    app = pipeline("conflict").allow()
    app.deploy()
    first = app.live()
    path = world.cluster.admin.path_of({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
        "metadata": {"name": "conflict-pipeline", "namespace": app.namespace}})
    world.cluster.admin.apply({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
        "metadata": {"name": "conflict-pipeline", "namespace": app.namespace},
        "spec": {"activeDeadlineSeconds": 77}}, manager="argo-cd", force=True)
    theirs = world.cluster.admin.get(path)

    written = app.configure()
    written["build"]["commands"].append("npm run lint")
    app.configure(written | {"timeouts": {"build": "11m", "deploy": "31m", "test": "10m"}})
    said = app.fail_to_deploy()
    assert "argo-cd" in said
    assert app.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert any("argo-cd" in reason for reason in app.reasons("UPDATE_FAILED"))
    assert world.cluster.admin.get(path)["spec"] == theirs["spec"]
    now = app.live()
    assert now.keys() == first.keys()
    changed = [key for key, version in versions(now).items() if version != versions(first)[key]]
    assert set(changed) <= {("WorkflowTemplate", "conflict-pipeline")}


def test_a_namespace_that_does_not_exist(pipeline):
    app = pipeline("homeless", namespace="nowhere-at-all")
    assert_rolled_back(app, "nowhere-at-all")


def test_wrong_settings_stop_before_aws_is_asked(pipeline):
    app = pipeline("wrong", artifactBucketName="sthree-x", webhook={"type": "ingress"})
    code, text = app.cdk("deploy")
    assert code == 1
    for words in ("which S3 keeps for itself", "webhook.host is missing"):
        assert words in text
    names = [stack["StackName"] for stack in
             app.client("cloudformation").describe_stacks()["Stacks"]]
    assert app.stack_name not in names
    assert CLUSTER in app.settings["clusterName"]
