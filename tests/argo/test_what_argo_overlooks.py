"""What Argo stores without a word and fails on later: none of it can be in the objects.

Each check is of one such thing; all run on the objects of the same random pipelines.
"""

import re

import pytest
from argo_generator import PARAMETERS, example_settings, pipelines, variables
from hypothesis import HealthCheck, given, settings

CONFIGURATION = {
    "version": "1.0", "build": {"commands": ["npm ci"]},
    "environments": [{"name": "Dev", "region": "us-east-1", "account": "111122223333",
                      "stacks": [{"name": "Api", "path": "lib/app-stack.ts"}],
                      "tests": {"commands": ["npm test"]}, "approval": {"quorum": 2}}]}
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+")
REFERENCE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def strings(value, path=()):
    """Every string of a tree, with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from strings(item, (*path, i))


def members(value, wanted, path=()):
    """Every member of that name, anywhere in a tree."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == wanted:
                yield item
            yield from members(item, wanted, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from members(item, wanted, path)


def containers(template):
    return [*template.get("initContainers", []),
            *([template["container"]] if "container" in template else [])]


def every_template(made):
    for workflow_template in made.all("WorkflowTemplate"):
        for template in workflow_template["spec"]["templates"]:
            yield workflow_template["spec"], template


def check_references_resolve(made):
    declared = {f"workflow.parameters.{name}" for name in PARAMETERS}
    for workflow_template in made.all("WorkflowTemplate"):
        spec = workflow_template["spec"]
        assert [item["name"] for item in spec["arguments"]["parameters"]] == PARAMETERS
        for path, text in strings(spec):
            known = {*declared, "workflow.name", "workflow.namespace",
                     "workflow.creationTimestamp.s"}
            if template_name(spec, path) == spec.get("onExit", "none"):
                known |= {f"workflow.outputs.parameters.{name}" for name in
                          members(spec["templates"], "globalName")}
            if path[0] == "metrics" or template_name(spec, path) == spec.get("onExit", "none"):
                known |= {"workflow.status", "workflow.failures", "workflow.duration"}
            if "metrics" in path:
                known |= {"status", "duration"}
            if path[-1] == "when":
                # A bare word is an expression: "handed-over" would be a subtraction.
                assert re.fullmatch(r"'[^']+' (==|!=) '[^']+'", text), text
                known |= {"tasks.pipeline.outputs.parameters.outcome"}
            known |= outputs_and_inputs(spec, path)
            for reference in REFERENCE.findall(text):
                assert reference in known, (path, text)
            # What opens and is no reference would be an error, or an expression.
            assert text.count("{{") == len(REFERENCE.findall(text)), (path, text)


def outputs_and_inputs(spec, path):
    """What a task may be given, and a template may read of what it was given."""
    if path[0] != "templates":
        return set()
    template = spec["templates"][path[1]]
    if "dag" in template and path[2] == "dag":
        task = template["dag"]["tasks"][path[4]]
        templates = {item["name"]: item for item in spec["templates"]}
        # Only of tasks that it waits for: those are set by then.
        needs = {need.removesuffix(".Succeeded") for need in
                 task.get("depends", "").split(" && ") if need}
        return {f"tasks.{other['name']}.outputs.parameters.{item['name']}"
                for other in template["dag"]["tasks"] if other["name"] in needs
                for item in templates[other["template"]].get("outputs", {}).get("parameters", [])}
    return {f"inputs.parameters.{item['name']}"
            for item in template.get("inputs", {}).get("parameters", [])}


def check_tasks_give_what_templates_take(made):
    for workflow_template in made.all("WorkflowTemplate"):
        templates = made.templates(workflow_template)
        for task in made.tasks(workflow_template):
            taken = {item["name"] for item in
                     templates[task["template"]].get("inputs", {}).get("parameters", [])
                     if "value" not in item}
            given = {item["name"] for item in task.get("arguments", {}).get("parameters", [])}
            assert given == taken, task["name"]


def check_gates(made):
    """Without a decision a gate gives out what lets nothing pass, and it ends by itself."""
    for _task, template in made.gates():
        assert re.fullmatch(r"[0-9]+s", template["suspend"]["duration"])
        outputs = template["outputs"]["parameters"]
        assert [item["name"] for item in outputs] == ["decision", "digest", "people"]
        for item in outputs:
            assert item["valueFrom"]["supplied"] == {}
            assert item["valueFrom"]["default"] not in ("", "approved")
        deadline = made.workflow_template["spec"]["activeDeadlineSeconds"]
        assert int(template["suspend"]["duration"][:-1]) < deadline
    tasks = {task["name"]: task for task in made.tasks()}
    for task, template, plan in made.stages():
        asks = any(step["kind"] == "check-approval" for step in plan["stages"][0]["steps"])
        name = "gate-" + task["name"].removeprefix("deploy-")
        assert asks == (task["name"].startswith("deploy-") and name in tasks)
        if asks:
            assert task["depends"] == f"{name}.Succeeded"
            given = variables(template["container"])
            assert given["APHEX_APPROVAL_DECISION"] == "{{inputs.parameters.decision}}"


def template_name(spec, path):
    return spec["templates"][path[1]]["name"] if path[0] == "templates" else None


def check_durations(made):
    for spec, template in every_template(made):
        backoff = template.get("retryStrategy", {}).get("backoff", {})
        for text in [template.get("timeout"), backoff.get("duration"),
                     spec["podGC"].get("deleteDelayDuration")]:
            assert text is None or DURATION.fullmatch(text), text
        if "container" in template:
            assert "timeout" in template and template["retryStrategy"]["limit"].isdigit()
    for sensor in made.all("Sensor"):
        (trigger,) = sensor["spec"]["triggers"]
        retry = trigger["retryStrategy"]
        assert DURATION.fullmatch(retry["duration"])
        # Argo Events reads these as they stand: in quotes they are no numbers.
        assert isinstance(retry["factor"], (int, float)) and isinstance(retry["jitter"], float)


def check_templates_named_are_there(made):
    for workflow_template in made.all("WorkflowTemplate"):
        spec = workflow_template["spec"]
        names = [item["name"] for item in spec["templates"]]
        assert len(names) == len(set(names))
        assert spec["entrypoint"] in names
        assert spec.get("onExit", "main") in names
        assert "hooks" not in spec
        assert {task["template"] for task in made.tasks(workflow_template)} <= set(names)
        assert not any("hooks" in task for task in made.tasks(workflow_template))


def check_metrics(made):
    for workflow_template in made.all("WorkflowTemplate"):
        for metric in members(workflow_template, "prometheus"):
            for item in metric:
                assert re.fullmatch(r"[a-z][a-z0-9_]*", item["name"]) and item["help"]
                assert ("gauge" in item) + ("counter" in item) + ("histogram" in item) == 1
                assert "gauge" not in item or "realtime" in item["gauge"]
                assert "when" not in item


def check_names(made):
    for manifest in made.objects:
        name = manifest["metadata"]["name"].removesuffix(".service-account-token")
        assert LABEL.fullmatch(name), name
    for service in made.all("Service"):
        assert service["metadata"]["name"][0].isalpha()
    for _spec, template in every_template(made):
        # A pod bears it, and a pod's name is lower case.
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", template["name"]), template["name"]
    assert len(made.one("EventSource")["metadata"]["name"]) <= 47
    identities = [(item["kind"], item["metadata"]["namespace"], item["metadata"]["name"])
                  for item in made.objects]
    assert len(identities) == len(set(identities))


def check_lock(made):
    spec = made.workflow_template["spec"]
    lock = spec["synchronization"]
    (mutex,) = lock["mutexes"] if "mutexes" in lock else [lock["mutex"]]
    assert mutex == {"name": made.workflow_template["metadata"]["name"]}
    # A pull request waits for no deployment, and holds none up.
    for other in made.all("WorkflowTemplate")[1:]:
        assert "synchronization" not in other["spec"]


def check_volumes(made):
    for spec, template in every_template(made):
        volumes = {item["name"] for item in [*spec["volumes"], *template.get("volumes", [])]}
        for container in containers(template):
            assert {item["name"] for item in container["volumeMounts"]} <= volumes


def check_accounts(made):
    def place(item):
        return item["metadata"]["namespace"]

    def names(kind):
        return {(place(item), item["metadata"]["name"]) for item in made.all(kind)}

    accounts = names("ServiceAccount")
    named = [(place(item), name) for item in made.objects
             for name in members([item], "serviceAccountName")]
    assert len(named) >= 4 and set(named) <= accounts
    for binding in made.all("RoleBinding"):
        assert {(item["namespace"], item["name"]) for item in binding["subjects"]} <= accounts
        assert (place(binding), binding["roleRef"]["name"]) in names("Role")
    # What takes events has one namespace, what they start another, or both the same.
    events = {place(item) for kind in ("EventSource", "Sensor", "Service", "Ingress")
              for item in made.all(kind)}
    assert len(events) == 1
    workflows = {place(item) for kind in ("WorkflowTemplate", "Role", "RoleBinding")
                 for item in made.all(kind)}
    assert len(workflows) == 1
    assert {place(item) for item in made.objects} == events | workflows
    for sensor in made.all("Sensor"):
        for trigger in sensor["spec"]["triggers"]:
            assert {place(trigger["template"]["k8s"]["source"]["resource"])} == workflows


def check_rights(made):
    known = {"workflowtaskresults": {"create", "patch"}, "workflows": {"create"},
             "workflowtemplates": {"get", "patch"}}
    for role in made.all("Role"):
        for rule in role["rules"]:
            assert rule["apiGroups"] == ["argoproj.io"]
            for resource in rule["resources"]:
                assert set(rule["verbs"]) <= known[resource]
    assert not made.all("ClusterRole") and not made.all("ClusterRoleBinding")


def check_events(made):
    event_source = made.one("EventSource")
    github = event_source["spec"]["github"]
    for source in github.values():
        assert set(source["events"]) <= {"push", "pull_request"}
        assert source["webhookSecret"]["key"] and source["active"] is True
        assert source["webhook"]["maxPayloadSize"] >= 25_000_000
        # Argo registers the hook where it has both, and fails where it has a token alone.
        if "apiToken" in source:
            assert source["webhook"]["url"].startswith("http")
    for sensor in made.all("Sensor"):
        dependencies = {item["name"]: item for item in sensor["spec"]["dependencies"]}
        for dependency in dependencies.values():
            assert dependency["eventSourceName"] == event_source["metadata"]["name"]
            assert dependency["eventName"] in github
        for trigger in sensor["spec"]["triggers"]:
            assert trigger["atLeastOnce"] is True and trigger["retryStrategy"]["steps"] > 1
            assert "conditions" not in trigger["template"]
            source = trigger["template"]["k8s"]
            assert source["operation"] == "create"
            assert {item["src"]["dependencyName"] for item in source["parameters"]} <= set(
                dependencies)
            resource = source["source"]["resource"]
            target = resource["spec"]["workflowTemplateRef"]["name"]
            assert target in {item["metadata"]["name"] for item in made.all("WorkflowTemplate")}
            arguments = resource["spec"]["arguments"]["parameters"]
            assert [item["name"] for item in arguments] == PARAMETERS


def check_secrets(made):
    filled = {name: {item["key"] for item in values}
              for name, values in made.secret_values.items()}
    secrets = {(item["metadata"]["namespace"], item["metadata"]["name"])
               for item in made.all("Secret")}
    assert set(filled) <= {name for _, name in secrets}
    for source in made.one("EventSource")["spec"]["github"].values():
        for reference in [source["webhookSecret"], *([source["apiToken"]]
                                                     if "apiToken" in source else [])]:
            assert reference["key"] in filled[reference["name"]]
            assert (made.one("EventSource")["metadata"]["namespace"], reference["name"]) in secrets
    for _spec, template in every_template(made):
        for volume in template.get("volumes", []):
            keys = {item["key"] for item in volume["secret"]["items"]}
            assert keys <= filled[volume["secret"]["secretName"]]
    reporter = made.workflow_template["spec"]["executor"]["serviceAccountName"]
    place = made.workflow_template["metadata"]["namespace"]
    assert (place, f"{reporter}.service-account-token") in secrets


def check_ports(made):
    event_source = made.one("EventSource")
    (source,) = event_source["spec"]["github"].values()
    (service,) = made.all("Service")
    (port,) = service["spec"]["ports"]
    assert str(port["targetPort"]) == source["webhook"]["port"]
    pod = event_source["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pod.items()
    for ingress in made.all("Ingress"):
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        assert path["path"] == source["webhook"]["endpoint"]
        assert path["backend"]["service"] == {"name": service["metadata"]["name"],
                                              "port": {"number": port["port"]}}
        assert source["webhook"]["url"] == f"https://{rule['host']}"
    assert made.wait_for == ([service["metadata"]["name"]]
                             if service["spec"]["type"] == "LoadBalancer" else [])


def check_policies_fit_pods(made):
    """Each pod of ours is one that a policy selects, and each policy selects some."""
    pods = [item["spec"]["podMetadata"]["labels"] for item in made.all("WorkflowTemplate")]
    pods += [item["spec"]["template"]["metadata"]["labels"]
             for item in made.all("EventSource") + made.all("Sensor")]
    selectors = [item["spec"]["podSelector"]["matchLabels"] for item in made.all("NetworkPolicy")]
    for pod in pods:
        assert [selector for selector in selectors if selector.items() <= pod.items()]
    for selector in selectors:
        assert [pod for pod in pods if selector.items() <= pod.items()]


def check_pods_are_confined(made):
    for spec, template in every_template(made):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(template):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]
            assert container["command"] == ["aphex"]
            assert not any("{{" in argument for argument in container["args"])


def check_everything_names_the_cluster(made, chosen):
    for manifest in made.objects:
        assert manifest["metadata"]["annotations"]["aphex.dev/cluster"] == chosen["cluster"]
        assert manifest["metadata"]["labels"]["aphex.dev/pipeline"] == chosen["pipeline"]


CHECKS = [check_references_resolve, check_durations, check_templates_named_are_there,
          check_metrics, check_names, check_lock, check_volumes, check_accounts, check_rights,
          check_events, check_secrets, check_ports, check_policies_fit_pods,
          check_pods_are_confined, check_gates, check_tasks_give_what_templates_take]


@settings(max_examples=200, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipeline=pipelines())
def test_nothing_that_argo_overlooks_is_in_the_objects(generate, pipeline):
    configuration, chosen = pipeline
    made = generate(configuration, chosen)
    for check in CHECKS:
        check(made)
    check_everything_names_the_cluster(made, chosen)


def spoil_reference(made):
    variables_of = made.workflow_template["spec"]["templates"][1]["container"]["env"]
    variables_of[0]["value"] = "{{workflow.parameters.commit}}"


def spoil_duration(made):
    made.workflow_template["spec"]["templates"][1]["timeout"] = "10 minutes"


def spoil_factor(made):
    made.sensor["spec"]["triggers"][0]["retryStrategy"]["factor"] = "2"


def spoil_exit(made):
    made.workflow_template["spec"]["onExit"] = "finally"


def spoil_name(made):
    [template] = [item for item in made.workflow_template["spec"]["templates"]
                  if item["name"] == "deploy-dev"]
    template["name"] = "deploy-Dev"


def spoil_lock(made):
    made.workflow_template["spec"]["synchronization"]["mutexes"][0]["name"] = ""


def spoil_volume(made):
    made.workflow_template["spec"]["templates"][1]["volumes"] = []


def spoil_account(made):
    made.workflow_template["spec"]["serviceAccountName"] = "default"


def spoil_right(made):
    made.all("Role")[0]["rules"][0]["verbs"] = ["created"]


def spoil_dependency(made):
    made.sensor["spec"]["dependencies"][0]["eventName"] = "gitlab"


def spoil_key(made):
    made.one("EventSource")["spec"]["github"]["github"]["webhookSecret"]["key"] = "token"


def spoil_gate(made):
    made.gates()[0][1]["outputs"]["parameters"][0]["valueFrom"]["default"] = "approved"


def spoil_gates_task(made):
    made.gates()[0][0]["arguments"]["parameters"].pop()


def spoil_result(made):
    [task] = [item for item in made.tasks() if item["name"] == "deploy-Dev"]
    task["arguments"]["parameters"][0]["value"] = "{{tasks.gate-Prod.outputs.parameters.decision}}"


def spoil_port(made):
    made.one("Service")["spec"]["ports"][0]["targetPort"] = 8080


@pytest.mark.parametrize("spoil, check", [
    (spoil_reference, check_references_resolve), (spoil_duration, check_durations),
    (spoil_factor, check_durations), (spoil_exit, check_templates_named_are_there),
    (spoil_name, check_names), (spoil_lock, check_lock), (spoil_volume, check_volumes),
    (spoil_account, check_accounts), (spoil_right, check_rights),
    (spoil_gate, check_gates), (spoil_gates_task, check_tasks_give_what_templates_take),
    (spoil_result, check_references_resolve), (spoil_dependency, check_events), (spoil_key, check_secrets), (spoil_port, check_ports)])
def test_the_checks_see_each_mistake(generate, spoil, check):
    made = generate(CONFIGURATION, example_settings())
    check(made)
    spoil(made)
    with pytest.raises((AssertionError, KeyError)):
        check(made)


@pytest.mark.parametrize("pull_requests, stages", [
    ("validate", ["validate"]), ("build", ["validate", "build"])])
def test_a_pull_request_has_no_role_no_token_and_no_deployment(generate, pull_requests, stages):
    made = generate(CONFIGURATION, example_settings(pullRequests=pull_requests))
    template = made.all("WorkflowTemplate")[1]
    assert [task["name"] for task in made.tasks(template)] == stages
    spec = template["spec"]
    account = made.one("ServiceAccount", spec["serviceAccountName"])
    assert account["metadata"]["annotations"] == {"aphex.dev/cluster": "arbiter"}
    assert account["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] not in {
        item["name"] for binding in made.all("RoleBinding") for item in binding["subjects"]}
    assert "onExit" not in spec
    for _task, one, plan in made.stages(template):
        assert "automountServiceAccountToken" not in one
        assert not any(name.startswith("AWS_") for name in variables(one["container"]))
        kinds = {step["kind"] for step in plan["stages"][0]["steps"]}
        assert not kinds & {"check-access", "deploy-stacks", "upload-artifacts", "find-artifacts",
                            "download-artifacts", "update-pipeline"}
        assert plan["pipeline"]["artifactStore"] == ""


def test_pull_requests_can_be_left_alone(generate):
    made = generate(CONFIGURATION, example_settings(pullRequests="ignore"))
    assert len(made.all("WorkflowTemplate")) == len(made.all("Sensor")) == 1
    assert made.one("EventSource")["spec"]["github"]["github"]["events"] == ["push"]
    assert "pull-request" not in made.yaml


def test_environments_that_differ_in_case_alone_have_pods_of_their_own(generate):
    two = [dict(CONFIGURATION["environments"][0], name=name, account=account)
           for name, account in [("Dev", "111122223333"), ("dev", "222233334444"),
                                 ("DEV", "333344445555"), ("dev-2", "444455556666")]]
    made = generate(CONFIGURATION | {"environments": two}, example_settings())
    check_names(made)
    deploys = {task["name"]: task["template"] for task in made.tasks()
               if task["name"].startswith("deploy")}
    assert deploys == {"deploy-Dev": "deploy-dev-3", "deploy-dev": "deploy-dev",
                       "deploy-DEV": "deploy-dev-4", "deploy-dev-2": "deploy-dev-2"}
