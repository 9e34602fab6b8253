"""The WorkflowTemplate of a pipeline, as one writes it with Hera: what bench_manifests.py compares
with `aphex manifests`.

    hera_template.py FILE OUTPUT

The file says what the configuration says. The plans, the variables and the head of the
specification come ready-made with it, in the names of Hera's models.
"""

import json
import sys

from hera.workflows import (DAG, Artifact, Container, Counter, Env, Histogram, Label, Metrics,
                            NoneArchiveStrategy, Parameter, RawArtifact, Resources, RetryStrategy,
                            Task, UserContainer, WorkflowTemplate)
from hera.workflows.models import (Backoff, Capabilities, KeyToPath, SecretVolumeSource,
                                   SecurityContext, ValueFrom, Volume, VolumeMount)

MOUNTS = [VolumeMount(name="work", mount_path="/aphex/work"),
          VolumeMount(name="tmp", mount_path="/tmp")]
LARGE = Resources(cpu_request="500m", memory_request="1Gi", cpu_limit="2", memory_limit="4Gi")
SMALL = Resources(cpu_request="100m", memory_request="128Mi", cpu_limit="1", memory_limit="512Mi")


class Pipeline:
    def __init__(self, given):
        self.given = given
        self.name = given["pipeline"]

    def container(self, args, variables, resources):
        return {
            "image": self.given["image"], "command": ["aphex"], "args": ["stage", *args],
            "working_dir": "/aphex/work", "resources": resources,
            "env": [Env(name=each["name"], value=each["value"]) for each in variables],
            "security_context": SecurityContext(
                allow_privilege_escalation=False, capabilities=Capabilities(drop=["ALL"]),
                privileged=False, read_only_root_filesystem=True, run_as_non_root=True),
            "volume_mounts": MOUNTS,
        }

    def retry(self):
        return RetryStrategy(limit="2", retry_policy="Always",
                             expression=self.given["retryExpression"],
                             backoff=Backoff(duration="30s", factor="2"))

    def clone(self):
        made = self.container(["--clone"], self.given["cloneVariables"], SMALL)
        made["volume_mounts"] = [*MOUNTS, VolumeMount(name="github-token", read_only=True,
                                                      mount_path="/aphex/github")]
        # Not a SecretVolume: Hera would mount that in the stage's own container, too.
        token = Volume(name="github-token", secret=SecretVolumeSource(
            secret_name=f"{self.name}-github-token", default_mode=0o440, optional=True,
            items=[KeyToPath(key="token", path="token")]))
        return {"volumes": [token],
                "init_containers": [UserContainer(name="clone", **made)]}

    def metrics(self, of, what, status, duration, buckets, **labels):
        labels = [Label(key=key, value=value)
                  for key, value in ({"pipeline": self.name} | labels).items()]
        counted = [*labels, Label(key="status", value=status)]
        return Metrics(metrics=[
            Counter(name=f"aphex_{of}s_total", labels=counted, value="1",
                    help=f"{what} of pipelines that have ended, by status"),
            Histogram(name=f"aphex_{of}_duration_seconds", labels=counted, value=duration,
                      help=f"Duration of the {what.lower()} of pipelines", buckets=buckets)])

    def stage(self, stage):
        name = {"aphex.dev/stage": stage["id"]}
        more = self.clone() if stage["clones"] else {}
        if stage["changesPipeline"]:
            more["automount_service_account_token"] = True
            more["outputs"] = [Parameter(
                name="outcome", global_name="outcome",
                value_from=ValueFrom(path="/aphex/work/outcome", default="failed"))]
        if "environment" in stage:
            more["labels"] = name | {"aphex.dev/environment": stage["environment"]}
        return Container(
            name=stage["id"], timeout=stage["timeout"], retry_strategy=self.retry(),
            inputs=[RawArtifact(name=file["name"], path=f"/aphex/{file['name']}.json", mode=0o444,
                                archive=NoneArchiveStrategy(), data=file["data"])
                    for file in stage["files"]],
            metrics=self.metrics("stage", "Stages", "{{status}}", "{{duration}}",
                                 [30, 60, 300, 900, 1800, 3600, 7200], stage=stage["id"]),
            **({"labels": name} | more), annotations=name,
            **self.container(["--plan", "/aphex/plan.json"], stage["variables"], LARGE))

    def chain(self, main, templates):
        with main:
            before = None
            for stage in self.given["stages"]:
                more = {"depends": f"{before['id']}.Succeeded"} if before else {}
                if before and before["changesPipeline"]:
                    outcome = f"{{{{tasks.{before['id']}.outputs.parameters.outcome}}}}"
                    more["when"] = f"'{outcome}' == 'continue'"
                Task(name=stage["id"], template=templates[stage["id"]], **more)
                before = stage

    def write(self):
        runs = self.metrics("run", "Runs", "{{workflow.status}}", "{{workflow.duration}}",
                            [300, 900, 1800, 3600, 7200, 14400, 28800])
        parameters = [Parameter(**each) for each in self.given["parameters"]]
        with WorkflowTemplate(**self.given["metadata"], **self.given["head"], metrics=runs,
                              arguments=parameters) as made:
            main = DAG(name="main")
            templates = {each["id"]: self.stage(each) for each in self.given["stages"]}
            self.chain(main, templates)
            Container(name="exit", timeout="900s", retry_strategy=self.retry(),
                      labels={"aphex.dev/stage": "exit"},
                      **self.container(["--exit"], self.given["exitVariables"], SMALL))
        return made.to_yaml()


def main(file, output):
    with open(file, encoding="utf-8") as text:
        pipeline = Pipeline(json.load(text))
    with open(output, "w", encoding="utf-8") as text:
        text.write(pipeline.write())


if __name__ == "__main__":
    main(*sys.argv[1:])
