from assembly import run, synthesize
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pipeline_strategies import pipelines, to_yaml

TIERING_DAYS = 30
ABORT_DAYS = 7
MOST = 3650


def with_retention(configuration, days):
    return configuration | {"pipeline": configuration["pipeline"] | {"artifactRetentionDays": days}}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                                  HealthCheck.data_too_large])
@given(configuration=pipelines(),
       days=st.sampled_from([1, 7, 29, 30, 31, 90, MOST]) | st.integers(1, MOST))
def test_property_16_artifact_lifecycle_policy(aphex, repository, configuration, days):
    """
    Feature: deployment-automation-construct, Property 16: Artifact lifecycle policy

    For any configured retention period, the S3 bucket should have lifecycle rules that delete
    objects after that many days.

    Validates: Requirements 8.3
    """
    made = synthesize(aphex, repository, to_yaml(with_retention(configuration, days)))
    bucket = made.bucket["Properties"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert not {"Prefix", "TagFilters", "ObjectSizeGreaterThan", "ObjectSizeLessThan"} & set(rule)
    assert rule["ExpirationInDays"] == days
    # In a versioned bucket an expired object becomes an old version, which has to go too.
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": ABORT_DAYS}
    # S3 refuses to move what is deleted by then.
    moved = [(move["StorageClass"], move["TransitionInDays"])
             for move in rule.get("Transitions", [])]
    assert moved == ([("INTELLIGENT_TIERING", TIERING_DAYS)] if days > TIERING_DAYS else [])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow,
                                                                  HealthCheck.data_too_large])
@example(days=0)
@example(days=MOST + 1)
@given(days=st.integers(max_value=0) | st.integers(min_value=MOST + 1) | st.sampled_from(
    ["30", "never", 1.5, True, [30], {"days": 30}]))
def test_a_retention_that_is_none_is_refused(aphex, repository, days):
    configuration = {
        "version": "1.0", "build": {"commands": ["make"]},
        "environments": [{"name": "dev", "region": "us-east-1", "account": "111122223333",
                          "stacks": [{"name": "App", "path": "lib/app-stack.ts"}]}],
        "pipeline": {}}
    done = run(aphex, repository, "synth", to_yaml(with_retention(configuration, days)))
    assert done.returncode == 3
    assert "artifactRetentionDays" in done.stderr
    assert not (repository / "cdk.out").exists()
