import json

from assembly import OBJECT, manifests, synthesize
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines, to_yaml

CLUSTER = "aphex.dev/cluster"


def named_clusters(value):
    """Every value under a key that says it is a cluster."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in (CLUSTER, "ClusterName", "clusterName"):
                yield item
            yield from named_clusters(item)
    elif isinstance(value, list):
        for item in value:
            yield from named_clusters(item)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                                  HealthCheck.data_too_large])
@given(configuration=pipelines())
def test_property_3_cluster_reference_correctness(aphex, repository, configuration):
    """
    Feature: deployment-automation-construct, Property 3: Cluster reference correctness

    For any pipeline configuration with a specified cluster name, all generated Kubernetes
    resources should reference that exact cluster name.

    Validates: Requirements 1.4
    """
    text = to_yaml(configuration)
    cluster = configuration["pipeline"]["clusterName"]
    made = synthesize(aphex, repository, text)
    assert made.manifests
    for manifest in [*made.manifests, *manifests(aphex, repository, text)]:
        assert manifest["metadata"]["annotations"][CLUSTER] == cluster
    for resource in made.all(OBJECT):
        assert resource["Properties"]["ClusterName"] == cluster
    assert set(named_clusters(made.manifests)) | set(named_clusters(made.template)) == {cluster}

    # What the function may look at, and whose exports are imported.
    statements = [statement for role in made.all("AWS::IAM::Role")
                  for policy in role["Properties"].get("Policies", [])
                  for statement in policy["PolicyDocument"]["Statement"]]
    (find,) = [each for each in statements if "eks:DescribeCluster" in each["Action"]]
    assert str(find["Resource"]).endswith(f":cluster/{cluster}")
    assert all(f"AphexCluster-{cluster}-" in name for name in imports(made.template))


def imports(value):
    if isinstance(value, dict):
        if set(value) == {"Fn::ImportValue"}:
            yield json.dumps(value["Fn::ImportValue"])
        for item in value.values():
            yield from imports(item)
    elif isinstance(value, list):
        for item in value:
            yield from imports(item)
