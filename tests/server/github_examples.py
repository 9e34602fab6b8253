"""What GitHub publishes of its webhooks (@octokit/webhooks-examples), and how it signs them."""

import hashlib
import hmac
import json
import pathlib

EXAMPLES = pathlib.Path(__file__).parent / "node_modules/@octokit/webhooks-examples/api.github.com"


def examples():
    """Every event that GitHub publishes an example of: its name, and the payloads."""
    listed = json.loads((EXAMPLES / "index.json").read_text(encoding="utf-8"))
    return [(event["name"], payload) for event in listed for payload in event["examples"]]


def signature(body, secret):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
