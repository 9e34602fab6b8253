"""Does with workflows what Argo's controller would, as far as a pipeline's templates go.

It watches Workflows of a namespace, reads the WorkflowTemplate that is STORED, and creates pods:
order by `depends` and `when`, parameters of workflows and tasks, raw artifacts, init containers,
outputs from a file, suspend nodes with a duration and supplied outputs, retries, timeouts, mutexes
(oldest first), the exit handler, service accounts and their tokens, volumes, security contexts.
States go to the Workflow's `status`, in Argo's form. What it does not know it refuses, so that a
template that needs more cannot pass by mistake.

A cluster with Argo's own controller is tested without it (README.md).
"""

import copy
import datetime
import json
import re
import threading
import time

from argo_expressions import Unknown, depends_on, retries, substitute, when
from argo_pods import Stopped, pod_of
from kube_api import ApiError
from kube_access import ARGO

POLL_SECONDS = 0.3
# Of spec keys: those that are done here, and those that change nothing of what a run does.
KNOWN = {"entrypoint", "serviceAccountName", "automountServiceAccountToken", "executor",
         "arguments", "activeDeadlineSeconds", "podMetadata", "securityContext", "podSpecPatch",
         "volumes", "onExit", "synchronization", "templates"}
LEFT_TO_ARGO = {"podGC", "ttlStrategy", "workflowMetadata", "metrics"}
KNOWN_OF_TEMPLATES = {"name", "metadata", "timeout", "retryStrategy", "inputs", "outputs",
                      "volumes", "initContainers", "container", "automountServiceAccountToken",
                      "suspend"}


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(duration):
    found = re.fullmatch(r"(\d+)(s|m|h)?", duration)
    if not found:
        raise Unknown(f"duration {duration}")
    return int(found.group(1)) * {"s": 1, None: 1, "m": 60, "h": 3600}[found.group(2)]


class Driver:
    """A thread that takes up new workflows of a namespace, and one for each of them."""

    def __init__(self, kubernetes, namespace, say=lambda text: None):
        self.kubernetes = kubernetes
        self.api = kubernetes.api
        self.namespace = namespace
        self.say = say
        self.seen = set()
        self.holders = {}  # mutex: names of workflows, the first of which holds it
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = []
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def stop(self):
        self.stopping.set()
        self.watcher.join()
        for thread in self.threads:
            thread.join()

    def path(self, kind, name=""):
        return f"{ARGO}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    def _watch(self):
        while not self.stopping.wait(POLL_SECONDS):
            try:
                listed = self.api.list(self.path("workflows"))
            except (OSError, ApiError):
                continue  # a later look will do
            listed.sort(key=lambda each: (each["metadata"]["creationTimestamp"],
                                          each["metadata"]["name"]))
            for workflow in listed:
                if workflow["metadata"]["uid"] not in self.seen:
                    self.seen.add(workflow["metadata"]["uid"])
                    self._take(workflow)

    def _take(self, workflow):
        run = Run(self, workflow)
        thread = threading.Thread(target=run.execute, daemon=True)
        self.threads.append(thread)
        for name in run.mutexes():
            self.holders.setdefault(name, []).append(run.name)
        thread.start()

    def wait_for_mutex(self, name, holder):
        while self.holders[name][0] != holder:
            if self.stopping.wait(POLL_SECONDS):
                raise Stopped

    def give_up_mutex(self, name, holder):
        with self.lock:
            self.holders[name].remove(holder)


class Run:
    """One workflow."""

    def __init__(self, driver, workflow):
        self.driver = driver
        self.api = driver.api
        self.workflow = workflow
        self.name = workflow["metadata"]["name"]
        self.failure = None
        try:
            reference = workflow["spec"]["workflowTemplateRef"]["name"]
            stored = self.api.get(driver.path("workflowtemplates", reference))
            self.spec = stored["spec"] | {
                key: value for key, value in workflow["spec"].items()
                if key not in ("workflowTemplateRef", "arguments")}
        except (KeyError, ApiError) as error:
            self.spec, self.failure = {"templates": []}, f"no template: {error}"
        self.templates = {each["name"]: each for each in self.spec["templates"]}
        self.values = {}
        self.nodes = {}
        self.recorded = False

    def mutexes(self):
        synchronization = self.spec.get("synchronization", {})
        named = synchronization.get("mutexes") or [synchronization.get("mutex")]
        return [each["name"] for each in named if each]

    def execute(self):
        try:
            self._execute()
        except Stopped:
            self._record("Error", "the driver was stopped")
        except (Unknown, ApiError, OSError, AssertionError) as error:
            self._record("Error", f"{type(error).__name__}: {error}")
        finally:
            for name in self.mutexes():
                self.driver.give_up_mutex(name, self.name)

    def _execute(self):
        if self.failure:
            raise Unknown(self.failure)
        self._check()
        self._record("Pending", "waits for its mutex")
        for name in self.mutexes():
            self.driver.wait_for_mutex(name, self.name)
        self.begun = time.monotonic()
        self.deadline = self.begun + self.spec.get("activeDeadlineSeconds", 10 ** 9)
        self._set_parameters()
        self._record("Running")
        succeeded = self._walk(self.templates[self.spec["entrypoint"]])
        phase = "Succeeded" if succeeded else "Failed"
        self._exit(phase)
        self._record(phase, "" if succeeded else self._first_failure(), finished=True)

    def _check(self):
        unknown = set(self.spec) - KNOWN - LEFT_TO_ARGO
        for template in self.spec["templates"]:
            if "dag" not in template:
                unknown |= set(template) - KNOWN_OF_TEMPLATES - {"metrics"}
        if unknown:
            raise Unknown(f"the driver does not know {', '.join(sorted(unknown))}")

    def _set_parameters(self):
        declared = {each["name"]: each.get("value")
                    for each in self.spec.get("arguments", {}).get("parameters", [])}
        given = self.workflow["spec"].get("arguments", {}).get("parameters", [])
        declared |= {each["name"]: each["value"] for each in given}
        missing = [name for name, value in declared.items() if value is None]
        if missing:
            raise Unknown(f"parameters without a value: {', '.join(missing)}")
        created = datetime.datetime.fromisoformat(self.workflow["metadata"]["creationTimestamp"])
        self.values = {f"workflow.parameters.{name}": value for name, value in declared.items()}
        self.values |= {"workflow.name": self.name, "workflow.namespace": self.driver.namespace,
                        "workflow.creationTimestamp.s": str(int(created.timestamp()))}

    # --- the graph ---

    def _walk(self, template):
        """Tasks one at a time: a pipeline's are a chain."""
        states, waiting = {}, list(template["dag"]["tasks"])
        while waiting:
            ready = [task for task in waiting
                     if set(depends_on(task.get("depends", ""))[0]) <= set(states)]
            if not ready:
                raise Unknown("tasks that wait for one another")
            task = ready[0]
            waiting.remove(task)
            states[task["name"]] = self._task(task, states)
        return all(state not in ("Failed", "Error") for state in states.values())

    def _task(self, task, states):
        if not depends_on(task.get("depends", ""))[1](states):
            return self._node(task["name"], "Omitted", f"depends '{task['depends']}' is false")
        if "when" in task and not when(substitute(task["when"], self.values)):
            return self._node(task["name"], "Skipped", f"when '{task['when']}' is false")
        given = {each["name"]: substitute(each["value"], self.values)
                 for each in task.get("arguments", {}).get("parameters", [])}
        template = self.templates[task["template"]]
        if "suspend" in template:
            return self._suspend(task["name"], template, given)
        return self._template(task["name"], template, given=given)

    def _suspend(self, name, template, given):
        """Waits until somebody else ends the node, or its time is up."""
        inputs = [{"name": each["name"], "value": each.get("value", given.get(each["name"]))}
                  for each in template.get("inputs", {}).get("parameters", [])]
        self.nodes[name] = {"id": name, "name": name, "displayName": name, "type": "Suspend",
                            "phase": "Running", "startedAt": now(), "templateName": name,
                            "inputs": {"parameters": inputs}, "message": "",
                            "outputs": template.get("outputs", {})}
        self._record("Running")
        end = time.monotonic() + seconds_of(template["suspend"].get("duration", "1000000s"))
        while (node := self._stored_node(name))["phase"] == "Running":
            if time.monotonic() > end:
                # Argo resumes it, with what the outputs are otherwise.
                supplied = node["outputs"]["parameters"]
                node |= {"phase": "Succeeded", "outputs": {"parameters": [
                    {"name": each["name"], "value": each["valueFrom"]["default"]}
                    for each in supplied]}}
                break
            if self.driver.stopping.wait(POLL_SECONDS):
                raise Stopped
        for parameter in node.get("outputs", {}).get("parameters", []):
            # One that nobody supplied is none: who takes it is an error, as Argo has it.
            if "value" in parameter:
                self.values[f"tasks.{name}.outputs.parameters.{parameter['name']}"] = (
                    parameter["value"])
        self.nodes[name] = node
        self._record("Running")
        return node["phase"]

    def _stored_node(self, name):
        stored = self.api.get(self.driver.path("workflows", self.name))
        return stored["status"]["nodes"][name]

    def _template(self, name, template, may_lack=(), given=None):
        """With its retries."""
        strategy = template.get("retryStrategy", {})
        wait = seconds_of(strategy.get("backoff", {}).get("duration", "0s"))
        for attempt in range(int(strategy.get("limit", 0)) + 1):
            ended = self._attempt(name, template, attempt, may_lack, given or {})
            self._node(f"{name}({attempt})", ended.phase, ended.message)
            again = ended.phase != "Succeeded" and retries(strategy, ended)
            if not again:
                break
            self.driver.say(f"{self.name}: {name} is tried again in {wait} s: {ended.message}")
            if self.driver.stopping.wait(wait):
                raise Stopped
            wait *= int(strategy.get("backoff", {}).get("factor", "1"))
        return self._node(name, ended.phase, ended.message, ended.outputs, ended.code)

    def _attempt(self, name, template, attempt, may_lack, given):
        # As Argo: in the JSON of the whole template, each value as it stands within a string.
        used = {key: value for key, value in template.items() if key != "metrics"}
        values = self.values | {f"inputs.parameters.{key}": value for key, value in given.items()}
        text = substitute(json.dumps(used), values, lambda value: json.dumps(value)[1:-1],
                          may_lack)
        resolved = json.loads(text)
        begun = time.monotonic()
        self._node(name, "Running")
        pod = pod_of(self, resolved, f"{self.name}-{name}-{attempt}")
        seconds = seconds_of(template.get("timeout", "1000000s"))
        ended = pod.run(min(begun + seconds, self.deadline))
        for parameter in template.get("outputs", {}).get("parameters", []):
            value = ended.outputs[parameter["name"]]
            self.values[f"tasks.{name}.outputs.parameters.{parameter['name']}"] = value
            if "globalName" in parameter:
                self.values[f"workflow.outputs.parameters.{parameter['globalName']}"] = value
        self.driver.say(f"{self.name}: {name} {ended.phase} after "
                        f"{time.monotonic() - begun:.0f} s {ended.message}".rstrip())
        return ended

    def _exit(self, phase):
        if "onExit" not in self.spec:
            return
        failures = [{key: node[key] for key in ("displayName", "message", "phase", "templateName")}
                    for node in self._failures()]
        self.values |= {"workflow.status": phase,
                        # Argo's is JSON in a JSON string.
                        "workflow.failures": json.dumps(json.dumps(failures)),
                        "workflow.duration": f"{time.monotonic() - self.begun:.6f}"}
        # Outputs of stages that never ran: the handler starts all the same, with the tag itself.
        self._template(f"{self.name}.onExit", self.templates[self.spec["onExit"]],
                       may_lack=("workflow.outputs.",))

    # --- the record ---

    def _first_failure(self):
        return next((f"{each['displayName']}: {each['message']}" for each in self._failures()), "")

    def _failures(self):
        """Of tasks, whose attempts have records of their own beside them."""
        tasks = {task["name"] for task in self.templates[self.spec["entrypoint"]]["dag"]["tasks"]}
        return [node for name, node in self.nodes.items()
                if name in tasks and node["phase"] in ("Failed", "Error")]

    def _node(self, name, phase, message="", outputs=None, code=None):
        node = {"id": name, "name": name, "displayName": name, "type": "Pod", "phase": phase,
                "message": message, "templateName": name}
        if outputs or code is not None:
            node["outputs"] = {"parameters": [{"name": key, "value": value}
                                              for key, value in (outputs or {}).items()]}
            if code is not None:
                node["outputs"]["exitCode"] = str(code)
        self.nodes[name] = node
        self._record("Running")
        return phase

    def _record(self, phase, message="", finished=False):
        status = {"phase": phase, "message": message, "nodes": copy.deepcopy(self.nodes)}
        if finished or phase == "Error":
            status["finishedAt"] = now()
        if not self.recorded:
            # Argo keeps it with the workflow: a template that is replaced meanwhile changes none.
            status["storedWorkflowTemplateSpec"] = self.spec
            self.recorded = True
        self.api.patch(self.driver.path("workflows", self.name), {"status": status})
