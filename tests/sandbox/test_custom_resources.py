"""Custom resources: what their function is told, what becomes of its answers."""

import json
import threading
import time
import urllib.error
import urllib.request

import pytest
from bootstraps import ROLE, function, log_lines, python_function
from conftest import PIPELINE
from stacks import (
    att,
    create,
    deploy,
    describe,
    events,
    outputs,
    reasons,
    ref,
    resource,
    status,
    template,
    update,
)

# Does what the properties say, so that each test can have what it needs.
PROVIDER = """
import json, time, urllib.request
def handle(event, headers):
    print("EVENT " + json.dumps(event))
    properties = event["ResourceProperties"]
    kind = event["RequestType"]
    how = properties.get("How", {}).get(kind, "succeed")
    if how == "raise":
        raise RuntimeError("no provider today")
    if how == "silent":
        return
    if how == "slow":
        time.sleep(4)
    answer = {"Status": "FAILED" if how == "fail" else "SUCCESS",
              "Reason": "the reason of " + kind,
              "StackId": event["StackId"], "RequestId": event["RequestId"],
              "LogicalResourceId": event["LogicalResourceId"],
              "PhysicalResourceId": properties.get("Id")
                  or event.get("PhysicalResourceId") or "made-" + event["LogicalResourceId"],
              "Data": json.loads(properties.get("Data", "{}"))}
    for name, value in json.loads(properties.get("Answer", "{}")).items():
        if value is None:
            answer.pop(name)
        else:
            answer[name] = value
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))
"""


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


@pytest.fixture
def base(sandbox):
    return {"R": ROLE, "F": python_function(sandbox, PROVIDER, Timeout=20)}


def custom(type_name="Custom::Thing", **properties):
    properties.setdefault("ServiceTimeout", 20)
    return resource(type_name, ServiceToken=att("F", "Arn"), **properties)


def seen(sandbox):
    """What the provider was told, in order."""
    lines = [line for line in log_lines(sandbox) if line.startswith("EVENT ")]
    return [json.loads(line.removeprefix("EVENT ")) for line in lines]


def kinds(sandbox):
    return [(e["RequestType"], e.get("PhysicalResourceId")) for e in seen(sandbox)]


def failure(cfn, name="s", wanted="CREATE_FAILED"):
    return reasons(cfn, name, wanted)[0]


def test_the_request_is_cloudformations_own(cfn, sandbox, base):
    properties = {
        "Text": "a",
        "Number": 3,
        "Real": 1.5,
        "Truth": True,
        "Nested": {"List": [1, False, {"Deep": 2}], "Gone": ref("AWS::NoValue")},
    }
    made = custom(Data='{"Answer": 42, "Flag": true, "Text": "t"}', **properties)
    values = {"Id": ref("C"), "Answer": att("C", "Answer"), "Flag": att("C", "Flag")}
    found = deploy(cfn, "s", template({**base, "C": made}, values))
    assert found == {"Id": "made-C", "Answer": "42", "Flag": "true"}
    (event,) = seen(sandbox)
    token = f"arn:aws:lambda:us-east-1:{PIPELINE}:function:f"
    address = event.pop("ResponseURL")
    assert address.startswith(f"{sandbox.endpoint}/")
    assert "X-Amz-Signature=" in address
    assert event.pop("RequestId")
    assert event == {
        "RequestType": "Create",
        "ServiceToken": token,
        "StackId": describe(cfn, "s")["StackId"],
        "LogicalResourceId": "C",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {
            "ServiceToken": token,
            "ServiceTimeout": "20",
            "Data": '{"Answer": 42, "Flag": true, "Text": "t"}',
            "Text": "a",
            "Number": "3",
            "Real": "1.5",
            "Truth": "true",
            "Nested": {"List": ["1", "false", {"Deep": "2"}]},
        },
    }
    # The address takes one answer.
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(address, b"{}", method="PUT"))


def test_an_update_tells_old_and_new_and_a_deletion_the_last(cfn, sandbox, base):
    type_name = "AWS::CloudFormation::CustomResource"
    deploy(cfn, "s", template({**base, "C": custom(type_name, Value=1)}))
    update(cfn, "s", template({**base, "C": custom(type_name, Value=2)}))
    assert status(cfn, "s") == "UPDATE_COMPLETE"
    cfn.delete_stack(StackName="s")
    created, changed, deleted = seen(sandbox)
    assert created["ResourceType"] == type_name
    assert (changed["RequestType"], changed["PhysicalResourceId"]) == ("Update", "made-C")
    assert changed["ResourceProperties"]["Value"] == "2"
    assert changed["OldResourceProperties"]["Value"] == "1"
    assert (deleted["RequestType"], deleted["PhysicalResourceId"]) == ("Delete", "made-C")
    assert deleted["ResourceProperties"]["Value"] == "2"
    assert "OldResourceProperties" not in deleted


def test_nothing_is_asked_when_nothing_has_changed(cfn, sandbox, base):
    deploy(cfn, "s", template({**base, "C": custom(Value=1)}))
    more = {"T": resource("AWS::SNS::Topic")}
    update(cfn, "s", template({**base, **more, "C": custom(Value=1)}))
    assert kinds(sandbox) == [("Create", None)]


def test_another_physical_id_replaces_and_the_old_one_goes_in_the_cleanup(cfn, sandbox, base):
    deploy(cfn, "s", template({**base, "C": custom(Id="one")}, {"Id": ref("C")}))
    update(cfn, "s", template({**base, "C": custom(Id="two")}, {"Id": ref("C")}))
    assert outputs(cfn, "s") == {"Id": "two"}
    assert kinds(sandbox) == [("Create", None), ("Update", "one"), ("Delete", "one")]
    assert seen(sandbox)[2]["ResourceProperties"]["Id"] == "one"
    order = [e for e in events(cfn, "s") if e[0] in ("C", "s")]
    assert order[-5:] == [
        ("C", "UPDATE_COMPLETE"),
        ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("C", "DELETE_IN_PROGRESS"),
        ("C", "DELETE_COMPLETE"),
        ("s", "UPDATE_COMPLETE"),
    ]


def test_a_rolled_back_replacement_deletes_the_new_one(cfn, sandbox, base):
    deploy(cfn, "s", template({**base, "C": custom(Id="one")}, {"Id": ref("C")}))
    broken = {"B": resource("AWS::S3::Bucket", depends_on="C", BucketName="Bad_Name")}
    update(cfn, "s", template({**base, **broken, "C": custom(Id="two")}, {"Id": ref("C")}))
    assert status(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"
    assert outputs(cfn, "s") == {"Id": "one"}
    assert kinds(sandbox) == [
        ("Create", None),
        ("Update", "one"),
        ("Update", "two"),
        ("Delete", "two"),
    ]
    assert seen(sandbox)[2]["ResourceProperties"]["Id"] == "one"


def test_a_failure_has_its_reason_and_is_cleaned_up(cfn, sandbox, base):
    how = {"Create": "fail"}
    create(cfn, "s", template({**base, "C": custom(How=how, Id="half")}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    request = seen(sandbox)[0]["RequestId"]
    assert failure(cfn) == (
        "Received response status [FAILED] from custom resource. Message returned: the reason of"
        f" Create (RequestId: {request})"
    )
    assert kinds(sandbox) == [("Create", None), ("Delete", "half")]


def test_a_failed_update_is_asked_to_go_back(cfn, sandbox, base):
    deploy(cfn, "s", template({**base, "C": custom(Value="old")}))
    changed = custom(Value="new", How={"Update": "fail"})
    update(cfn, "s", template({**base, "C": changed}))
    assert status(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"
    assert "the reason of Update" in failure(cfn, wanted="UPDATE_FAILED")
    back = seen(sandbox)[-1]
    assert back["ResourceProperties"]["Value"] == "old"
    assert back["OldResourceProperties"]["Value"] == "new"
    assert back["PhysicalResourceId"] == "made-C"


def test_a_failed_deletion_keeps_the_resource(cfn, sandbox, base):
    deploy(cfn, "s", template({**base, "C": custom(How={"Delete": "fail"})}))
    cfn.delete_stack(StackName="s")
    assert status(cfn, "s") == "DELETE_FAILED"
    assert "the reason of Delete" in failure(cfn, wanted="DELETE_FAILED")
    # Asked once, not twice.
    assert kinds(sandbox) == [("Create", None), ("Delete", "made-C")]


def test_a_retained_one_is_not_asked_to_go(cfn, sandbox, base):
    body = {**base, "C": {**custom(), "DeletionPolicy": "Retain"}}
    deploy(cfn, "s", template(body))
    cfn.delete_stack(StackName="s")
    assert kinds(sandbox) == [("Create", None)]


def test_a_function_that_fails_is_not_waited_for(cfn, sandbox, base):
    begun = time.monotonic()
    made = custom(How={"Create": "raise"}, ServiceTimeout=3600)
    create(cfn, "s", template({**base, "C": made}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    assert time.monotonic() - begun < 10
    text = failure(cfn)
    assert text.startswith("CloudFormation did not receive a response from your Custom Resource.")
    assert f"requestId [{seen(sandbox)[0]['RequestId']}]" in text
    assert "(The function failed: RuntimeError: no provider today)" in text


def test_silence_is_waited_for_as_long_as_the_template_says(cfn, sandbox, base):
    made = custom(How={"Create": "silent", "Delete": "succeed"}, ServiceTimeout=1)
    create(cfn, "s", template({**base, "C": made}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    assert "did not answer within 1 s" in failure(cfn)
    (kind, physical_id) = kinds(sandbox)[1]
    assert (kind, physical_id.startswith("s-C-")) == ("Delete", True)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"Data": {"Large": "x" * 4096}}, "Response object is too long."),
        ({"PhysicalResourceId": None}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": "x" * 1025}, "Invalid PhysicalResourceId"),
        ({"StackId": "other"}, "Value of property StackId must be that of the request"),
        ({"RequestId": None}, "Value of property RequestId must be that of the request"),
        ({"Status": "DONE"}, "Value of property Status must be SUCCESS or FAILED"),
        ({"Status": None}, "it must be a JSON object with a Status"),
        ({"Data": [1]}, "Value of property Data must be an object"),
    ],
)
def test_an_answer_that_breaks_the_rules_fails(cfn, base, answer, message):
    made = custom(Answer=json.dumps(answer))
    # The deletion in the rollback gets the same answer.
    create(cfn, "s", template({**base, "C": made}), DisableRollback=True)
    assert status(cfn, "s") == "CREATE_FAILED"
    assert message in failure(cfn)


def test_an_answer_that_is_not_echoed_is_nowhere_to_be_read(own):
    sandbox = own("--verbose")
    cfn = sandbox.client("cloudformation")
    # Put together by the function only, so that the template does not hold it.
    provider = PROVIDER.replace("print(", "str(").replace(
        'json.loads(properties.get("Data", "{}"))', '{"Key": "hid" + "den-value"}'
    )
    base = {"R": ROLE, "F": python_function(sandbox, provider)}
    used = resource(
        "AWS::SecretsManager::Secret", Name="kept", SecretString=att("C", "Key"), depends_on="C"
    )
    made = custom(Answer='{"NoEcho": true}')
    deploy(cfn, "s", template({**base, "C": made, "S": used}))
    manager = sandbox.client("secretsmanager")
    assert manager.get_secret_value(SecretId="kept")["SecretString"] == "hidden-value"
    assert "hidden-value" not in (sandbox.state_dir / "server.log").read_text()
    shown = json.dumps(
        [cfn.describe_stack_events(StackName="s"), cfn.describe_stack_resources(StackName="s")],
        default=str,
    )
    assert "hidden-value" not in shown


def test_an_attribute_that_was_not_answered_is_named(cfn, base):
    topic = resource("AWS::SNS::Topic", DisplayName=att("C", "Missing"))
    create(cfn, "s", template({**base, "C": custom(), "T": topic}))
    assert "Vendor response doesn't contain Missing attribute" in failure(cfn)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (f"arn:aws:lambda:us-east-1:{PIPELINE}:function:nobody", "Function not found: arn:aws:"),
        (f"arn:aws:lambda:eu-west-1:{PIPELINE}:function:f", "is not in the stack's region"),
        (f"arn:aws:sns:us-east-1:{PIPELINE}:topic", "does not support custom resources behind SNS"),
        ("nonsense", "nonsense is no ARN of a function"),
    ],
)
def test_a_token_that_is_no_function_fails(cfn, token, message):
    create(cfn, "s", template({"C": resource("Custom::Thing", ServiceToken=token)}))
    assert status(cfn, "s") == "ROLLBACK_COMPLETE"
    assert message in failure(cfn)


def test_a_lenient_sandbox_does_without_the_function(own, monkeypatch):
    monkeypatch.setenv("APHEX_SANDBOX_LENIENT", "1")
    cfn = own().client("cloudformation")
    body = template({"C": resource("Custom::Thing", ServiceToken="nonsense")}, {"C": ref("C")})
    assert deploy(cfn, "s", body)["C"].startswith("s-C-")
    cfn.delete_stack(StackName="s")
    assert cfn.describe_stacks()["Stacks"] == []


def test_another_token_is_refused(cfn, sandbox, base):
    body = {**base, "G": python_function(sandbox, PROVIDER, name="g")}
    deploy(cfn, "s", template({**body, "C": custom()}))
    moved = {**custom(), "Properties": {"ServiceToken": att("G", "Arn")}}
    update(cfn, "s", template({**body, "C": moved}))
    assert status(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"
    assert failure(cfn, wanted="UPDATE_FAILED") == "Modifying service token is not allowed."


def test_a_provider_may_use_what_the_stack_has_made(cfn, sandbox):
    """The world is open while a provider works."""
    provider = PROVIDER.replace(
        'print("EVENT',
        'urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_aphex/resources").read()\n'
        '    print("EVENT',
    ).replace("import json,", "import json, os,")
    base = {"R": ROLE, "F": python_function(sandbox, provider)}
    deploy(cfn, "s", template({**base, "C": custom()}))


def test_a_long_operation_is_seen_half_way_and_can_be_cut_short(cfn, sandbox, base):
    """No client waits for longer than its patience."""
    made = custom(How={"Create": "silent"}, ServiceTimeout=3600)
    begun = time.monotonic()
    create(cfn, "s", template({**base, "C": made}))
    assert 8 < time.monotonic() - begun < 20
    assert status(cfn, "s") == "CREATE_IN_PROGRESS"
    assert events(cfn, "s")[-1] == ("C", "CREATE_IN_PROGRESS")
    stack_id = describe(cfn, "s")["StackId"]
    cfn.delete_stack(StackName="s")
    assert status(cfn, stack_id) == "DELETE_COMPLETE"
    assert "Resource creation cancelled" in reasons(cfn, stack_id, "CREATE_FAILED")
    assert sandbox.client("iam").list_roles()["Roles"] == []


def test_an_update_in_progress_can_be_cancelled(cfn, sandbox, base):
    deploy(cfn, "s", template({**base, "C": custom(Value=1)}))
    changed = custom(Value=2, How={"Update": "silent"})
    body = template({**base, "C": changed})
    updating = threading.Thread(target=update, args=(cfn, "s", body))
    updating.start()
    while status(cfn, "s") != "UPDATE_IN_PROGRESS" or len(kinds(sandbox)) < 2:
        time.sleep(0.05)
    with pytest.raises(cfn.exceptions.ClientError, match="cannot be deleted while in status"):
        cfn.delete_stack(StackName="s")
    cfn.cancel_update_stack(StackName="s")
    updating.join()
    assert status(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"


def test_a_nested_stack_is_cut_short_with_the_one_around_it(cfn, sandbox, base):
    waiting = template({**base, "C": custom(How={"Create": "silent"}, ServiceTimeout=3600)})
    sandbox.client("s3").put_object(Bucket="assets", Key="inner.json", Body=waiting.encode())
    nested = resource(
        "AWS::CloudFormation::Stack", TemplateURL=f"{sandbox.endpoint}/assets/inner.json"
    )
    create(cfn, "s", template({"N": nested}))
    stack_id = describe(cfn, "s")["StackId"]
    assert status(cfn, "s") == "CREATE_IN_PROGRESS"
    cfn.delete_stack(StackName="s")
    assert status(cfn, stack_id) == "DELETE_COMPLETE"
    assert cfn.describe_stacks()["Stacks"] == []


def test_what_a_stop_interrupts_does_not_stay_in_progress(own):
    sandbox = own()
    cfn = sandbox.client("cloudformation")
    base = {"R": ROLE, "F": python_function(sandbox, PROVIDER, Timeout=20)}
    made = custom(How={"Create": "silent"}, ServiceTimeout=600)
    create(cfn, "s", template({**base, "C": made}))
    assert status(cfn, "s") == "CREATE_IN_PROGRESS"
    assert sandbox.stop() == 0
    again = own(state_dir=sandbox.state_dir).client("cloudformation")
    assert status(again, "s") == "CREATE_FAILED"
    assert "stopped during the operation" in describe(again, "s")["StackStatusReason"]
    again.delete_stack(StackName="s")


INLINE_PYTHON = """
import cfnresponse
def handler(event, context):
    data = {"Echo": event["ResourceProperties"]["Text"]}
    cfnresponse.send(event, context, cfnresponse.SUCCESS, data, "by-python")
"""
INLINE_NODE = """
const response = require('cfn-response');
exports.handler = (event, context) => {
  const data = { Echo: event.ResourceProperties.Text };
  response.send(event, context, response.SUCCESS, data, 'by-node');
};
"""
# As the CDK's own handlers do: https, by name and path, whatever the address says.
HTTPS_NODE = """
const https = require('https');
const url = require('url');
exports.handler = async (event) => {
  const body = JSON.stringify({ Status: 'SUCCESS', PhysicalResourceId: 'by-https',
    StackId: event.StackId, RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    Data: { Echo: event.ResourceProperties.Text } });
  const to = url.parse(event.ResponseURL);
  await new Promise((resolve, reject) => {
    const request = https.request({ hostname: to.hostname, path: to.path, method: 'PUT',
      headers: { 'content-type': '', 'content-length': Buffer.byteLength(body) } }, resolve);
    request.on('error', reject);
    request.end(body);
  });
};
"""


@pytest.mark.parametrize(
    ("code", "runtime", "made_by"),
    [
        (INLINE_PYTHON, "python3.12", "by-python"),
        (INLINE_NODE, "nodejs20.x", "by-node"),
        (HTTPS_NODE, "nodejs20.x", "by-https"),
    ],
)
def test_functions_of_every_runtime_can_answer(cfn, code, runtime, made_by):
    made = function({"ZipFile": code}, Runtime=runtime, Handler="index.handler", Timeout=10)
    body = {"R": ROLE, "F": made, "C": custom(Text="hello")}
    found = deploy(cfn, "s", template(body, {"Id": ref("C"), "Echo": att("C", "Echo")}))
    assert found == {"Id": made_by, "Echo": "hello"}
