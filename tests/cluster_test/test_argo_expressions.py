"""The driver's reading of Argo's expressions: those of our templates, and no other."""

import pytest

from argo_expressions import Unknown, depends_on, retries, substitute, when
from argo_pods import PodEnded

EXPRESSION = ('lastRetry.status == "Error" || asInt(lastRetry.exitCode) == 75 || '
              'lastRetry.message matches "^(The node was low on resource|'
              'main: [^:]*[(]exit code 130[)])"')
STRATEGY = {"limit": "2", "retryPolicy": "Always", "expression": EXPRESSION}


def ended(phase="Failed", code=1, message="main: Error (exit code 1)"):
    return PodEnded(phase, code, message, {})


def test_a_task_runs_where_all_that_it_depends_on_ended_so():
    tasks, holds = depends_on("build.Succeeded && pipeline.Skipped")
    assert tasks == ["build", "pipeline"]
    assert holds({"build": "Succeeded", "pipeline": "Skipped"})
    assert not holds({"build": "Succeeded", "pipeline": "Succeeded"})
    assert depends_on("")[1]({})


@pytest.mark.parametrize("text", ["a || b", "a", "!a.Succeeded", "a.Any"])
def test_another_way_to_depend_is_refused(text):
    with pytest.raises(Unknown):
        depends_on(text)


def test_when_compares_two_words_in_quotes():
    assert when("'continue' == 'continue'")
    assert not when("'handed-over' == 'continue'")
    assert when("'a' != 'b'")
    for other in ("'a' =~ 'b'", "handed-over == continue"):
        with pytest.raises(Unknown):
            when(other)


def test_a_pod_that_was_lost_or_says_so_is_tried_again_and_no_other():
    assert retries(STRATEGY, ended("Error", None, "pod deleted"))
    assert retries(STRATEGY, ended(code=75))
    assert retries(STRATEGY, ended(code=None, message="The node was low on resource: memory"))
    assert retries(STRATEGY, ended(code=130, message="main: Error (exit code 130)"))
    assert not retries(STRATEGY, ended(code=130, message="Pod was active on the node longer than "
                                                         "the specified deadline"))
    assert not retries(STRATEGY, ended())
    assert not retries({}, ended("Error"))
    with pytest.raises(Unknown):
        retries({**STRATEGY, "expression": "true"}, ended())


def test_a_tag_that_nobody_knows_is_refused_unless_it_may_lack():
    values = {"workflow.name": "run-1"}
    assert substitute("{{workflow.name}}!", values) == "run-1!"
    with pytest.raises(Unknown):
        substitute("{{workflow.outputs.parameters.x}}", values)
    tag = "{{workflow.outputs.parameters.x}}"
    assert substitute(tag, values, may_lack=("workflow.outputs.",)) == tag
