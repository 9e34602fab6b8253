"""What a session leaves in AWS, on the cluster and on this machine, and must not.

Each function lists what is there now, one sentence a thing. A fixture lists it before the first
test and after the last one's cleanup; what is there then and was not before is left over:

    before = in_aws(sandbox)
    …
    assert new(before, in_aws(sandbox)) == []

Logs are kept on purpose (build/test-logs), and what tests share for a session (the API server, the
local AWS) goes with the session.
"""

import os
import pathlib
import re

REGIONS = ("us-east-1", "eu-west-1")
# What a pipeline's stack and its applications make: service, operation, list, what names one.
LISTED = [
    ("iam", "list_roles", "Roles", "RoleName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("cloudtrail", "list_trails", "Trails", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", None),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
KINDS = {
    "/apis/argoproj.io/v1alpha1": ["workflowtemplates", "workflows", "eventsources", "sensors"],
    "/api/v1": ["secrets", "serviceaccounts", "configmaps", "services", "pods"],
    RBAC: ["roles", "rolebindings"],
    "/apis/networking.k8s.io/v1": ["ingresses", "networkpolicies"],
}
# Made by the API server itself.
OWN_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")
# So it labels its own rights, and makes them again at each start.
OWN_RIGHTS = "kubernetes.io/bootstrapping"
RIGHTS_IN_ALL_NAMESPACES = ("clusterroles", "clusterrolebindings")
LISTENS = "0A"


def new(before, after):
    return sorted(set(after) - set(before))


def in_aws(sandbox):
    """Stacks, every version of every object, and what stacks are made of; of every account."""
    code, answer = sandbox.call("GET", "/_aphex/resources")
    assert code == 200, answer
    found = set()
    for place in answer["environments"]:
        account, region = place["account"], place["region"]
        found |= {f"stack {each['name']} in {account} {region}" for each in place["stacks"]}
        for bucket in place["buckets"]:
            found |= objects_of(sandbox.client("s3", account, region), bucket["name"])
    code, answer = sandbox.call("GET", "/_aphex/accounts")
    assert code == 200, answer
    for account in [each["account"] for each in answer["accounts"]]:
        found |= identities_of(sandbox, account)
        for region in REGIONS:
            found |= resources_of(sandbox, account, region)
    return found


def identities_of(sandbox, account):
    """Policies of an account's own (a pipeline's role has such where its rights are many), and who
    signs the tokens of service accounts."""
    iam = sandbox.client("iam", account)
    found = {f"policy {each['Arn']}"
             for page in iam.get_paginator("list_policies").paginate(Scope="Local")
             for each in page["Policies"]}
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return found | {f"identity provider {each['Arn']}" for each in listed}


def objects_of(s3, bucket):
    found = {f"bucket {bucket}"}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for each in page.get("Versions", []) + page.get("DeleteMarkers", []):
            found.add(f"object s3://{bucket}/{each['Key']} {each['VersionId']}")
    return found


def resources_of(sandbox, account, region):
    found = set()
    for service, operation, listed, name in LISTED:
        client = sandbox.client(service, account, region)
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate()
        else:
            pages = [getattr(client, operation)()]
        for page in pages:
            found |= {f"{service} {each[name] if name else each} in {account} {region}"
                      for each in page.get(listed, [])}
    return found


def in_cluster(cluster):
    """Namespaces, every object of the kinds that pipelines have, and rights in all namespaces."""
    found = {f"namespace {each['metadata']['name']}"
             for each in cluster.admin.list("/api/v1/namespaces")}
    for group, kinds in KINDS.items():
        for kind in kinds:
            for each in cluster.admin.list(f"{group}/{kind}"):
                namespace = each["metadata"]["namespace"]
                if namespace not in OWN_NAMESPACES:
                    found.add(f"{kind} {namespace}/{each['metadata']['name']}")
    for kind in RIGHTS_IN_ALL_NAMESPACES:
        for each in cluster.admin.list(f"{RBAC}/{kind}"):
            if OWN_RIGHTS not in each["metadata"].get("labels", {}):
                found.add(f"{kind} {each['metadata']['name']}")
    return found


def of_processes(directory):
    """Children of this process, and whoever else lives in the directory or was told of it."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            about = (entry / "cmdline").read_bytes()
            told = about + (entry / "environ").read_bytes()
            told += os.fsencode(os.readlink(entry / "cwd"))
        except OSError:
            continue  # it has ended, or ends
        if about and (parent == os.getpid() or os.fsencode(directory) in told):
            found.add(f"process {entry.name} {about.replace(bytes(1), b' ').decode()}")
    return found


def of_ports():
    """On which this process itself listens; others are found as processes."""
    own = set()
    for descriptor in pathlib.Path("/proc/self/fd").iterdir():
        try:
            own |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(descriptor)))
        except OSError:
            continue  # of this listing itself
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/self/net", table).read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == LISTENS and columns[9] in own:
                found.add(f"port {int(columns[1].rpartition(':')[2], 16)}")
    return found


def of_folders(*directories):
    """Every file and empty folder below them."""
    found = set()
    for directory in directories:
        for folder, folders, files in os.walk(directory):
            found |= {f"file {pathlib.Path(folder, name)}" for name in files}
            if not folders and not files:
                found.add(f"folder {folder}")
    return found
