"""The process as a function of Lambda: events, answers that are hard to give, its log, its end."""

import json
import signal

import pytest

import lambda_runtime
from conftest import CLUSTER, role_arn
from lambda_runtime import SIGNATURE, LambdaRuntime

# A Delete of what was never created needs nobody but CloudFormation.
NOTHING = {"physical_id": "aphex:nothing-created:1"}


@pytest.fixture
def runtime():
    with LambdaRuntime() as started:
        yield started


@pytest.fixture
def function(package, runtime, aws):
    started = lambda_runtime.start(package, runtime.address, aws.environment())
    yield started
    started.stop()
    assert SIGNATURE.partition("=")[2] not in started.text


def test_an_answer_is_given_again_until_it_is_taken(runtime, function):
    runtime.refuse_answers(500, 503)
    answer = runtime.custom_resource("Delete", {}, **NOTHING)
    assert answer["Status"] == "SUCCESS"
    assert function.wait_for("answered")["attempts"] == 3
    runtime.refuse_answers(0)  # a connection that is closed
    assert runtime.custom_resource("Delete", {}, **NOTHING)["Status"] == "SUCCESS"


def test_lambda_is_told_where_cloudformation_cannot_be(runtime, function):
    runtime.refuse_answers(403)
    event = runtime.event("Delete", {}, **NOTHING)
    outcome = runtime.outcome(runtime.invoke(event))
    assert outcome.kind == "error"
    place = event["ResponseURL"].partition("?")[0]
    assert json.loads(outcome.body) == {
        "errorMessage": f"CloudFormation cannot be answered at {place} (1 attempt): HTTP 403",
        "errorType": "unavailable", "stackTrace": []}
    assert outcome.headers["Lambda-Runtime-Function-Error-Type"] == "Aphex.unavailable"
    # The invocation is tried again by Lambda, with success.
    again = runtime.outcome(runtime.invoke(event))
    assert (again.kind, again.body) == ("response", "{}")
    assert len(runtime.puts(event["ResponseURL"])) == 1


@pytest.mark.parametrize("body, words", [
    ("no JSON", "the event is no JSON: not valid JSON: line 1, column 2: invalid literal"),
    ("[]", "the event is no JSON object"),
    ('{"detail-type": "Scheduled Event"}', "the event has no RequestType"),
    ('{"RequestType": "Create", "ResponseURL": "https://a/?Signature=xyz"}',
     "the event has no StackId"),
    ("[" * 100_000, "the event is no JSON: not valid JSON: nested deeper than 64 levels"),
    (b"\xff\xfe", "the event is no JSON: not valid JSON: line 1, column 1: invalid literal"),
], ids=["no JSON", "a list", "another event", "incomplete", "deep", "no text"])
def test_an_event_that_is_none_of_cloudformations_is_an_error(runtime, function, body, words):
    outcome = runtime.outcome(runtime.invoke(body))
    assert outcome.kind == "error"
    assert json.loads(outcome.body)["errorMessage"] == words
    assert "xyz" not in function.text
    assert runtime.custom_resource("Delete", {}, **NOTHING)["Status"] == "SUCCESS"


def test_a_stack_id_that_names_no_stack_is_refused(runtime, function):
    answer = runtime.custom_resource("Create", {}, stack_id="arn:aws:s3:::bucket")
    assert answer["Reason"] == (
        "StackId 'arn:aws:s3:::bucket' is no ARN of a CloudFormation stack")


def test_wrong_properties_are_refused_all_at_once(runtime, function):
    answer = runtime.custom_resource("Create", {"Clustername": "dev", "Force": "maybe"})
    assert answer["Reason"] == (
        "5 problems with the properties in Object: Clustername is no property (did you mean "
        "ClusterName?); ClusterName is missing; Pipeline is missing; Manifest is missing; Force "
        "'maybe' is neither true nor false")


def test_a_reason_that_is_too_long_is_cut_and_says_where_the_rest_is(runtime, function):
    answer = runtime.custom_resource(
        "Create", {"ClusterName": "dev", "Pipeline": "p", "Manifest": "{}", "Force": "ü" * 5_000})
    assert answer["Reason"].endswith("… (see log stream 2026/01/31/[$LATEST]0123456789abcdef)")
    assert "ü" * 5_000 in function.wait_for("answered")["reason"]


def test_it_answers_before_cloudformations_own_time_is_over(runtime, function, aws, eks_cluster):
    properties = {"ClusterName": CLUSTER, "Pipeline": "archon", "ServiceTimeout": "6",
                  "RoleArn": role_arn("KubectlRole"),
                  "Manifest": json.dumps({"apiVersion": "v1", "kind": "ConfigMap",
                                          "metadata": {"name": "a", "namespace": "b"}})}
    with eks_cluster.pause():
        answer = runtime.custom_resource("Create", properties, seconds=600)
    assert answer["Reason"].startswith("timed out after 4.5 s while reading ConfigMap b/a")


def test_each_line_of_the_log_is_json_and_tells_what_happened(runtime, function):
    event = runtime.event("Delete", {}, **NOTHING)
    request_id = runtime.invoke(event)
    runtime.outcome(request_id)
    function.wait_for("end")
    assert [line["event"] for line in function.log] == ["begin", "nothing to delete", "answered",
                                                        "end"]
    assert {line["requestId"] for line in function.log} == {request_id}
    assert {line["level"] for line in function.log} == {"info"}
    begin = function.log[0]
    assert {name: begin[name] for name in ("type", "stack", "resource", "cloudFormationRequest",
                                           "physicalId")} == {
        "type": "Delete", "stack": event["StackId"], "resource": "Object",
        "cloudFormationRequest": event["RequestId"], "physicalId": NOTHING["physical_id"]}


def test_it_ends_when_lambda_says_so(runtime, function):
    runtime.custom_resource("Delete", {}, **NOTHING)
    function.process.send_signal(signal.SIGTERM)
    assert function.process.wait(20) == 0


def test_it_ends_with_the_runtime_api(package, aws):
    with LambdaRuntime() as gone:
        function = lambda_runtime.start(package, gone.address, aws.environment())
        gone.custom_resource("Delete", {}, **NOTHING)
    assert function.process.wait(20) == 1
    assert function.stop() == 1
    assert function.log[-1]["event"] == "cannot run"


def test_a_function_without_a_region_says_so_at_its_start(package, runtime):
    function = lambda_runtime.start(package, runtime.address,
                                    {"AWS_REGION": None, "AWS_DEFAULT_REGION": None})
    assert runtime.init_error()["errorMessage"] == "AWS_REGION is not set"
    assert function.process.wait(20) == 1
    function.stop()


def test_started_by_hand_it_says_what_it_is(package):
    function = lambda_runtime.start(package, None)
    assert function.process.wait(20) == 1
    function.stop()
    assert function.log[0]["error"] == (
        "AWS_LAMBDA_RUNTIME_API is not set: this program runs as a function of AWS Lambda")
