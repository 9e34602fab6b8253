"""What the pods of a pipeline may do in the cluster, tried from within them."""

import json
import re

from world import environment

CORE = ("secrets", "pods", "others")
CONTAINER = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True, "runAsNonRoot": True, "runAsUser": 8737}}


def probed(text):
    """What application/probe.js printed: of what it asked for, the answers."""
    found = dict(re.findall(r"PROBE get (\S+) (\w+)", text))
    return re.search(r"PROBE token (\w+)", text).group(1), found


def pod_of(pipeline, account):
    """A pod as that account, with its token, that tries everything."""
    name = f"probe-{account}"
    script = (pipeline.folder / "probe.js").read_text(encoding="utf-8")
    pipeline.api.create(f"/api/v1/namespaces/{pipeline.namespace}/pods", {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "serviceAccountName": account,
                 "automountServiceAccountToken": True,
                 "containers": [{"name": "main", "image": pipeline.world.image, **CONTAINER,
                                 "command": ["node", "-e", script, "probe", pipeline.namespace,
                                             pipeline.template_name]}]}})
    path = f"/api/v1/namespaces/{pipeline.namespace}/pods/{name}"
    pipeline.kubernetes.wait_until(
        lambda: pipeline.api.get(path)["status"]["phase"] in ("Succeeded", "Failed"), name)
    return probed(pipeline.kubernetes.log(pipeline.namespace, name))


def test_commands_of_a_stage_cannot_read_a_secret(pipelines):
    """In the real pods of the stages: no token is there, and without one nothing is answered."""
    pipeline = pipelines("rights")
    probe = f"node probe.js {pipeline.namespace} {pipeline.template_name}"
    secrets = "(ls /aphex/github 2>&1 || true) | sed 's/^/PROBE /'"
    pipeline.configure(environment("dev", tests=(probe, secrets)), build=(probe, secrets)).deploy()
    run = pipeline.run(pipeline.commit())
    assert run.phase == "Succeeded", run.explain()
    for stage in ("build", "test-dev"):
        text = "\n".join(run.lines(stage))
        token, answers = probed(text)
        assert token == "none"
        assert set(answers.values()) <= {"401", "403"}, answers
        assert "PROBE ls: cannot access '/aphex/github'" in text


def test_each_account_can_do_its_own_and_nothing_else(pipelines):
    pipeline = pipelines("roles")
    pipeline.configure(environment("dev")).deploy()
    name = pipeline.name
    for account, allowed in ((f"{name}-workflow-executor", {pipeline.template_name}),
                             (f"{name}-workflow-reporter", set()), (f"{name}-sensor", set()),
                             (f"{name}-github", set()), (f"{name}-pull-request", set())):
        token, answers = pod_of(pipeline, account)
        assert token == "found"
        assert len(answers) == len(CORE) + 3
        expected = {each: "200" if each in allowed else "403" for each in answers}
        assert answers == expected, account


def test_the_executor_cannot_replace_another_template(pipelines):
    """It may patch its own two, and create Workflows; no Role, no binding, no pod."""
    pipeline = pipelines("bounds")
    pipeline.configure(environment("dev")).deploy()
    token = pipeline.token(f"{pipeline.name}-workflow-executor")
    foreign = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
               "metadata": {"name": "of-somebody-else", "namespace": pipeline.namespace},
               "spec": {"entrypoint": "main", "templates": []}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "more", "namespace": pipeline.namespace},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    for made in (foreign, role):
        done = pipeline.kubernetes.kubectl("apply", "--server-side", "-f", "-", check=False,
                                           input=json.dumps(made), token=token)
        assert done.returncode != 0
        assert "forbidden" in done.stderr.lower(), done.stderr
