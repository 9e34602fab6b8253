"""The report of rights is the template's own: nothing left out, nothing made up."""

import json

from conftest import ENOUGH, flags, template


def explained(workspace, *arguments):
    done = workspace.aphex("synth", "--explain-iam", "--format=json", *flags(ENOUGH), *arguments)
    assert done.returncode == 0, done.stderr
    assert not (workspace.directory / "cdk.out").exists(), "explaining writes nothing"
    return json.loads(done.stdout)


def statements(of):
    """Every statement of every policy in a template."""
    found = []

    def search(value):
        if isinstance(value, dict):
            if isinstance(value.get("Statement"), list):
                found.extend(value["Statement"])
            for inner in value.values():
                search(inner)
        elif isinstance(value, list):
            for inner in value:
                search(inner)

    search(of["Resources"])
    return found


def as_list(value):
    return value if isinstance(value, list) else [value]


def test_it_has_every_statement_of_the_template(workspace):
    report = explained(workspace, "--audit-trail=true")
    of = template(workspace.synth("--audit-trail=true"))
    in_template = sorted((each.get("Sid", ""), each["Effect"], sorted(as_list(each["Action"])))
                         for each in statements(of))
    in_report = sorted((each["sid"], each["effect"], sorted(each["actions"])) for each in report)
    assert in_report == in_template


def test_it_needs_no_archive_of_the_provider(workspace):
    for missing in ("/nowhere/provider.zip", "/etc/passwd"):
        done = workspace.aphex("synth", "--explain-iam", *flags(ENOUGH), APHEX_PROVIDER_ZIP=missing)
        assert done.returncode == 0, done.stderr
        assert "s3:GetObject" in done.stdout


def test_every_statement_has_its_reason(workspace):
    for statement in explained(workspace, "--audit-trail=true"):
        assert len(statement["reason"].split()) >= 3, statement


def test_rights_of_runs_are_for_their_own_resources(workspace):
    run = [each for each in explained(workspace) if each["policy"] == "Run"]
    assert len(run) > 10
    with_star = {action for each in run if each["resources"] == ["*"] for action in each["actions"]}
    assert with_star == {"cloudwatch:PutMetricData", "ecr-public:GetAuthorizationToken",
                         "sts:GetServiceBearerToken"}
    for statement in run:
        assert all("*" not in action for action in statement["actions"])


def test_people_read_the_same(workspace):
    done = workspace.aphex("synth", "--explain-iam", *flags(ENOUGH))
    for statement in explained(workspace):
        assert statement["reason"] in done.stdout
        for action in statement["actions"]:
            assert action in done.stdout
