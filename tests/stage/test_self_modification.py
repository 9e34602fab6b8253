"""The stage `pipeline` against a real API server, with the rights that its own Role gives it."""

import copy
import json

import pytest
from on_cluster import OWNER, outcome, stages_of

from application import environment


def test_an_unchanged_plan_goes_on(on_cluster, application):
    application.configure()
    on_cluster.install(on_cluster.generate())
    commit = application.commit()
    before = on_cluster.template
    workflow = on_cluster.workflow(commit)
    ended = on_cluster.run(workflow)
    assert ended.code == 0, ended.out + ended.err
    assert outcome(ended) == "continue"
    assert not on_cluster.has_successor(workflow)
    after = on_cluster.template
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"]["aphex.dev/commit"] == commit
    assert OWNER.items() <= after["metadata"]["annotations"].items()


def test_a_new_environment_becomes_a_stage_and_a_new_workflow_goes_on(on_cluster, application):
    application.configure(environment("dev"))
    on_cluster.install(on_cluster.generate())
    application.configure(environment("dev"), environment("prod"))
    commit = application.commit()
    workflow = on_cluster.workflow(commit, message="Prod")
    ended = on_cluster.run(workflow)
    assert ended.code == 0, ended.out + ended.err
    assert outcome(ended) == "handed-over"
    template = on_cluster.template
    assert stages_of(template) == ["validate", "build", "pipeline", "deploy-dev", "deploy-prod"]
    assert OWNER.items() <= template["metadata"]["annotations"].items()
    assert template["metadata"]["annotations"]["aphex.dev/commit"] == commit
    successor = on_cluster.successor(workflow)
    assert successor["spec"]["workflowTemplateRef"] == {"name": on_cluster.template_name}
    assert {each["name"]: each["value"]
            for each in successor["spec"]["arguments"]["parameters"]} == workflow.parameters
    # Argo may try the pod again: it makes no second one.
    again = on_cluster.run(workflow)
    assert again.code == 0, again.err
    assert outcome(again) == "handed-over"
    # And the new workflow finds nothing to change.
    generated = on_cluster.generate()
    assert generated.digest == template["metadata"]["annotations"]["aphex.dev/plan-digest"]
    following = on_cluster.workflow(commit, generated, name=f"{workflow.name}-r1")
    last = on_cluster.run(following)
    assert last.code == 0, last.err
    assert outcome(last) == "continue"


def test_a_run_goes_on_under_the_old_plan_where_it_is_told_to(on_cluster, application):
    application.configure(environment("dev"), pipeline={"onChange": "continue"})
    on_cluster.install(on_cluster.generate())
    application.configure(environment("dev"), environment("prod"),
                          pipeline={"onChange": "continue"})
    workflow = on_cluster.workflow(application.commit())
    ended = on_cluster.run(workflow)
    assert ended.code == 0, ended.out + ended.err
    assert outcome(ended) == "continue"
    assert "deploy-prod" in stages_of(on_cluster.template)
    assert not on_cluster.has_successor(workflow)


def test_a_template_that_is_new_is_left_to_who_makes_the_objects(on_cluster, application):
    """Its Role names no template of pull requests, and nobody may create one."""
    application.configure(environment("dev"))
    settings = {"pullRequests": "ignore"}
    generated = on_cluster.install(on_cluster.generate(**settings))
    pod = on_cluster.workflow(application.commit(), generated).pod("pipeline")
    pod.clone()
    file = pod.file("settings.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pullRequests": "validate"}))
    ended = pod.run(KUBECONFIG=str(on_cluster.kubeconfig), APHEX_NAMESPACE=on_cluster.namespace)
    assert ended.code == 0, ended.out + ended.err
    assert any("-pull-request is not there yet" in str(line) for line in ended.lines)
    assert on_cluster.template["metadata"]["annotations"]["aphex.dev/commit"]


def test_a_workflow_that_was_handed_over_to_makes_no_third(on_cluster, application):
    application.configure(environment("dev"))
    on_cluster.install(on_cluster.generate())
    application.configure(environment("dev"), environment("prod"))
    workflow = on_cluster.workflow(application.commit(), name="app-1-r1")
    before = on_cluster.template
    ended = on_cluster.run(workflow)
    assert ended.code == 3
    assert "the plan changed again after the run was already restarted for it" in ended.err
    assert outcome(ended) is None
    assert on_cluster.template == before


class TestWhateverFails:
    """The template that was there stands, byte for byte, and the stage says why."""

    @pytest.fixture
    def changed(self, on_cluster, application):
        application.configure(environment("dev"))
        on_cluster.install(on_cluster.generate())
        application.configure(environment("dev"), environment("prod"))
        self.workflow = on_cluster.workflow(application.commit())
        self.before = on_cluster.template
        return on_cluster

    def ends(self, changed, code, *words, **variables):
        ended = changed.run(self.workflow, **variables)
        assert ended.code == code, ended.out + ended.err
        for each in words:
            assert each in ended.err, ended.err
        assert outcome(ended) is None
        assert json.dumps(changed.template) == json.dumps(self.before)
        assert not changed.has_successor(self.workflow)

    def test_no_right(self, changed):
        changed.kubeconfig = changed.write_kubeconfig(
            changed.cluster.user_token("system:serviceaccount:x:nobody"))
        self.ends(changed, 1, "the new plan could not be stored; the old one stays",
                  "HTTP 403 Forbidden", "cannot get resource \"workflowtemplates\"")

    def test_no_right_to_start_the_next_workflow(self, changed):
        user = "reader-and-writer"
        changed.cluster.bind(user, [{"apiGroups": ["argoproj.io"],
                                     "resources": ["workflowtemplates"],
                                     "verbs": ["get", "patch"]}], changed.namespace)
        changed.kubeconfig = changed.write_kubeconfig(changed.cluster.user_token(user))
        self.ends(changed, 1, "cannot try to create Workflow", "HTTP 403 Forbidden")

    def test_a_token_that_is_not_accepted(self, changed):
        changed.kubeconfig = changed.write_kubeconfig("expired")
        self.ends(changed, 1, "does not accept the token")

    def test_a_server_that_cannot_be_reached(self, changed):
        changed.kubeconfig = changed.write_kubeconfig("token", server="https://127.0.0.1:9")
        self.ends(changed, 75, "check that the cluster's endpoint can be reached")

    def test_a_field_that_somebody_else_holds(self, changed):
        theirs = copy.deepcopy(self.before)
        changed.cluster.admin.apply(
            {"apiVersion": theirs["apiVersion"], "kind": theirs["kind"],
             "metadata": {"name": theirs["metadata"]["name"], "namespace": changed.namespace},
             "spec": {"activeDeadlineSeconds": 60}}, manager="argo-cd", force=True)
        self.before = changed.template
        self.ends(changed, 1, "'argo-cd' manages .spec.activeDeadlineSeconds")

    def test_objects_that_cannot_be_made(self, changed, application):
        application.configure(environment("dev"), environment("prod"),
                              build=["true " + "x" * 30_000] * 8)
        self.workflow = changed.workflow(application.commit())
        self.ends(changed, 3, "the Kubernetes objects of pipeline",
                  "are the most that a pod can be given")


def test_an_older_commit_does_not_replace_a_newer_ones_template(on_cluster, application):
    """Two runs race; whichever comes last, the newer commit's plan stands."""
    application.configure(environment("dev"))
    on_cluster.install(on_cluster.generate())
    application.variables = {**application.variables,
                             "GIT_COMMITTER_DATE": "2026-02-01T08:00:00Z"}
    application.configure(environment("dev"), environment("old"))
    older = on_cluster.workflow(application.commit())
    application.variables["GIT_COMMITTER_DATE"] = "2026-02-01T08:00:01Z"
    application.configure(environment("dev"), environment("new"))
    newer = on_cluster.workflow(application.commit())
    assert on_cluster.run(newer).code == 0
    before = on_cluster.template
    assert "deploy-new" in stages_of(before)
    ended = on_cluster.run(older)
    assert ended.code == 0, ended.err
    assert outcome(ended) == "continue"
    assert on_cluster.template == before
    assert any("which is newer than this run's" in line for line in ended.lines), ended.lines
    assert not on_cluster.has_successor(older)


def test_runs_that_apply_at_the_same_moment_end_with_the_newer_commit(on_cluster, application):
    application.configure(environment("dev"))
    on_cluster.install(on_cluster.generate())
    pods = []
    for second, name in enumerate(("a", "b", "c", "d")):
        application.variables = {**application.variables,
                                 "GIT_COMMITTER_DATE": f"2026-02-01T08:00:0{second}Z"}
        application.configure(environment("dev"), environment(name))
        pod = on_cluster.workflow(application.commit()).pod("pipeline")
        pod.clone()
        pods.append(pod)
    running = [(pod, pod.start(pod.template["container"], KUBECONFIG=str(on_cluster.kubeconfig),
                               APHEX_NAMESPACE=on_cluster.namespace)) for pod in pods]
    for pod, process in running:
        ended = pod.end(process)
        assert ended.code == 0, ended.out + ended.err
    assert "deploy-d" in stages_of(on_cluster.template)
