import json

from assembly import OBJECT, manifests, synthesize
from hypothesis import HealthCheck, given, settings
from pipeline_strategies import ISSUER, scattered, scattered_pipelines


def assert_stored(made, chosen):
    """Every parameter stands where the deployed pipeline reads it."""
    outputs = made.template["Outputs"]
    text = json.dumps(made.manifests)
    assert {item["Properties"]["ClusterName"] for item in made.all(OBJECT)} == {
        chosen["clusterName"]}

    (event_source,) = made.objects("EventSource")
    repositories = [entry for github in event_source["spec"]["github"].values()
                    for entry in github["repositories"]]
    assert repositories == [{"owner": chosen["githubOwner"], "names": [chosen["githubRepo"]]}]
    assert chosen["githubTokenSecretName"] in {
        source["Secret"] for item in made.all(OBJECT)
        for source in item["Properties"].get("SecretValues", [])
        if isinstance(source["Secret"], str)}
    branch = chosen.get("githubBranch", "main")
    assert json.dumps(branch)[1:-1] in json.dumps(made.objects("Sensor")[0])

    for key, kind in {"workflowTemplateName": "WorkflowTemplate", "sensorName": "Sensor",
                      "eventSourceName": "EventSource", "serviceAccountName": "ServiceAccount"
                      }.items():
        if key in chosen:
            assert chosen[key] in {item["metadata"]["name"] for item in made.objects(kind)}
    if "workflowTemplateName" in chosen:
        assert outputs["WorkflowTemplateName"]["Value"] == chosen["workflowTemplateName"]
    workflows = chosen.get("namespace", "argo")
    assert {item["metadata"]["namespace"] for item in made.manifests} == {
        workflows, chosen.get("eventsNamespace", workflows)}
    assert chosen.get("configPath", "aphex-config.yaml") in text

    name = made.bucket["Properties"]["BucketName"]
    end = f"-{chosen['account']}-{chosen['region']}"
    base = name.removesuffix(end)
    assert base != name and len(name) <= 63
    if "artifactBucketName" in chosen:
        wanted = chosen["artifactBucketName"]
        # A base that would make the name too long ends in a digest of the whole.
        assert base == wanted or (len(wanted + end) > 63
                                  and wanted.startswith(base[:-9].rstrip("-")))
    (rule,) = made.bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == chosen.get("artifactRetentionDays", 90)

    assert f"{ISSUER}:sub" in made.text
    if "kubectlRoleArn" in chosen:
        assert {item["Properties"]["RoleArn"] for item in made.all(OBJECT)} == {
            chosen["kubectlRoleArn"]}
    else:
        assert f"AphexCluster-{chosen['clusterName']}-KubectlRoleArn" in made.text
    if "name" in chosen:
        assert {item["metadata"]["labels"]["aphex.dev/pipeline"] for item in made.manifests} == {
            chosen["name"]}
    tags = {tag["Key"]: tag["Value"] for tag in made.bucket["Properties"]["Tags"]}
    assert tags["Environment"] == chosen.get("environmentTag", "pipeline")
    assert {item["Properties"]["RetentionInDays"] for item in made.all("AWS::Logs::LogGroup")} == {
        chosen.get("logRetentionDays", 90)}
    assert len(made.all("AWS::CloudTrail::Trail")) == int(chosen.get("auditTrail", False))
    seconds = {"5m": 300, "2h": 7200, "23h": 82800}[chosen.get("longRunningAfter", "2h")]
    assert seconds in {item["Properties"]["Threshold"] for item in
                       made.all("AWS::CloudWatch::Alarm")}
    host = chosen.get("webhook", {}).get("host")
    if host:
        assert outputs["WebhookUrl"]["Value"].startswith(f"https://{host}/")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                                  HealthCheck.data_too_large])
@given(drawn=scattered_pipelines())
def test_property_2_configuration_parameter_acceptance(aphex, repository, drawn):
    """
    Feature: deployment-automation-construct, Property 2: Configuration parameter acceptance

    For any valid configuration parameters (cluster name, GitHub details, resource names), the
    AphexPipelineStack construct should instantiate without errors and store all parameters
    correctly.

    Validates: Requirements 1.2
    """
    configuration, places = drawn
    text, flags, variables = scattered(configuration, places)
    made = synthesize(aphex, repository, text, flags, variables)
    assert_stored(made, configuration["pipeline"])
    # The same objects for `kubectl apply`, in their order, from the same parameters.
    printed = manifests(aphex, repository, text, flags, variables)
    assert sorted(map(json.dumps, made.manifests)) == sorted(map(json.dumps, printed))
