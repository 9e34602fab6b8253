from argo_generator import variables
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import pipelines_on_clusters


PARTITIONS = {"us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn",
              "eusc-de-east-1": "aws-eusc"}


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configuration=pipelines_on_clusters())
def test_property_12_cross_account_deployment_configuration(generate, configuration):
    """
    Feature: deployment-automation-construct, Property 12: Cross-account deployment configuration

    For any environment with a different AWS account than the pipeline account, the deployment
    stage should include role assumption steps using the CDK bootstrap role ARN format for that
    account, and should set AWS credentials specific to that environment.

    Validates: Requirements 6.1, 6.2, 6.5
    """
    made = generate(configuration)
    stages = {task["name"]: (template, plan) for task, template, plan in made.stages()}
    qualifier = configuration["pipeline"].get("bootstrapQualifier", "hnb659fds")
    for environment in configuration["environments"]:
        account, region = environment["account"], environment["region"]
        template, plan = stages["deploy-" + environment["name"]]
        seen = variables(template["container"])
        partition = PARTITIONS.get(region, "aws")
        assert seen["APHEX_DEPLOY_ROLE_ARN"] == (
            f"arn:{partition}:iam::{account}:role/cdk-{qualifier}-deploy-role-{account}-{region}")
        assert seen["APHEX_ENVIRONMENT"] == environment["name"]
        assert seen["APHEX_ENVIRONMENT_ACCOUNT"] == account
        assert seen["APHEX_ENVIRONMENT_REGION"] == region
        # The role is assumed before the first stack, and for this environment alone.
        steps = plan["stages"][0]["steps"]
        kinds = [step["kind"] for step in steps]
        assert kinds.index("check-access") < kinds.index("deploy-stacks")
        assert {step["environment"] for step in steps if "environment" in step} == {
            environment["name"]}
        assert [item["name"] for item in plan["environments"]] == [environment["name"]]
        # No other account's role is in the pod, nor a key of any.
        for other in configuration["environments"]:
            if other["account"] != account:
                assert not any(f"iam::{other['account']}:" in value for value in seen.values())
        assert not any("SECRET_ACCESS_KEY" in name or "SESSION_TOKEN" in name for name in seen)
