"""`aphex manifests` beside the same WorkflowTemplate written with cdk8s and with Hera.

aphex reads and checks `aphex-config.yaml`, plans, and prints every object of the pipeline; the
peers write the WorkflowTemplate alone, and get the plans, the variables and the head of the
specification ready-made. Before anything is timed, the three templates are compared: all of it must
be the same.
"""

import json
import re
import shutil
import subprocess
import sys

import yaml

import peer_programs
from bench_definition import write_configuration
from bench_synth import HERE, NODE_MODULES, environment
from measure import Contestant, against, run

SIZES = ((3, 4), (10, 20))
AIM = "faster"
TOKEN = "APHEX_GITHUB_TOKEN_FILE"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def template_in(text):
    """The pipeline's WorkflowTemplate; there may be another one, for pull requests."""
    return next(each for each in yaml.load_all(text, Loader=LOADER)
                if each["kind"] == "WorkflowTemplate" and "onExit" in each["spec"])


def input_of_peers(template):
    """What a user of cdk8s or Hera has as text or literals."""
    main, *stages = template["spec"]["templates"]
    exit_handler = next(each for each in stages if each["name"] == "exit")
    stages = [each for each in stages if each["name"] != "exit"]
    assert main["name"] == "main"
    return {
        "metadata": template["metadata"],
        "head": {key: value for key, value in template["spec"].items() if key != "templates"},
        "pipeline": template["metadata"]["labels"]["aphex.dev/pipeline"],
        "image": stages[0]["container"]["image"],
        "retryExpression": stages[0]["retryStrategy"]["expression"],
        "cloneVariables": stages[0]["initContainers"][0]["env"],
        "exitVariables": exit_handler["container"]["env"],
        "stages": [{
            "id": each["name"], "timeout": each["timeout"], "clones": "initContainers" in each,
            "changesPipeline": "outputs" in each, "variables": each["container"]["env"],
            "files": [{"name": file["name"], "data": file["raw"]["data"]}
                      for file in each["inputs"]["artifacts"]],
        } | ({"environment": each["metadata"]["labels"]["aphex.dev/environment"]}
             if "aphex.dev/environment" in each["metadata"]["labels"] else {})
            for each in stages],
    }


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z]+)", lambda found: "_" + found[1].lower(), name)


def in_hera_names(given):
    """Metrics and arguments are objects of Hera's own, which the peer makes."""
    return given | {"parameters": given["head"]["arguments"]["parameters"],
                    "head": {snake(key): value for key, value in given["head"].items()
                             if key not in ("metrics", "arguments")}}


def difference(ours, theirs, place="template"):
    """The first place where they differ, or None."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if set(ours) != set(theirs):
            return f"{place}: {sorted(set(ours) ^ set(theirs))} are on one side only"
        pairs = [(f"{place}.{key}", ours[key], theirs[key]) for key in ours]
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return f"{place}: {len(ours)} and {len(theirs)}"
        pairs = [(f"{place}[{number}]", *both) for number, both in enumerate(zip(ours, theirs))]
    else:
        # 300 and 300.0 are the same number, 1 and true are not the same value.
        same = ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)
        return None if same else f"{place}: {str(ours)[:200]!r} and {str(theirs)[:200]!r}"
    return next((found for where, one, other in pairs
                 if (found := difference(one, other, where))), None)


def check(ours, theirs, name):
    if found := difference(ours, theirs):
        raise RuntimeError(f"the WorkflowTemplate of {name} is another one: {found}")


class Peers:
    def __init__(self, work):
        self.cdk8s = work / "cdk8s"
        shutil.copytree(HERE / "peers/cdk8s", self.cdk8s)
        modules = self.cdk8s / "node_modules"
        modules.mkdir()
        for package in peer_programs.from_npm("cdk8s").joinpath("node_modules").iterdir():
            modules.joinpath(package.name).symlink_to(package)
        modules.joinpath("@types").symlink_to(NODE_MODULES / "@types")
        run(["node", NODE_MODULES / "typescript/bin/tsc", "--project", ".", "--outDir", "built"],
            cwd=self.cdk8s, env=environment())
        self.python = peer_programs.from_pip("hera")

    def contestants(self, folder, template):
        """The peers, and what each writes."""
        given = input_of_peers(template)
        (folder / "cdk8s.json").write_text(json.dumps(given), encoding="utf-8")
        (folder / "hera.json").write_text(json.dumps(in_hera_names(given)), encoding="utf-8")
        return {
            Contestant(["node", "built/template.js", folder / "cdk8s.json", folder / "cdk8s"],
                       "compiled", peer="cdk8s", cwd=self.cdk8s, environment=environment(),
                       version=peer_programs.pinned(peer_programs.NPM, "cdk8s", "cdk8s")):
                folder / "cdk8s/pipeline.k8s.yaml",
            Contestant([self.python, HERE / "peers/hera_template.py", folder / "hera.json",
                        folder / "hera.yaml"], peer="Hera", environment=environment(),
                       version=peer_programs.pinned(peer_programs.PIP, "hera", "hera")):
                folder / "hera.yaml",
        }


def measure(aphex, work, rounds):
    peers = Peers(work)
    rows = []
    for count, stacks in SIZES:
        file = write_configuration(work, count, stacks)
        ours = Contestant([aphex, "manifests", file], environment=environment())
        text = subprocess.run(ours.argv, check=True, capture_output=True,
                              env=ours.environment).stdout
        template = template_in(text)
        contestants = peers.contestants(file.parent, template)
        for contestant, written in contestants.items():
            contestant()
            check(template, yaml.load(written.read_text(encoding="utf-8"), Loader=LOADER),
                  contestant.peer)
        print(f"{count} x {stacks}: three times the same WorkflowTemplate of "
              f"{len(template['spec']['templates'])} templates; aphex writes "
              f"{text.count(b'apiVersion: ')} objects, {len(text) / 1e3:,.0f} KB", file=sys.stdout)
        rows += against(f"manifests, {count} x {stacks} stacks", ours, list(contestants), rounds,
                        AIM)
    return rows
