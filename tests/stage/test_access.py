"""A pod's way into AWS: its service account's token, and the accounts of its environments."""

import http.server
import json
import threading
import time

import pytest
from service_account import ServiceAccount

from application import STAGING, environment


@pytest.fixture
def account(aws, tmp_path, pipeline):
    made = ServiceAccount(aws, tmp_path, pipeline.variables)
    pipeline.variables = made.variables
    return made


def test_a_pod_works_as_its_service_account(pipeline, application, account):
    """With nothing but the token; into the other account through its bootstrap's deploy role."""
    account.mount(3600)
    application.configure(environment("staging", where=STAGING), build=("true",))
    workflow = pipeline.workflow(application.commit())
    for stage in ("validate", "build", "deploy-staging"):
        ended = workflow.run(stage)
        assert ended.code == 0, f"{stage}: {ended.out}\n{ended.err}"
    assert any(f"assumed-role/{account.name}/" in str(line) and "web identity" in str(line)
               and "may assume arn:aws:iam::222233334444:role/cdk-hnb659fds-deploy-role-" in line
               for line in ended.lines), ended.lines


def test_a_token_that_rotates_is_read_again(pipeline, application, account):
    """The first token is over when the stage needs credentials for the second time."""
    account.mount(3600)
    application.configure(build=(f"echo broken > {account.file}", "sleep 1",
                                 f"mv {account.file}.next {account.file}"))
    workflow = pipeline.workflow(application.commit())
    following = ServiceAccount.__new__(ServiceAccount)
    following.name = account.name
    following.file = account.file.with_name(account.file.name + ".next")
    following.mount(3600)
    ended = workflow.run("build")
    assert ended.code == 0, ended.out + ended.err
    assert any(each["event"] == "step_finished" and each["step"] == "upload"
               for each in ended.records)


class PodIdentityAgent:
    """EKS Pod Identity's agent on a node: the role's session for who shows the pod's token."""

    def __init__(self, variables, token):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.headers.get("Authorization"))
                known = self.headers.get("Authorization") == token.read_text()
                soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
                body = json.dumps({
                    "AccessKeyId": variables["AWS_ACCESS_KEY_ID"],
                    "SecretAccessKey": variables["AWS_SECRET_ACCESS_KEY"],
                    "Token": variables.get("AWS_SESSION_TOKEN", ""), "Expiration": soon}).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/credentials"


def test_a_pod_works_with_pod_identity(pipeline, application, tmp_path):
    """The agent's address and a token file are all that it has."""
    token = tmp_path / "pod-token"
    token.write_text("the-first")
    agent = PodIdentityAgent(pipeline.variables, token)
    pipeline.variables = {name: value for name, value in pipeline.variables.items()
                          if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN")}
    pipeline.variables |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.url,
                           "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}
    application.configure(environment("staging", where=STAGING))
    ended = pipeline.workflow(application.commit()).run("validate")
    agent.server.shutdown()
    agent.server.server_close()
    assert ended.code == 0, ended.out + ended.err
    assert set(agent.asked) == {"the-first"}
    assert any("(container credentials) may assume" in str(line) for line in ended.lines)


def test_an_expired_token_is_told_with_what_mends_it(pipeline, application, account):
    account.mount(-10)
    application.configure(environment("staging", where=STAGING))
    ended = pipeline.workflow(application.commit()).run("validate")
    assert ended.code == 1
    role = "arn:aws:iam::222233334444:role/cdk-hnb659fds-deploy-role-222233334444-us-east-1"
    assert (f"the AWS credentials (web identity, role {account.role}) have expired: {role} in "
            "account 222233334444 (environment staging) cannot be assumed") in ended.err
    assert "argo resubmit <workflow>" in ended.err


def test_a_missing_bootstrap_is_told_with_what_mends_it(pipeline, application):
    application.configure(environment("prod", where=("999900001111", "eu-west-1")))
    ended = pipeline.workflow(application.commit()).run("validate")
    assert ended.code == 1
    assert ("account 999900001111 is not bootstrapped in eu-west-1 (environment prod): there is no "
            "arn:aws:iam::999900001111:role/cdk-hnb659fds-deploy-role-999900001111-eu-west-1"
            ) in ended.err
    assert ("hint: with credentials of account 999900001111: cdk bootstrap "
            "aws://999900001111/eu-west-1 --trust 111122223333") in ended.err


def test_missing_trust_is_told_with_what_mends_it(pipeline, application, aws):
    """The other account is bootstrapped, for itself alone."""
    where = ("888800001111", "eu-west-1")
    theirs = aws.of_account(where[0])
    role = f"cdk-hnb659fds-deploy-role-{where[0]}-{where[1]}"
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{where[0]}:root"},
        "Action": "sts:AssumeRole"}]}
    theirs("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    theirs("s3", where[1]).create_bucket(
        Bucket=f"cdk-hnb659fds-assets-{where[0]}-{where[1]}",
        CreateBucketConfiguration={"LocationConstraint": where[1]})
    application.configure(environment("prod", where=where))
    ended = pipeline.workflow(application.commit()).run("validate")
    assert ended.code == 1
    assert (f"cannot assume arn:aws:iam::{where[0]}:role/{role} in account {where[0]} (environment "
            "prod) as arn:aws:iam::111122223333:user/aphex-sandbox-admin: the bootstrap of that "
            "account does not trust account 111122223333") in ended.err
    assert f"cdk bootstrap aws://{where[0]}/{where[1]} --trust 111122223333" in ended.err
