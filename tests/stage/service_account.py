"""A pod's service account with a role of its own (IRSA), and its token."""

import base64
import json
import time
import uuid

ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def write_token(file, subject, seconds, issuer=ISSUER):
    """As the kubelet mounts it for `subject`, "<namespace>:<account>"."""
    claims = {"iss": f"https://{issuer}", "aud": ["sts.amazonaws.com"],
              "sub": f"system:serviceaccount:{subject}", "exp": int(time.time() + seconds)}
    file.write_text(f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl")


def with_role(variables, role, file):
    """These variables with a service account's role in the place of keys."""
    kept = {name: value for name, value in variables.items()
            if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                            "AWS_PROFILE")}
    return kept | {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(file)}


class ServiceAccount:
    """A role for IRSA and the token that the kubelet mounts and rotates."""

    def __init__(self, aws, directory, variables):
        self.file = directory / f"token-{uuid.uuid4().hex[:6]}"
        self.name = f"executor-{uuid.uuid4().hex[:8]}"
        iam = aws.client("iam")
        try:
            provider = iam.create_open_id_connect_provider(
                Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"],
                ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
        except iam.exceptions.EntityAlreadyExistsException:
            provider = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                f"{ISSUER}:aud": "sts.amazonaws.com",
                f"{ISSUER}:sub": f"system:serviceaccount:pipelines:{self.name}"}}}]}
        self.role = iam.create_role(RoleName=self.name,
                                    AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.variables = with_role(variables, self.role, self.file)

    def mount(self, seconds, name=None):
        write_token(self.file, f"pipelines:{name or self.name}", seconds)
