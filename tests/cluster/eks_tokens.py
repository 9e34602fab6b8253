"""EKS tokens as `aws eks get-token` makes them, by boto3: another hand than our own client's."""

import base64
import urllib.parse

from eks_authenticator import CLUSTER_HEADER, PREFIX

EXPIRES_SECONDS = 60


def encode(url):
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def presign(sts_client, cluster_name, expires_seconds=EXPIRES_SECONDS, sign_header=True,
            action="GetCallerIdentity"):
    """The address that a token holds."""
    region = sts_client.meta.region_name
    headers = {CLUSTER_HEADER: cluster_name} if sign_header else {}
    request = {"method": "GET", "body": {}, "headers": headers, "context": {},
               "url": f"{sts_client.meta.endpoint_url}/?Action={action}&Version=2011-06-15"}
    return sts_client._request_signer.generate_presigned_url(
        request, region_name=region, expires_in=expires_seconds, operation_name="")


def token(sts_client, cluster_name, **options):
    return encode(presign(sts_client, cluster_name, **options))


def with_parameter(url, name, value):
    """The same with another value there; the signature stays what it was."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query)) | {name: value}
    return parts._replace(query=urllib.parse.urlencode(query)).geturl()
