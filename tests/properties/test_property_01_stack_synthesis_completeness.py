from assembly import OBJECT, check_template, synthesize
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines, to_yaml


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                                  HealthCheck.data_too_large])
@given(configuration=pipelines())
def test_property_1_stack_synthesis_completeness(aphex, repository, configuration):
    """
    Feature: deployment-automation-construct, Property 1: Stack synthesis completeness

    For any valid pipeline configuration, synthesizing the pipeline stack should produce a
    CloudFormation template containing an AphexPipelineStack construct, all required pipeline
    resources (WorkflowTemplate, EventSource, Sensor, ServiceAccount, IAM Role, S3 bucket), and all
    required stack outputs (webhook URL, artifact bucket name).

    Validates: Requirements 1.1, 1.3, 1.5, 8.1
    """
    made = synthesize(aphex, repository, to_yaml(configuration))
    check_template(made.template, made.text)

    stack = made.artifact["properties"].get("stackName") or made.artifact["displayName"]
    assert f"{stack}/AphexPipelineStack" in made.paths()
    chosen = configuration["pipeline"]
    assert made.artifact["environment"] == f"aws://{chosen['account']}/{chosen['region']}"

    # Of a pipeline, each once; pull requests may add a template and a Sensor of their own.
    for kind, count in {"WorkflowTemplate": 2, "EventSource": 1, "Sensor": 2}.items():
        assert 1 <= len(made.objects(kind)) <= count, kind
    outputs = made.template["Outputs"]
    names = {item["metadata"]["name"] for item in made.objects("WorkflowTemplate")}
    assert outputs["WorkflowTemplateName"]["Value"] in names

    # The ServiceAccount of the runs has the role, and the role trusts it alone.
    role_id = outputs["WorkflowExecutionRoleArn"]["Value"]["Fn::GetAtt"][0]
    role = made.template["Resources"][role_id]
    assert role["Type"] == "AWS::IAM::Role"
    arn = f":iam::{chosen['account']}:role/{role['Properties']['RoleName']}"
    (account,) = [item for item in made.objects("ServiceAccount")
                  if item["metadata"].get("annotations", {}).get(
                      "eks.amazonaws.com/role-arn", "").endswith(arn)]
    subject = (f"system:serviceaccount:{account['metadata']['namespace']}:"
               f"{account['metadata']['name']}")
    assert subject in str(role["Properties"]["AssumeRolePolicyDocument"])

    assert made.bucket["Type"] == "AWS::S3::Bucket"
    assert outputs["WebhookUrl"]["Value"]
    assert outputs["WebhookSecretArn"]["Value"]
    # Every object goes through a function that stands in the same template.
    (function,) = {item["Properties"]["ServiceToken"]["Fn::GetAtt"][0] for item in made.all(OBJECT)}
    assert made.template["Resources"][function]["Type"] == "AWS::Lambda::Function"
