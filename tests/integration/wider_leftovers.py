"""What belongs to no region and to no namespace: of leftovers.py, what it does not list.

Each list has one sentence a thing, as there.
"""

import leftovers

# The API server makes these itself, again at each start.
OWN_ROLES = "kubernetes.io/bootstrapping"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def everything(world):
    """In all accounts and on the cluster."""
    return (leftovers.in_aws(world.sandbox) | in_iam(world.sandbox)
            | leftovers.in_cluster(world.cluster) | of_whole_cluster(world.cluster))


def in_iam(sandbox):
    """Policies of an account's own (a pipeline's role has such where its rights are many), and who
    signs the tokens of service accounts."""
    code, answer = sandbox.call("GET", "/_aphex/accounts")
    assert code == 200, answer
    found = set()
    for account in [each["account"] for each in answer["accounts"]]:
        iam = sandbox.client("iam", account)
        for page in iam.get_paginator("list_policies").paginate(Scope="Local"):
            found |= {f"policy {each['Arn']}" for each in page["Policies"]}
        listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        found |= {f"identity provider {each['Arn']}" for each in listed}
    return found


def of_whole_cluster(cluster):
    """Rights in all namespaces."""
    return {f"{kind} {each['metadata']['name']}"
            for kind in ("clusterroles", "clusterrolebindings")
            for each in cluster.admin.list(f"{RBAC}/{kind}")
            if OWN_ROLES not in each["metadata"].get("labels", {})}
