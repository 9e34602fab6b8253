"""Several pipelines in one account, on one cluster, in several regions: none touches another's."""

from world import ACCOUNT, CLUSTER, key_of, versions


def test_two_pipelines_of_one_account_and_namespace(pipeline):
    one = pipeline("first-of-two").allow()
    one.deploy()
    before = one.live()
    other = pipeline("second-of-two", namespace=one.namespace)
    other.deploy()
    assert versions(one.live()) == versions(before)
    other_objects = {key_of(manifest) for manifest in other.manifests()}
    assert not other_objects & set(before)
    physical = {kind: set(ids) for kind, ids in one.resources().items()}
    for kind, ids in other.resources().items():
        assert not physical.get(kind, set()) & set(ids), kind

    other.destroy()
    assert other.live() == {}
    assert versions(one.live()) == versions(before)
    assert one.client("s3").head_bucket(Bucket=one.outputs()["ArtifactBucketName"])
    assert "(no changes)" in one.deploy()


def test_the_same_pipeline_in_another_region(pipeline, world):
    """Of the same account, and on a cluster of the same name; roles alone are of no region."""
    region = "eu-west-1"
    world.bootstrap(region)
    world.attach(CLUSTER, region)
    world.github_token(region)
    (provider,) = world.client("iam").list_open_id_connect_providers()[
        "OpenIDConnectProviderList"]
    here = pipeline("twin").allow()
    here.deploy()
    before = here.live()
    # Exports are of one region, so what the cluster's stack gives is said literally.
    there = pipeline("twin", region=region, workflowRoleName="TwinAbroad",
                     oidcProviderArn=provider["Arn"], kubectlRoleArn=world.kubectl_role,
                     oidcIssuer=None).allow()
    there.deploy()
    assert there.status() == "CREATE_COMPLETE"
    assert there.outputs()["ArtifactBucketName"] == f"twin-artifacts-{ACCOUNT}-{region}"
    assert versions(here.live()) == versions(before)
    assert here.described()["StackId"] != there.described()["StackId"]
    there.destroy()
    assert there.live() == {}
    assert versions(here.live()) == versions(before)
    assert here.status() == "CREATE_COMPLETE"
