"""A pipeline's workflow, its stages executed one by one as their pods would: each with the
variables, files and arguments of its template, and an empty volume of its own.

The template is what the generator makes; what is not here is Argo's way of choosing the next stage.
"""

import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess

from program import BINARY, SECONDS


@dataclasses.dataclass
class Ended:
    code: int
    out: str
    err: str
    volume: pathlib.Path

    @property
    def records(self):
        """The log: every line of standard output is one JSON object."""
        return [json.loads(line) for line in self.out.splitlines()]

    def events(self, name):
        return [each for each in self.records if each["event"] == name]

    @property
    def lines(self):
        return [each["line"] for each in self.records if "line" in each]

    @property
    def messages(self):
        return [each["text"] for each in self.events("message")]

    @property
    def complaint(self):
        return self.err


class Workflow:
    """One commit's way through the stages of `generated` (tests/support/argo_generator.py)."""

    def __init__(self, directory, generated, parameters, variables, name="run-1",
                 namespace="pipelines"):
        self.directory = directory
        self.generated = generated
        self.parameters = parameters
        self.variables = variables
        self.name = name
        self.namespace = namespace
        self.pods = 0

    def template(self, stage):
        return self.generated.templates()[stage]

    def substitute(self, text):
        values = {f"workflow.parameters.{key}": value for key, value in self.parameters.items()}
        values |= {"workflow.name": self.name, "workflow.namespace": self.namespace,
                   "workflow.creationTimestamp.s": "1769847330"}

        def value(found):
            return values.get(found.group(1), found.group(0))

        return re.sub(r"\{\{([^{}]+)\}\}", value, text)

    def pod(self, stage):
        self.pods += 1
        volume = self.directory / f"{self.pods}-{stage}"
        volume.mkdir(parents=True)
        return Pod(self, self.template(stage), volume)

    def run(self, stage, **variables):
        """The stage's pod from its init container to its end."""
        pod = self.pod(stage)
        pod.clone(**variables)
        return pod.run(**variables)


class Pod:
    def __init__(self, workflow, template, volume):
        self.workflow = workflow
        self.template = template
        self.volume = volume
        self.work = volume / "work"
        self.work.mkdir()
        for artifact in template.get("inputs", {}).get("artifacts", []):
            # The controller substitutes in raw artifacts as well.
            text = workflow.substitute(artifact["raw"]["data"])
            self.file(artifact["path"]).write_text(text, encoding="utf-8")

    def file(self, path):
        return self.volume / pathlib.Path(path).name

    def start(self, container, **variables):
        stated = {item["name"]: self.workflow.substitute(item["value"])
                  for item in container["env"]}
        for name in ("HOME", "APHEX_STATE_DIR"):
            stated[name] = str(self.work / pathlib.Path(stated[name]).name)
        stated["TMPDIR"] = self.workflow.variables["TMPDIR"]
        arguments = [str(self.file(each)) if each.startswith("/") else each
                     for each in container["args"]]
        if self.file("settings.json").exists():
            arguments += ["--settings", str(self.file("settings.json"))]
        return subprocess.Popen(
            [BINARY, *arguments, "--work", str(self.work)], cwd=self.work,
            env={**self.workflow.variables, **stated, "HOSTNAME": self.volume.name, **variables},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def end(self, process, seconds=SECONDS):
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"the stage takes too long; it said:\n{out}\n{err}") from None
        return Ended(process.returncode, out, err, self.volume)

    def clone(self, **variables):
        for container in self.template.get("initContainers", []):
            ended = self.end(self.start(container, **variables))
            assert ended.code == 0, ended.err
            return json.loads((self.work / "clone.json").read_text(encoding="utf-8")), ended
        return None, None

    def run(self, **variables):
        return self.end(self.start(self.template["container"], **variables))
