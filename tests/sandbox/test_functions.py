"""Lambda functions run as processes, called directly, by URL and through API Gateway."""

import io
import json
import urllib.error
import urllib.request
import zipfile

import pytest
from conftest import PIPELINE
from stacks import ALLOW_LAMBDA, att, deploy, ref, resource, template, update

ECHO = """
exports.handler = async (event, context) => {
  console.log('called', context.functionName);
  return { statusCode: 201, headers: { 'x-made-by': 'node' },
           body: JSON.stringify({ path: event.path || event.rawPath, stage: process.env.STAGE,
             parameters: event.pathParameters || null, sent: event.body,
             name: (event.queryStringParameters || {}).name || null }) };
};
"""
ROLE = resource("AWS::IAM::Role", AssumeRolePolicyDocument=ALLOW_LAMBDA)


@pytest.fixture
def cfn(sandbox):
    return sandbox.client("cloudformation")


def function(code, runtime="nodejs20.x", **more):
    return resource(
        "AWS::Lambda::Function",
        FunctionName="f",
        Runtime=runtime,
        Handler="index.handler",
        Role=att("R", "Arn"),
        Code=code if isinstance(code, dict) else {"ZipFile": code},
        **more,
    )


def invoke(sandbox, payload=None):
    answer = sandbox.client("lambda").invoke(
        FunctionName="f", Payload=json.dumps(payload or {}), LogType="Tail"
    )
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def fetch(url, method="GET", body=None):
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_inline_code_runs_in_node_and_logs(cfn, sandbox):
    more = {"Environment": {"Variables": {"STAGE": "dev"}}}
    body = template({"R": ROLE, "F": function(ECHO, **more)}, {"Arn": att("F", "Arn")})
    arn = deploy(cfn, "s", body)["Arn"]
    assert arn == f"arn:aws:lambda:us-east-1:{PIPELINE}:function:f"
    value, error = invoke(sandbox, {"path": "/x"})
    assert error is None
    assert json.loads(value["body"])["stage"] == "dev"
    events = sandbox.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    assert "called f" in [e["message"] for e in events]


def test_a_zip_from_a_bucket_runs_and_is_replaced(cfn, sandbox):
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="assets")

    def put(key, value):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("index.js", f"exports.handler = async () => ({{v: {value}}});")
        s3.put_object(Bucket="assets", Key=key, Body=packed.getvalue())
        return function({"S3Bucket": "assets", "S3Key": key})

    deploy(cfn, "s", template({"R": ROLE, "F": put("one.zip", 1)}))
    assert invoke(sandbox) == ({"v": 1}, None)
    update(cfn, "s", template({"R": ROLE, "F": put("two.zip", 2)}))
    assert invoke(sandbox) == ({"v": 2}, None)


def test_python_runs_too(cfn, sandbox):
    code = "def handler(event, context):\n    return {'twice': event['n'] * 2}\n"
    deploy(cfn, "s", template({"R": ROLE, "F": function(code, "python3.12")}))
    assert invoke(sandbox, {"n": 4}) == ({"twice": 8}, None)


@pytest.mark.parametrize(
    ("code", "runtime", "message"),
    [
        ("exports.handler = async () => { throw new Error('boom'); };", "nodejs20.x", "boom"),
        ("exports.handler = () => { process.exit(3); };", "nodejs20.x", "Runtime exited"),
        ("exports.other = 1;", "nodejs20.x", "index.handler is undefined or not exported"),
        (
            "setInterval(() => {}, 1000); exports.handler = () => new Promise(() => {});",
            "nodejs20.x",
            "Task timed out after 1.00 seconds",
        ),
        ("x", "java21", "the sandbox runs nodejs, python and provided functions, not java21"),
    ],
)
def test_a_failing_function_says_why(cfn, sandbox, code, runtime, message):
    deploy(cfn, "s", template({"R": ROLE, "F": function(code, runtime, Timeout=1)}))
    value, error = invoke(sandbox)
    assert error
    assert message in value["errorMessage"]


def test_a_function_calls_the_sandbox_as_its_role(cfn, sandbox):
    code = """
import json, os, urllib.request
def handler(event, context):
    names = ('AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'QUEUE')
    health = urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_aphex/health').read()
    return {'status': json.loads(health)['status'], **{n: os.environ[n] for n in names}}
"""
    queue = resource("AWS::SQS::Queue", QueueName="jobs")
    more = {"Environment": {"Variables": {"QUEUE": ref("Q")}}}
    deploy(cfn, "s", template({"R": ROLE, "Q": queue, "F": function(code, "python3.12", **more)}))
    value, error = invoke(sandbox)
    assert error is None, value
    assert value["status"] == "ok"
    assert value["QUEUE"] == f"{sandbox.endpoint}/{PIPELINE}/jobs"
    assert value["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_a_function_url_in_an_output_answers(cfn, sandbox):
    resources = {
        "R": ROLE,
        "F": function(ECHO),
        "U": resource("AWS::Lambda::Url", AuthType="NONE", TargetFunctionArn=att("F", "Arn")),
        "P": resource(
            "AWS::Lambda::Permission",
            Action="lambda:InvokeFunctionUrl",
            FunctionName=ref("F"),
            Principal="*",
        ),
    }
    url = deploy(cfn, "s", template(resources, {"Url": att("U", "FunctionUrl")}))["Url"]
    assert url.startswith(f"{sandbox.endpoint}/_aphex/functions/")
    code, headers, body = fetch(f"{url}deep/path?name=n", "POST", b"text")
    assert (code, headers["x-made-by"]) == (201, "node")
    answer = json.loads(body)
    assert (answer["path"], answer["name"], answer["sent"]) == ("/deep/path", "n", "text")


def rest_api():
    uri = {
        "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}"
        "/invocations"
    }
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}
    mock = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": '{"statusCode": 204}'},
        "IntegrationResponses": [
            {
                "StatusCode": "204",
                "ResponseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
            }
        ],
    }

    def method(verb, at, integration):
        return resource(
            "AWS::ApiGateway::Method",
            RestApiId=ref("Api"),
            ResourceId=at,
            HttpMethod=verb,
            AuthorizationType="NONE",
            Integration=integration,
        )

    def part(name, parent):
        return resource(
            "AWS::ApiGateway::Resource", RestApiId=ref("Api"), ParentId=parent, PathPart=name
        )

    return {
        "R": ROLE,
        "F": function(ECHO),
        "Api": resource("AWS::ApiGateway::RestApi", Name="api"),
        "Items": part("items", att("Api", "RootResourceId")),
        "Item": part("{id}", ref("Items")),
        "Get": method("GET", ref("Item"), proxy),
        "Options": method("OPTIONS", ref("Item"), mock),
        "Deployment": resource(
            "AWS::ApiGateway::Deployment", depends_on=["Get", "Options"], RestApiId=ref("Api")
        ),
        "Stage": resource(
            "AWS::ApiGateway::Stage",
            RestApiId=ref("Api"),
            DeploymentId=ref("Deployment"),
            StageName="prod",
        ),
        "Account": resource("AWS::ApiGateway::Account"),
    }


def test_the_url_of_a_rest_api_in_an_output_answers(cfn, sandbox):
    domain = "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    url = {"Fn::Sub": f"https://{domain}/${{Stage}}/"}
    root = deploy(cfn, "s", template(rest_api(), {"Url": url}))["Url"]
    assert root.startswith(f"{sandbox.endpoint}/restapis/")
    code, _, body = fetch(f"{root}items/a%20b?name=n")
    assert code == 201
    answer = json.loads(body)
    assert answer["parameters"] == {"id": "a b"}
    assert answer["name"] == "n"
    code, headers, _ = fetch(f"{root}items/7", "OPTIONS")
    assert (code, headers["Access-Control-Allow-Origin"]) == (204, "*")
    code, _, body = fetch(f"{root}nowhere")
    assert (code, json.loads(body)) == (403, {"message": "Missing Authentication Token"})
    cfn.delete_stack(StackName="s")
    assert fetch(f"{root}items/7")[0] == 403
