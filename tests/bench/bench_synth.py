"""`aphex synth` beside the same stack written for aws-cdk-lib in TypeScript, and how it grows.

Both write the whole assembly of the example's pipeline, the provider's archive among it, as the cdk
command line would have it: a process that finds CDK_OUTDIR. The peer (peers/cdk/pipeline.ts) gets
the Kubernetes objects ready-made. Before anything is timed, both assemblies are compared: types and
numbers of resources, tags, outputs, rights.

aws-cdk-lib checks its template by a validator unless CDK_VALIDATION=false says no; each way of
running the peer is timed with the validator and without. Ours has none; cfn-lint is a test's.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import time

import peer_programs
from bench_plan import STACKS, configuration
from measure import Contestant, against, in_turn, run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE_MODULES = ROOT / "tests/constructs/node_modules"
EXAMPLE = ROOT / "examples/archon-agent"
OBJECT = "Custom::AphexKubernetesObject"
WAVES = ["Access", "Workflows", "Events", "Trigger"]
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
SETTINGS = f"""pipeline:
  name: archon-agent
  clusterName: arbiter
  oidcIssuer: {ISSUER}
  githubOwner: archon
  githubRepo: archon-agent
  githubTokenSecretName: github-token
"""
AIM = "100x"
GROWTH = (10, 100, 1000)


def environment(**more):
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
            "NODE_NO_WARNINGS": "1", **more}


def template_of(assembly):
    (file,) = assembly.glob("*.template.json")
    return json.loads(file.read_text(encoding="utf-8"))


def one(template, kind):
    (found,) = [item["Properties"] for item in template["Resources"].values()
                if item["Type"] == kind]
    return found


def objects_of(template, assembly, folder):
    """The Kubernetes objects of our template, ready-made for the peer."""
    found = []
    for resource in template["Resources"].values():
        if resource["Type"] != OBJECT:
            continue
        path = resource["Metadata"]["aws:cdk:path"].split("/")
        given = resource["Properties"]
        made = {"id": path[-1], "wave": WAVES.index(path[-2])}
        if "Manifest" in given:
            made["manifest"] = given["Manifest"]
        else:
            digest = given["ManifestSha256"]
            file = folder / f"{digest}.manifest.json"
            shutil.copy(assembly / f"asset.{digest}.manifest.json", file)
            made |= {"file": str(file), "sha256": digest}
        for secret in given.get("SecretValues", []):
            made["secret"] = {"key": secret["Key"]}
            if isinstance(secret["Secret"], str):
                made["secret"]["name"] = secret["Secret"]
        found.append(made)
    return found


def input_of_peer(assembly, folder):
    template = template_of(assembly)
    bucket = one(template, "AWS::S3::Bucket")
    roles = [item["Properties"] for item in template["Resources"].values()
             if item["Type"] == "AWS::IAM::Role"]
    (role,) = [each for each in roles if "RoleName" in each]
    trust = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    _, _, namespace, account = trust[f"{ISSUER}:sub"].split(":")
    (provider,) = assembly.glob("asset.*.zip")
    archive = folder / "provider.zip"
    shutil.copy(provider, archive)
    return {
        "pipeline": "archon-agent", "stackName": "ArchonAgentPipelineStack",
        "description": template["Description"], "account": "111122223333", "region": "us-east-1",
        "cluster": "arbiter", "issuer": ISSUER, "namespace": namespace, "serviceAccount": account,
        "roleName": role["RoleName"], "githubTokenSecret": "github-token",
        "bucket": bucket["BucketName"], "retentionDays": 90, "logRetentionDays": 90,
        "stacks": ["ArchonInfrastructureStack", "ArchonKnowledgeBaseStack", "ArchonAgentStack",
                   "ArchonMonitoringDashboard"],
        "provider": str(archive),
        "workflowTemplate": template["Outputs"]["WorkflowTemplateName"]["Value"],
        "webhookUrl": template["Outputs"]["WebhookUrl"]["Value"],
        "dashboardBody": json.loads(one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]),
        "objects": objects_of(template, assembly, folder),
    }


def rights(template):
    """Of the roles: each statement's name, with its actions."""
    found = []
    for resource in template["Resources"].values():
        for policy in resource["Properties"].get("Policies", []):
            for each in policy["PolicyDocument"]["Statement"]:
                actions = each["Action"]
                found.append((each["Sid"], *sorted([actions] if isinstance(actions, str)
                                                   else actions)))
    return sorted(found)


def summary(template):
    resources = template["Resources"].values()
    return {
        "types": dict(sorted(collections.Counter(item["Type"] for item in resources).items())),
        "tags": sorted((item["Type"], tag["Key"], tag["Value"]) for item in resources
                       for tag in item["Properties"].get("Tags", [])
                       if not tag["Key"].startswith("aws-cdk:")),
        "outputs": sorted(template["Outputs"]),
        "rights": rights(template),
        "objects": sorted(json.dumps(item["Properties"].get("Manifest", "")) for item in resources
                          if item["Type"] == OBJECT),
        "lifecycle": one(template, "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"][0][
            "ExpirationInDays"],
    }


def compare(ours, theirs):
    """Both assemblies hold the same stack; else the times say nothing."""
    mine, other = summary(template_of(ours)), summary(template_of(theirs))
    for what, value in mine.items():
        if value != other[what]:
            raise RuntimeError(f"the peer's {what} differ:\nours   {value}\ntheirs {other[what]}")
    count = sum(mine["types"].values())
    print(f"both write {count} resources of {len(mine['types'])} types, {len(mine['tags'])} tags, "
          f"{len(mine['rights'])} statements, {len(mine['outputs'])} outputs")


def compile_peer(target, source):
    """A copy of the peer's folder with what it imports, compiled."""
    if not (NODE_MODULES / "ts-node").exists() or not shutil.which("node"):
        raise RuntimeError("aws-cdk-lib, typescript and ts-node are not in "
                           "tests/constructs/node_modules: scripts/setup installs them")
    shutil.copytree(source, target)
    (target / "node_modules").symlink_to(NODE_MODULES)
    run(["node", "node_modules/typescript/bin/tsc", "--project", ".", "--outDir", "built"],
        cwd=target, env=environment())
    # Compiled code looks for its modules from where it lies.
    (target / "built/node_modules").symlink_to(NODE_MODULES)
    return target


def write_example(work):
    folder = work / "example"
    shutil.copytree(EXAMPLE / "lib", folder / "lib")
    text = (EXAMPLE / "aphex-config.yaml").read_text(encoding="utf-8") + SETTINGS
    (folder / "aphex-config.yaml").write_text(text, encoding="utf-8")
    return folder


def against_typescript(aphex, work, rounds):
    folder = write_example(work)
    out = work / "assemblies"
    out.mkdir()

    def contestant(name, argv, cwd, target, **variables):
        return Contestant(argv, name, peer="aws-cdk-lib", cwd=cwd, environment=environment(),
                          version=peer_programs.installed(NODE_MODULES, "aws-cdk-lib"),
                          variables={"CDK_OUTDIR": str(out / target), **variables})

    ours = contestant("", [aphex, "synth"], folder, "ours")
    ours()
    peer = compile_peer(work / "peer", HERE / "peers/cdk")
    (peer / "input.json").write_text(json.dumps(input_of_peer(out / "ours", peer)),
                                     encoding="utf-8")
    ways = {"compiled": ["node", "built/pipeline.js"],
            "ts-node": ["node", "node_modules/ts-node/dist/bin.js", "--prefer-ts-exts",
                        "pipeline.ts"]}
    theirs = [contestant(f"{way}, validator {switch}", argv, peer, way, **variables)
              for way, argv in ways.items()
              for switch, variables in (("off", {"CDK_VALIDATION": "false"}), ("on", {}))]
    theirs[0]()
    compare(out / "ours", out / "compiled")
    rows = against("synth of the pipeline's stack", ours, theirs, rounds, AIM)
    compare(out / "ours", out / "ts-node")
    return rows


def large_configuration(environments, accounts):
    """An account for each environment, or one for all: then no two stacks have the same name."""
    if accounts == "many":
        return configuration(environments) + SETTINGS
    return configuration(environments, "111122223333", "Env{}Stack{stack}") + SETTINGS


def synthesize(aphex, folder, environments, accounts):
    """Seconds, and the refusal where there is one."""
    file = folder / f"{environments}-{accounts}.yaml"
    if not file.exists():
        file.write_text(large_configuration(environments, accounts), encoding="utf-8")
    start = time.perf_counter()
    done = subprocess.run([aphex, "synth", str(file), "-o", str(folder / "out")], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment())
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 3):
        raise RuntimeError(f"synth of {environments} x {STACKS} ended with {done.returncode}:\n"
                           f"{done.stderr[-2000:]}")
    return seconds, done.stderr if done.returncode == 3 else None


def largest(aphex, folder, accounts):
    """The most environments that pass: below the first refusal, found by halving."""
    low, high = 1, GROWTH[-1] + 1
    while high - low > 1:
        middle = (low + high) // 2
        _, refused = synthesize(aphex, folder, middle, accounts)
        low, high = (low, middle) if refused else (middle, high)
    return low


def growth(aphex, work, rounds):
    folder = work / "growth"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/stack.ts").write_text("export {};\n")
    for accounts, words in (("many", "each in an account of its own"),
                            ("one", "all in one account")):
        print(f"growth, {STACKS} stacks an environment, {words}")
        last = largest(aphex, folder, accounts)
        counts = sorted({count for count in GROWTH if count < last} | {last, GROWTH[-1]})
        times = in_turn({count: lambda count=count: synthesize(aphex, folder, count, accounts)[0]
                         for count in counts}, rounds)
        for count, seconds in times.items():
            _, refused = synthesize(aphex, folder, count, accounts)
            each = f"{seconds / count / STACKS * 1e6:6.1f} us a stack"
            print(f"  {count:>5} x {STACKS}: {seconds * 1000:7.1f} ms  {each}"
                  + ("  refused" if refused else "")
                  + ("  (the most that pass)" if count == last and last != GROWTH[-1] else ""))
            if refused:
                for line in refused.splitlines()[:6]:
                    print(f"    | {line[:160]}")


def measure(aphex, work, rounds):
    rows = against_typescript(aphex, work, rounds)
    growth(aphex, work, max(3, rounds))
    return rows
