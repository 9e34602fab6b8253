"""A pipeline's cloud assembly as `aphex synth` writes it, read back for the properties."""

import json
import pathlib
import subprocess
import tempfile
import zipfile

import yaml

OBJECT = "Custom::AphexKubernetesObject"
LIMIT_BYTES = 1_000_000  # CloudFormation's, of a template's body
LIMIT_RESOURCES = 500
PSEUDO = {"AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName",
          "AWS::URLSuffix", "AWS::NoValue"}


class Assembly:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        manifest = self._read("manifest.json")
        stacks = {name: artifact for name, artifact in manifest["artifacts"].items()
                  if artifact["type"] == "aws:cloudformation:stack"}
        assert len(stacks) == 1
        (self.artifact,) = stacks.values()
        self.text = self._text(self.artifact["properties"]["templateFile"])
        self.template = json.loads(self.text)
        self.tree = self._read("tree.json")["tree"]
        self.manifests = [self._manifest(item["Properties"]) for item in self.all(OBJECT)]

    def _text(self, name):
        return (self.directory / name).read_text(encoding="utf-8")

    def _read(self, name):
        return json.loads(self._text(name))

    def _manifest(self, properties):
        """Inline, or the asset that the properties name."""
        if "Manifest" in properties:
            return json.loads(properties["Manifest"])
        return self._read(f"asset.{properties['ManifestSha256']}.manifest.json")

    def all(self, kind):
        return [item for item in self.template["Resources"].values() if item["Type"] == kind]

    def id_of(self, kind):
        (found,) = [name for name, item in self.template["Resources"].items()
                    if item["Type"] == kind]
        return found

    def paths(self):
        """Of every construct."""
        found, waiting = set(), [self.tree]
        while waiting:
            node = waiting.pop()
            found.add(node.get("path", ""))
            waiting += node.get("children", {}).values()
        return found

    def objects(self, kind):
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def object(self, kind, name):
        (found,) = [item for item in self.objects(kind) if item["metadata"]["name"] == name]
        return found

    @property
    def bucket(self):
        """The artifacts' (an audit trail has one more)."""
        name = self.template["Outputs"]["ArtifactBucketName"]["Value"]["Ref"]
        return self.template["Resources"][name]


def references(value):
    """Logical ids and parameters that a part of a template refers to."""
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            yield value["Ref"]
        elif set(value) == {"Fn::GetAtt"}:
            target = value["Fn::GetAtt"]
            yield target[0] if isinstance(target, list) else target.split(".")[0]
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def check_template(template, text):
    """What CloudFormation checks before it creates anything."""
    resources = template["Resources"]
    assert len(text.encode()) <= LIMIT_BYTES and len(resources) <= LIMIT_RESOURCES
    known = PSEUDO | set(resources) | set(template.get("Parameters", {}))
    needs = {}
    for name, resource in resources.items():
        needs[name] = set(references(resource["Properties"])) & set(resources)
        assert set(references(resource["Properties"])) <= known, name
        depends = resource.get("DependsOn", [])
        needs[name] |= {depends} if isinstance(depends, str) else set(depends)
        assert needs[name] <= set(resources), name
    for output in template["Outputs"].values():
        assert set(references(output)) <= known
    while needs:
        ready = {name for name, on in needs.items() if not on & set(needs)}
        assert ready, f"a circle of {set(needs)}"
        needs = {name: on for name, on in needs.items() if name not in ready}


def run(aphex, repository, command, text, flags=(), variables=None):
    (repository / "aphex-config.yaml").write_text(text, encoding="utf-8")
    # Its content is another test's: the properties are of what surrounds it.
    provider = repository / "provider.zip"
    with zipfile.ZipFile(provider, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap"), b"")
    return subprocess.run(
        [str(aphex.path), command, *flags], cwd=repository, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1", "APHEX_PROVIDER_ZIP": str(provider),
             **(variables or {})})


def synthesize(aphex, repository, text, flags=(), variables=None):
    with tempfile.TemporaryDirectory(prefix="assembly-", dir=repository) as directory:
        done = run(aphex, repository, "synth", text, [*flags, "-o", f"{directory}/out"], variables)
        assert done.returncode == 0, done.stderr
        return Assembly(f"{directory}/out")


def manifests(aphex, repository, text, flags=(), variables=None):
    done = run(aphex, repository, "manifests", text, flags, variables)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))
