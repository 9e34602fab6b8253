"""A CDK application in a git repository of its own, that the fake CDK understands."""

import json
import pathlib
import shutil
import subprocess

import yaml

FAKE_CDK = pathlib.Path(__file__).with_name("fake_cdk.py")
DEV = ("111122223333", "us-east-1")
STAGING = ("222233334444", "us-east-1")


def environment(name="dev", stacks=("Api",), tests=(), where=DEV, **more):
    account, region = where
    described = {
        "name": name,
        "region": region,
        "account": account,
        "stacks": [{"name": stack, "path": "lib/app.ts"} for stack in stacks],
        **more,
    }
    if tests:
        described["tests"] = {"commands": list(tests)}
    return described


class Application:
    def __init__(self, directory: pathlib.Path, variables: dict[str, str]):
        self.directory = directory
        self.control = directory.parent / f"{directory.name}-cdk"
        self.variables = variables
        self.control.mkdir()
        directory.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write("cdk.json", '{"app": "node app.js"}\n')
        self.write("lib/app.ts", "// the stacks\n")
        self.stacks({"name": "Api", "outputs": {"Url": "http://api"}})
        cdk = directory / "node_modules" / ".bin" / "cdk"
        cdk.parent.mkdir(parents=True)
        shutil.copy(FAKE_CDK, cdk)

    def git(self, *arguments) -> str:
        done = subprocess.run(["git", "-C", self.directory, *arguments], env=self.variables,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path, text):
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def stacks(self, *stacks):
        self.write("cdk-stacks.json", json.dumps(stacks))

    def configure(self, *environments, build=("true",), **more):
        """Further keys of `build` come as build_<key>."""
        described = {"version": "1.0", "build": {"commands": list(build)},
                     "environments": list(environments) or [environment()]}
        for key, value in more.items():
            if key.startswith("build_"):
                described["build"][key.removeprefix("build_")] = value
            else:
                described[key] = value
        self.write("aphex-config.yaml", yaml.safe_dump(described, sort_keys=False, width=1000))

    def commit(self, message="A change") -> str:
        self.git("add", "--all", "--force")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def script(self, call, text):
        """What the fake CDK does first at a call: "synth", "deploy-Api", "deploy-Api-dev"."""
        (self.control / f"on-{call}").write_text(text, encoding="utf-8")

    def mend(self, call):
        (self.control / f"on-{call}").unlink()

    @property
    def calls(self) -> list[str]:
        file = self.control / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def note(self, name) -> pathlib.Path:
        """A file outside the repository, where commands of a run leave word."""
        return self.control / name
