"""The scenarios of the design's "Error Handling": what is said, and what is left untouched.

Each goes through the stages of a workflow as pods do, in the order that the template's graph has
them, to the stage that fails. README.md lists which test is of which scenario.
"""

import json
import uuid

import pytest
from kube_api import APPLY, ApiError
from on_cluster import outcome, stages_of
from scenario import STAGES, Scenario
from service_account import ServiceAccount
from stock_application import bucket, queue

from application import DEV, STAGING, environment
from program import wait_until

NOBODY = "http://127.0.0.1:9"  # the port "discard": nobody listens there


@pytest.fixture
def scenario(on_cluster, application, aws):
    return Scenario(on_cluster, application, aws)


def test_without_a_failure_every_stage_is_reached(scenario):
    """What the scenarios are measured by."""
    assert list(scenario.go()) == STAGES
    assert [each.code for each in scenario.ended.values()] == [0] * len(STAGES)
    assert scenario.state_of_stack(DEV) == scenario.state_of_stack(STAGING) == "CREATE_COMPLETE"


class TestConfigurationValidation:
    """The validate stage fails, and nothing is touched."""

    @staticmethod
    def add(*stacks):
        return lambda file: file["environments"][0]["stacks"].extend(
            {"name": name, "path": "lib/app.ts", "dependsOn": [needs]} for name, needs in stacks)

    def wrong(self, scenario, edit, words):
        scenario.install()
        scenario.change(edit)
        scenario.go()
        ended = scenario.fails("validate", 3, f"step 'check the configuration': {words}")
        assert scenario.keys == []
        scenario.nothing_is_deployed()
        return ended

    def test_a_field_that_is_missing(self, scenario):
        self.wrong(scenario, lambda file: file["environments"][0].pop("region"),
                   "aphex-config.yaml:6:3: Missing required field: environments[0].region\n"
                   " hint: add 'region:'")

    def test_an_account_that_is_none(self, scenario):
        self.wrong(scenario, lambda file: file["environments"][0].update(account="12345"),
                   "aphex-config.yaml:8:12: Invalid AWS account ID format: must be 12 digits\n"
                   " hint: found '12345', 5 characters")

    def test_a_dependency_that_is_not_there(self, scenario):
        self.wrong(scenario, self.add(("DatabaseStack", "NonExistentStack")),
                   "aphex-config.yaml:15:7: Stack dependency not found: DatabaseStack depends on "
                   "NonExistentStack\n"
                   " hint: stacks of this environment: Api")

    def test_a_circle_of_dependencies(self, scenario):
        self.wrong(scenario, self.add(("StackA", "StackB"), ("StackB", "StackA")),
                   "aphex-config.yaml:19:7: Circular dependency detected: "
                   "StackA → StackB → StackA\n"
                   " hint: remove one dependency of the circle")

    def test_several_at_once(self, scenario):
        """The first in the message, all of them in the log."""
        def edit(file):
            file["version"] = 1.0
            file["build"]["commands"] = []
            del file["environments"][0]["region"]

        ended = self.wrong(scenario, edit,
                           "aphex-config.yaml:1:10: Version without quotes: YAML reads 1.0 as a "
                           "number, and the version is a text (and 2 more)\n"
                           ' hint: quote it: version: "1.0"')
        assert [line for line in ended.lines if line.startswith("aphex-config.yaml:")] == [
            "aphex-config.yaml:1:10: error: Version without quotes: YAML reads 1.0 as a number, "
            "and the version is a text",
            "aphex-config.yaml:3:13: error: Empty list: build.commands needs at least one command",
            "aphex-config.yaml:5:3: error: Missing required field: environments[0].region"]


class TestBuildFailures:
    def test_a_command_that_fails(self, scenario):
        """Nothing is uploaded or deployed, and the log is kept; the next commit mends it."""
        scenario.configure(build=("echo compiling", "echo 'error TS2304' >&2; exit 42", "echo no"))
        scenario.go()
        ended = scenario.fails(
            "build", 1,
            "step 'echo 'error TS2304' >&2; exit 42': build command failed with exit code 42\n"
            " hint: nothing was deployed and no artifact uploaded; mend the build and commit")
        [finished] = ended.events("run_finished")
        assert finished["error"]["exitCode"] == 42
        for lines in (ended.lines, scenario.shipped("build")):
            assert "compiling" in lines and "error TS2304" in lines and "no" not in lines
        assert scenario.keys == []
        scenario.nothing_is_deployed()

        scenario.configure(build=("echo mended",))
        ended = scenario.go()
        # The commit changes the plan too: another workflow goes on under it.
        assert [each.code for each in ended.values()] == [0, 0, 0]
        assert outcome(ended["pipeline"]) == "handed-over"


class TestDeploymentFailures:
    @pytest.fixture
    def failed(self, scenario):
        """The stack of dev wants a bucket whose name is taken."""
        self.taken = f"taken-{scenario.pipeline.name}"
        scenario.aws.client("s3").create_bucket(Bucket=self.taken)
        scenario.stock.has(bucket(self.taken))
        scenario.go()
        return scenario

    def test_a_stack_that_fails(self, failed):
        """Its events are kept, and staging is not reached."""
        ended = failed.fails(
            "deploy-dev", 1,
            "step 'deploy 1 stack': Api failed and is ROLLBACK_COMPLETE: Bucket (AWS::S3::Bucket): "
            "The requested bucket name is not available. The bucket namespace is shared by all "
            "users of the system. Please select a different name and try again\n"
            f" hint: mend the cause and push, or `{failed.retry}`: the next deployment deletes the "
            "stack, which holds nothing, and creates it anew")
        key = f"{failed.commit}/events/dev/Api.json"
        assert ended.messages == [
            f"CloudFormation's events of the failed deployment: s3://{failed.bucket}/{key}"]
        kept = json.loads(
            failed.aws.client("s3").get_object(Bucket=failed.bucket, Key=key)["Body"].read())
        assert "CREATE_FAILED" in [each["status"] for each in kept["events"]]
        assert failed.state_of_stack(DEV) == "ROLLBACK_COMPLETE"
        assert failed.state_of_stack(STAGING) is None

    def test_the_next_commit_creates_it_anew(self, failed):
        failed.stock.has(queue(f"{failed.stack}-queue"))
        assert list(failed.go()) == STAGES
        assert failed.state_of_stack(DEV) == failed.state_of_stack(STAGING) == "CREATE_COMPLETE"

    def test_a_person_deletes_it_and_tries_again(self, failed):
        failed.aws.client("s3").delete_bucket(Bucket=self.taken)
        failed.aws.client("cloudformation").delete_stack(StackName=failed.stack)
        ended = failed.workflow.run("deploy-dev")
        assert ended.code == 0, ended.err
        assert failed.state_of_stack(DEV) == "CREATE_COMPLETE"


# Of a bootstrap that is there and may trust others.
AGAIN = " (--trust replaces the list: repeat it for each account that is trusted now)"


class TestCrossAccountAccess:
    """What is wrong is found before anything is built, and named with role and account."""

    @pytest.fixture
    def prod(self):
        return (f"7{uuid.uuid4().int % 10**11:011d}", "eu-west-1")

    @staticmethod
    def role(where):
        account, region = where
        return f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{region}"

    @staticmethod
    def bootstrap(scenario, where, trusted):
        """By hand, and only what is looked at: the CDK's own takes its time."""
        account, region = where
        theirs = scenario.of_account(where)
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"AWS": f"arn:aws:iam::{each}:root"}} for each in (account, *trusted)]}
        theirs("iam").create_role(RoleName=f"cdk-hnb659fds-deploy-role-{account}-{region}",
                                  AssumeRolePolicyDocument=json.dumps(trust))
        theirs("s3").create_bucket(
            Bucket=f"cdk-hnb659fds-assets-{account}-{region}",
            CreateBucketConfiguration={"LocationConstraint": region})
        theirs("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30",
                                    Type="String")

    def nothing_is_made(self, scenario, where):
        assert scenario.of_account(where)("cloudformation").describe_stacks()["Stacks"] == []
        scenario.nothing_is_deployed()
        assert scenario.keys == []

    def command(self, where):
        return (f"with credentials of account {where[0]}: cdk bootstrap "
                f"aws://{where[0]}/{where[1]} --trust 111122223333 "
                "--cloudformation-execution-policies arn:aws:iam::aws:policy/AdministratorAccess")

    def refusal(self, where, who="arn:aws:iam::111122223333:user/aphex-sandbox-admin"):
        role = self.role(where)
        return (f"STS AssumeRole {role}: AccessDenied: User: {who} is not authorized to perform: "
                f"sts:AssumeRole on resource: {role}")

    def step(self, where):
        return f"step 'check access to staging ({where[0]} {where[1]})'"

    def test_an_account_that_is_not_bootstrapped(self, scenario, prod):
        scenario.configure(staging=prod)
        scenario.go()
        scenario.fails(
            "validate", 1,
            f"{self.step(prod)}: account {prod[0]} is not bootstrapped in {prod[1]} (environment "
            f"staging): there is no {self.role(prod)}: {self.refusal(prod)}\n"
            f" hint: {self.command(prod)}")
        self.nothing_is_made(scenario, prod)

    def test_an_account_that_does_not_trust_ours(self, scenario, prod):
        self.bootstrap(scenario, prod, trusted=())
        scenario.configure(staging=prod)
        scenario.go()
        scenario.fails(
            "validate", 1,
            f"{self.step(prod)}: cannot assume {self.role(prod)} in account {prod[0]} (environment "
            "staging) as arn:aws:iam::111122223333:user/aphex-sandbox-admin: the bootstrap of that "
            f"account does not trust account 111122223333: {self.refusal(prod)}\n"
            f" hint: {self.command(prod)}{AGAIN}")
        self.nothing_is_made(scenario, prod)

    def as_executor(self, scenario, tmp_path, deny=None):
        """The pods work as a role of their own, which a policy may deny something."""
        account = ServiceAccount(scenario.aws, tmp_path, scenario.pipeline.variables)
        scenario.pipeline.variables = account.variables
        if deny:
            scenario.aws.client("iam").put_role_policy(
                RoleName=account.name, PolicyName="boundary", PolicyDocument=json.dumps(
                    {"Version": "2012-10-17", "Statement": [
                        {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": deny}]}))
        return account

    def test_a_role_that_may_not_assume_theirs(self, scenario, prod, tmp_path):
        self.bootstrap(scenario, prod, trusted=("111122223333",))
        scenario.configure(staging=prod)
        account = self.as_executor(scenario, tmp_path, deny=self.role(prod))
        account.mount(3600)
        scenario.go()
        session = scenario.ended["validate"].err.split(" as ")[1].split(": ")[0]
        assert session.startswith(f"arn:aws:sts::111122223333:assumed-role/{account.name}/")
        scenario.fails(
            "validate", 1,
            f"{self.step(prod)}: cannot assume {self.role(prod)} in account {prod[0]} (environment "
            f"staging) as {session}: the caller's own policies do not allow it: "
            f"{self.refusal(prod, session)} with an explicit deny in an identity-based policy\n"
            f" hint: allow {session} to sts:AssumeRole on "
            f"arn:aws:iam::{prod[0]}:role/cdk-hnb659fds-*")
        self.nothing_is_made(scenario, prod)

    def test_a_token_that_is_over(self, scenario, tmp_path):
        account = self.as_executor(scenario, tmp_path)
        account.mount(-10)
        scenario.go()
        role = self.role(DEV)
        over = scenario.ended["validate"].err.rstrip().split("current date/time > ")[1]
        scenario.fails(
            "validate", 1,
            f"step 'check access to dev ({DEV[0]} {DEV[1]})': the AWS credentials (web identity, "
            f"role {account.role}) have expired: {role} in account {DEV[0]} (environment dev) "
            f"cannot be assumed: STS AssumeRoleWithWebIdentity {account.role}: "
            f"ExpiredTokenException: Token expired: current date/time > {over.splitlines()[0]}\n"
            " hint: a new pod gets a new token: argo resubmit <workflow>; where that fails too, "
            "check the cluster's identity provider in IAM: aws iam list-open-id-connect-providers")
        scenario.nothing_is_deployed()

    def test_trust_that_ends_after_validation(self, scenario, prod):
        """The deploy stage asks again, before its first stack."""
        self.bootstrap(scenario, prod, trusted=("111122223333",))
        scenario.configure(staging=prod)
        role = f"cdk-hnb659fds-deploy-role-{prod[0]}-{prod[1]}"
        iam = scenario.of_account(prod)("iam")
        own = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        own["Statement"] = own["Statement"][:1]
        scenario.go(until="test-dev")
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(own))
        scenario.ended["deploy-staging"] = scenario.workflow.run("deploy-staging")
        scenario.fails(
            "deploy-staging", 1,
            f"step 'take the environment's credentials': cannot assume {self.role(prod)} in "
            f"account {prod[0]} (environment staging) as "
            "arn:aws:iam::111122223333:user/aphex-sandbox-admin: the bootstrap of that "
            f"account does not trust account 111122223333: {self.refusal(prod)}\n"
            f" hint: {self.command(prod)}{AGAIN}")
        assert scenario.of_account(prod)("cloudformation").describe_stacks()["Stacks"] == []
        assert scenario.state_of_stack(DEV) == "CREATE_COMPLETE"


class TestTestFailures:
    def test_a_command_that_fails(self, scenario):
        """The stacks stay, staging is not reached, and the log is kept."""
        scenario.configure(tests=("echo testing $APHEX_ENVIRONMENT", "echo not >&2; exit 9"))
        scenario.go()
        ended = scenario.fails(
            "test-dev", 1,
            "step 'echo not >&2; exit 9': test command failed with exit code 9\n"
            " hint: the stacks stay deployed; mend the tests and commit, or "
            f"'{scenario.retry}' to run them again")
        [finished] = ended.events("run_finished")
        assert finished["error"]["exitCode"] == 9
        for lines in (ended.lines, scenario.shipped("test-dev")):
            assert "testing dev" in lines and "not" in lines
        assert scenario.state_of_stack(DEV) == "CREATE_COMPLETE"
        assert scenario.state_of_stack(STAGING) is None
        # Nor are they rolled back later: the stage alone runs again.
        assert scenario.workflow.run("test-dev").code == 1
        assert scenario.state_of_stack(DEV) == "CREATE_COMPLETE"


class TestSelfModification:
    """The template stands byte for byte, no environment is reached, and the next workflow has the
    topology of before."""

    STAYS = "step 'update the pipeline': the new plan could not be stored; the old one stays"

    @pytest.fixture
    def changed(self, scenario):
        scenario.install()
        scenario.change(lambda file: file["environments"].append(environment("prod")))
        return scenario

    def fails(self, changed, code, words):
        changed.fails("pipeline", code, words)
        assert outcome(changed.ended["pipeline"]) is None
        assert not changed.on_cluster.has_successor(changed.workflow)
        assert stages_of(changed.on_cluster.template) == STAGES
        changed.nothing_is_deployed()

    def test_objects_that_cannot_be_made(self, changed):
        changed.change(lambda file: file["environments"][0]["tests"].update(
            commands=["true " + "x" * 30_000] * 8))
        changed.go()
        name = changed.pipeline.name
        self.fails(
            changed, 3,
            f"{self.STAYS}: the Kubernetes objects of pipeline '{name}' cannot be made:\n"
            f"  stage 'test-dev' of WorkflowTemplate '{name}-pipeline': 245 KB, 123 KB are the "
            "most that a pod can be given; divide the environment's stacks between two "
            "environments, or move commands into scripts")

    def test_a_server_that_cannot_be_reached(self, changed):
        changed.on_cluster.kubeconfig = changed.on_cluster.write_kubeconfig(
            "token", server=NOBODY.replace("http", "https"))
        changed.go()
        self.fails(
            changed, 75,
            f"{self.STAYS}: cannot find kind WorkflowTemplate of argoproj.io/v1alpha1 in cluster "
            "arbiter: no whole answer from https://127.0.0.1:9: Failed to connect to 127.0.0.1 "
            "port 9 after 0 ms: Couldn't connect to server\n"
            " hint: check that the cluster's endpoint can be reached from here: its public access, "
            "or the network that this runs in")

    def test_rights_that_are_missing(self, changed):
        user = "system:serviceaccount:x:nobody"
        changed.on_cluster.kubeconfig = changed.on_cluster.write_kubeconfig(
            changed.on_cluster.cluster.user_token(user))
        changed.go()
        namespace, name = changed.on_cluster.namespace, changed.on_cluster.template_name
        self.fails(
            changed, 1,
            f"{self.STAYS}: cannot read WorkflowTemplate {namespace}/{name} in cluster arbiter: "
            f'HTTP 403 Forbidden: workflowtemplates.argoproj.io "{name}" is forbidden: User '
            f'"{user}" cannot get resource "workflowtemplates" in API group "argoproj.io" in the '
            f'namespace "{namespace}"\n'
            f" hint: grant user {user} the verb get on workflowtemplates.argoproj.io in namespace "
            f"{namespace} by a Role or ClusterRole")

    def test_a_server_that_refuses_the_template(self, changed):
        """By a policy of the cluster's own, which its dry run obeys."""
        refuse_templates(changed.on_cluster)
        changed.go()
        namespace, name = changed.on_cluster.namespace, changed.on_cluster.template_name
        self.fails(
            changed, 1,
            f"{self.STAYS}: cannot try to apply WorkflowTemplate {namespace}/{name} in cluster "
            f'arbiter: HTTP 422 Invalid: workflowtemplates.argoproj.io "{name}" is forbidden: '
            f"ValidatingAdmissionPolicy 'no-prod-{namespace}' with binding 'no-prod-{namespace}' "
            "denied request: prod is not delivered from this cluster\n"
            " hint: a policy of the cluster refuses the object: change what it objects to, or ask "
            "who keeps the policy")


def refuse_templates(on_cluster):
    """A ValidatingAdmissionPolicy for the namespace, once the server has taken notice of it."""
    admin, name = on_cluster.cluster.admin, f"no-prod-{on_cluster.namespace}"
    admin.apply({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"failurePolicy": "Fail",
                 "matchConstraints": {"resourceRules": [{
                     "apiGroups": ["argoproj.io"], "apiVersions": ["v1alpha1"],
                     "operations": ["CREATE", "UPDATE"], "resources": ["workflowtemplates"]}]},
                 "validations": [{
                     "expression": "!has(object.metadata.labels) || "
                                   "!('refused' in object.metadata.labels) && "
                                   "!object.spec.templates.exists(t, t.name == 'deploy-prod')",
                     "message": "prod is not delivered from this cluster"}]}}, manager="security")
    admin.apply({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"],
                 "matchResources": {"namespaceSelector": {"matchLabels": {
                     "kubernetes.io/metadata.name": on_cluster.namespace}}}}}, manager="security")
    tried = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
             "metadata": {"name": "tried", "namespace": on_cluster.namespace,
                          "labels": {"refused": "yes"}}, "spec": {"templates": []}}

    def refused():
        try:
            admin.request("PATCH", f"{admin.path_of(tried)}?fieldManager=security&dryRun=All",
                          tried, APPLY)
        except ApiError as error:
            return "prod is not delivered" in str(error)
        return False

    wait_until(refused, "the policy is in force")


class TestArtifacts:
    def object(self, scenario, name):
        return f"s3://{scenario.bucket}/{scenario.commit}/{name}"

    def test_an_upload_that_is_denied(self, scenario):
        scenario.deny("s3:PutObject")
        scenario.go()
        where = self.object(scenario, "build-output.tar.gz")
        scenario.fails(
            "build", 1,
            f"step 'pack and upload artifacts': Cannot store build-output.tar.gz as {where}: "
            f"S3 PutObject {where}: AccessDenied: Access Denied\n"
            " hint: allow s3:PutObject and s3:AbortMultipartUpload on bucket "
            f"{scenario.bucket} to these credentials (environment variables); a policy of the "
            "bucket may deny it as well")
        assert scenario.keys == []
        scenario.nothing_is_deployed()

    def test_an_upload_that_ends_half_way(self, scenario):
        """What is there is no build: the next try makes the artifacts anew."""
        scenario.deny("s3:PutObject", "*/node_modules.tar.gz")
        scenario.configure(build=(f"echo built >> {scenario.application.note('builds')}",))
        scenario.go()
        where = self.object(scenario, "node_modules.tar.gz")
        scenario.fails(
            "build", 1,
            f"step 'pack and upload artifacts': Cannot store node_modules.tar.gz as {where}: "
            f"S3 PutObject {where}: AccessDenied: Access Denied\n"
            " hint: allow s3:PutObject and s3:AbortMultipartUpload on bucket "
            f"{scenario.bucket} to these credentials (environment variables); a policy of the "
            "bucket may deny it as well")
        assert scenario.keys == ["build-output.tar.gz"]
        scenario.nothing_is_deployed()
        scenario.allow()
        assert scenario.workflow.run("build").code == 0
        assert "artifacts.json" in scenario.keys
        assert scenario.application.note("builds").read_text() == "built\nbuilt\n"

    def test_a_bucket_that_is_not_there(self, scenario):
        """Told before anything is built."""
        scenario.aws.client("s3").delete_bucket(Bucket=scenario.bucket)
        scenario.configure(build=("echo built",))
        scenario.go()
        where = self.object(scenario, "artifacts.json")
        ended = scenario.fails(
            "build", 2,
            f"step 'look for this commit's artifacts': Cannot fetch {where}: S3 GetObject {where}: "
            "NoSuchBucket: The specified bucket does not exist\n"
            " hint: create the bucket, or name one that exists")
        assert "built" not in ended.lines
        scenario.nothing_is_deployed()

    def unreachable(self, scenario, stage, step):
        where = self.object(scenario, "artifacts.json")
        scenario.fails(
            stage, 75,
            f"step '{step}': Cannot fetch {where}: S3 GetObject {where} (5 attempts): no whole "
            f"answer from {NOBODY}: Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't "
            "connect to server\n"
            " hint: AWS_ENDPOINT_URL_S3 leads there: is it right, and does something serve there? "
            "('aphex sandbox start' starts the local AWS)")

    def test_a_network_without_s3_before_the_build(self, scenario):
        scenario.go(build={"AWS_ENDPOINT_URL_S3": NOBODY})
        self.unreachable(scenario, "build", "look for this commit's artifacts")
        assert scenario.keys == []
        scenario.nothing_is_deployed()

    def test_a_network_without_s3_before_a_deployment(self, scenario):
        scenario.go(deploy_dev={"AWS_ENDPOINT_URL_S3": NOBODY})
        self.unreachable(scenario, "deploy-dev", "download artifacts")
        scenario.nothing_is_deployed()

    def test_a_download_that_is_denied(self, scenario):
        scenario.deny("s3:GetObject", "*/build-output.tar.gz")
        scenario.go()
        where = self.object(scenario, "build-output.tar.gz")
        scenario.fails(
            "deploy-dev", 1,
            f"step 'download artifacts': Cannot fetch {where}: S3 GetObject {where}: "
            "AccessDenied: Access Denied\n"
            f" hint: allow s3:GetObject on bucket {scenario.bucket} to these credentials "
            "(environment variables); a policy of the bucket may deny it as well")
        scenario.nothing_is_deployed()

    def test_artifacts_that_were_removed(self, scenario):
        scenario.go(until="pipeline")
        scenario.aws.client("s3").delete_object(
            Bucket=scenario.bucket, Key=f"{scenario.commit}/artifacts.json")
        scenario.ended["deploy-dev"] = scenario.workflow.run("deploy-dev")
        scenario.fails(
            "deploy-dev", 1,
            f"step 'download artifacts': the artifacts of commit {scenario.commit[:12]} are not in "
            f"s3://{scenario.bucket}\n"
            " hint: the build stage uploads them; if they were removed since, build again: "
            f"'argo resubmit -n {scenario.on_cluster.namespace} {scenario.workflow.name}'")
        scenario.nothing_is_deployed()
