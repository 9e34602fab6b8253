"""Several pipelines in one account, on one cluster, in several regions: none touches another's."""

from world import CLUSTER, key_of, versions


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


def test_a_pipeline_in_another_region(pipeline, world):
    """The same account, and a cluster of the same name there."""
    region = "eu-west-1"
    world.bootstrap(region)
    world.attach(CLUSTER, region)
    world.github_token(region)
    (provider,) = world.client("iam").list_open_id_connect_providers()[
        "OpenIDConnectProviderList"]
    here = pipeline("at-home").allow()
    here.deploy()
    before = here.live()
    # Exports are of one region, so what the cluster's stack gives is said literally.
    there = pipeline("abroad", region=region, oidcProviderArn=provider["Arn"],
                     kubectlRoleArn=world.kubectl_role, oidcIssuer=None).allow()
    there.deploy()
    assert there.status() == "CREATE_COMPLETE"
    assert there.outputs()["ArtifactBucketName"].endswith(f"-{region}")
    assert versions(here.live()) == versions(before)
    names = [stack["StackName"] for stack in
             here.client("cloudformation").describe_stacks()["Stacks"]]
    assert here.stack_name in names and there.stack_name not in names
    there.destroy()
    assert versions(here.live()) == versions(before)
