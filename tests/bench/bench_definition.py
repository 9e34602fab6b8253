"""A pipeline's definition: `aphex synth` beside CDK Pipelines of aws-cdk-lib, in TypeScript.

Both know N environments of M stacks, with dependencies and a test for each environment. What they
write is not the same: aphex the stack of a pipeline that runs on a shared cluster, CDK Pipelines
that of a CodePipeline with its CodeBuild projects. CDK Pipelines cannot do so without the templates
of every stack of every environment, which aphex leaves to the runs: `with all templates` adds them,
by a process for each environment, as a run does.

The peer is compiled beforehand, and runs without the CDK's validator, its fastest way; the example
also as `cdk init` sets it up, by ts-node and with the validator.
"""

import json
import shlex
import shutil
import subprocess

from bench_plan import configuration
from bench_synth import HERE, NODE_MODULES, ROOT, SETTINGS, compile_peer, environment
from measure import Contestant, Row, against, lines_of
from peer_programs import installed

SIZES = ((3, 4), (10, 10), (10, 20))
EXAMPLE = ROOT / "examples/archon-agent/aphex-config.three-environments.yaml"
PEER = HERE / "peers/cdk_pipelines"
# What a user writes; the application that it delivers is not of it.
WRITTEN = (PEER / "pipeline.ts", PEER / "example.ts")
PEER_NAME = "CDK Pipelines"
AIM = "faster"
OFF = {"CDK_VALIDATION": "false"}


def write_configuration(work, environments, stacks):
    folder = work / f"{environments}x{stacks}"
    (folder / "lib").mkdir(parents=True)
    if (environments, stacks) == SIZES[0]:
        text = EXAMPLE.read_text(encoding="utf-8")
        shutil.copytree(EXAMPLE.parent / "lib", folder / "lib", dirs_exist_ok=True)
    else:
        text = configuration(environments, "{:012d}", "Env{}Stack{stack}", stacks)
        (folder / "lib/stack.ts").write_text("export {};\n")
    file = folder / "aphex-config.yaml"
    file.write_text(text + SETTINGS, encoding="utf-8")
    return file


def environments_of(aphex, file):
    """What the plan says of them, in the form that the peer reads."""
    plan = json.loads(subprocess.run([aphex, "plan", str(file), "--format", "json"], check=True,
                                     capture_output=True, env=environment()).stdout)
    return [{"name": each["name"], "account": each["account"], "region": each["region"],
             "stacks": [{"name": stack["name"], "dependsOn": stack.get("dependsOn", [])}
                        for stack in each["stacks"]]} for each in plan["environments"]]


def actions_of(assembly):
    """Of the pipeline's stages: the stacks deployed and the tests, by stage."""
    template = json.loads((assembly / "ArchonAgentPipelineStack.template.json").read_text())
    (pipeline,) = [each["Properties"] for each in template["Resources"].values()
                   if each["Type"] == "AWS::CodePipeline::Pipeline"]
    found = {}
    for stage in pipeline["Stages"]:
        deployed = sorted(action["Configuration"]["StackName"] for action in stage["Actions"]
                          if action.get("Configuration", {}).get("ActionMode")
                          == "CHANGE_SET_EXECUTE")
        tests = sum(1 for action in stage["Actions"] if action["Name"] == "Test")
        if deployed:
            found[stage["Name"]] = deployed, tests
    return found


def templates_in(assembly):
    """What the templates below it hold, without the paths of the constructs; in one order."""
    found = []
    for file in assembly.rglob("*.template.json"):
        if file.parent != assembly:
            resources = json.loads(file.read_text())["Resources"]
            found.append(json.dumps({name: {**each, "Metadata": None}
                                     for name, each in resources.items()}, sort_keys=True))
    return found


def check(environments, definition, assemblies):
    """Both define the same deliveries, and both have the same templates; else times say nothing."""
    wanted = {each["name"]: (sorted(stack["name"] for stack in each["stacks"]), 1)
              for each in environments}
    found = actions_of(definition)
    if found != wanted:
        raise RuntimeError(f"CDK Pipelines deploys {found}, and not {wanted}")
    theirs = sorted(templates_in(definition))
    ours = sorted(template for assembly in assemblies for template in templates_in(assembly))
    if ours != theirs or len(ours) != sum(len(stacks) for stacks, _ in wanted.values()):
        raise RuntimeError(f"{len(theirs)} templates by CDK Pipelines, {len(ours)} beside aphex: "
                           "they are not the same")


class Size:
    """The contestants of N environments of M stacks."""

    def __init__(self, aphex, work, peer, count, stacks):
        self.words = f"{count} x {stacks} stacks"
        self.aphex, self.peer = aphex, peer
        self.version = installed(NODE_MODULES, "aws-cdk-lib")
        self.file = write_configuration(work, count, stacks)
        self.environments = environments_of(aphex, self.file)
        self.data = self.file.with_name("environments.json")
        self.data.write_text(json.dumps(self.environments), encoding="utf-8")
        self.out = self.file.parent / "out"
        self.example = (count, stacks) == SIZES[0]

    def synth(self):
        return [self.aphex, "synth", self.file, "-o", self.out / "pipeline"]

    def ours(self):
        return Contestant(self.synth(), environment=environment())

    def theirs(self, way, start=("node", "built"), suffix="js", **variables):
        program, folder = start
        file = "example" if self.example else "sized"
        script = "/".join(filter(None, (folder, f"{file}.{suffix}")))
        argv = [*shlex.split(program), script, *([] if self.example else [self.data])]
        return Contestant(argv, way, peer=PEER_NAME, version=self.version, cwd=self.peer,
                          environment=environment(),
                          variables={"CDK_OUTDIR": str(self.out / "theirs"), **variables})

    def with_templates(self):
        """The pipeline's stack, and each environment's templates by a process of its own."""
        names = " ".join(each["name"] for each in self.environments)
        script = (f"set -e; {shlex.join(map(str, self.synth()))}; for name in {names}; do "
                  f'CDK_OUTDIR={shlex.quote(str(self.out))}/"$name" node built/environment.js '
                  f'{shlex.quote(str(self.data))} "$name"; done')
        return Contestant(["bash", "-c", script], cwd=self.peer, environment=environment(),
                          variables=OFF)

    def measure(self, rounds):
        ways = [self.theirs("compiled, validator off", **OFF)]
        if self.example:
            ways.append(self.theirs(
                "ts-node, validator on",
                ("node node_modules/ts-node/dist/bin.js --prefer-ts-exts", ""), "ts"))
        rows = against(f"definition, {self.words}", self.ours(), ways, rounds, AIM)
        rows += against(f"with all templates, {self.words}", self.with_templates(), ways[:1],
                        rounds, AIM)
        check(self.environments, self.out / "theirs",
              [self.out / each["name"] for each in self.environments])
        return rows


def lines(work, version):
    ours, command = lines_of([work / "3x4/aphex-config.yaml"], "#")
    theirs, peer_command = lines_of(WRITTEN, "//")
    return Row("lines that a user writes, 3 x 4 stacks", ours, PEER_NAME, theirs, "fewer", "lines",
               version=version, command=command, peer_command=peer_command)


def measure(aphex, work, rounds):
    peer = compile_peer(work / "peer", PEER)
    rows = []
    for count, stacks in SIZES:
        rows += Size(aphex, work, peer, count, stacks).measure(rounds)
    return [*rows, lines(work, installed(NODE_MODULES, "aws-cdk-lib"))]
