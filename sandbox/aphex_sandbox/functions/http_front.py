"""HTTP in front of functions: API Gateway's REST stages and function URLs."""

import base64
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from moto.apigateway.models import Method, Resource, RestAPI, apigateway_backends
from moto.awslambda.models import LambdaFunction, lambda_backends

from .runner import run_and_log

_FUNCTION_IN_URI = re.compile(r"functions/(arn:[^/]+)/invocations")


@dataclass(frozen=True)
class HttpRequest:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: bytes

    @staticmethod
    def of(environ: dict[str, Any], path: str, body: bytes) -> "HttpRequest":
        headers = [
            (key[5:].replace("_", "-").lower(), str(value))
            for key, value in environ.items()
            if key.startswith("HTTP_")
        ]
        if environ.get("CONTENT_TYPE"):
            headers.append(("content-type", environ["CONTENT_TYPE"]))
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return HttpRequest(environ["REQUEST_METHOD"], path, query, headers, body)

    def payload(self) -> tuple[str | None, bool]:
        """The body as an event carries it, and whether it is base64."""
        try:
            return (self.body.decode() or None), False
        except UnicodeDecodeError:
            return base64.b64encode(self.body).decode(), True


@dataclass(frozen=True)
class HttpResponse:
    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


def _message(status: int, text: str) -> HttpResponse:
    body = json.dumps({"message": text}).encode()
    return HttpResponse(status, body, [("Content-Type", "application/json")])


def call_rest_api(api_id: str, stage: str, request: HttpRequest) -> HttpResponse:
    found = _find_api(api_id)
    if found is None or stage not in found[2].stages:
        return _message(403, "Forbidden")
    account, _, api = found
    match = _match(api, [unquote(p) for p in request.path.strip("/").split("/") if p])
    if match is None:
        return _message(403, "Missing Authentication Token")
    resource, parameters = match
    methods = resource.resource_methods
    method = methods.get(request.method) or methods.get("ANY")
    if method is None or method.method_integration is None:
        return _message(403, "Missing Authentication Token")
    kind = method.method_integration.integration_type
    if kind == "MOCK":
        return _mock(method)
    if kind != "AWS_PROXY":
        return _message(501, f"the sandbox serves AWS_PROXY and MOCK integrations, not {kind}")
    function = _function(method.method_integration.uri or "")
    if function is None:
        return _message(500, "Internal server error")
    event = _rest_event(account, api, resource, stage, parameters, request)
    return _answer(run_and_log(function, event))


def call_function_url(url_id: str, request: HttpRequest) -> HttpResponse:
    function = _function_of_url(url_id)
    if function is None:
        return _message(404, "Not Found")
    if (function.url_config.config.get("AuthType")) == "AWS_IAM" and not any(
        name == "authorization" for name, _ in request.headers
    ):
        return _message(403, "Forbidden")
    return _answer(run_and_log(function, _url_event(function, url_id, request)))


def _answer(result: tuple[str, bool, str]) -> HttpResponse:
    text, errored, _ = result
    if errored:
        return _message(502, "Internal server error")
    value = json.loads(text)
    if not isinstance(value, dict) or "statusCode" not in value:
        return HttpResponse(200, text.encode(), [("Content-Type", "application/json")])
    headers = [(k, str(v)) for k, v in (value.get("headers") or {}).items()]
    for name, values in (value.get("multiValueHeaders") or {}).items():
        headers += [(name, str(v)) for v in values]
    if not any(k.lower() == "content-type" for k, _ in headers):
        headers.append(("Content-Type", "application/json"))
    body = value.get("body") or ""
    text_body = body if isinstance(body, str) else json.dumps(body)
    raw = base64.b64decode(text_body) if value.get("isBase64Encoded") else text_body.encode()
    return HttpResponse(int(value["statusCode"]), raw, headers)


def _mock(method: Method) -> HttpResponse:
    responses = method.method_integration.integration_responses or {}
    if not responses:
        return HttpResponse(200)
    status, response = next(iter(responses.items()))
    headers = [
        (name.rsplit(".", 1)[-1], value.strip("'"))
        for name, value in (response.response_parameters or {}).items()
        if name.startswith("method.response.header.")
    ]
    body = (response.response_templates or {}).get("application/json") or ""
    return HttpResponse(int(status), body.encode(), headers)


def _find_api(api_id: str) -> tuple[str, str, RestAPI] | None:
    for account, by_region in apigateway_backends.items():
        for region, backend in by_region.items():
            if api_id in backend.apis:
                return account, region, backend.apis[api_id]
    return None


def _match(api: RestAPI, parts: list[str]) -> tuple[Resource, dict[str, str]] | None:
    children: dict[str | None, list[Resource]] = {}
    for resource in api.resources.values():
        children.setdefault(resource.parent_id, []).append(resource)
    root = children[None][0]
    return _descend(children, root, parts, {})


def _descend(
    children: dict[str | None, list[Resource]],
    at: Resource,
    parts: list[str],
    parameters: dict[str, str],
) -> tuple[Resource, dict[str, str]] | None:
    if not parts:
        return at, parameters
    # A literal part wins over a parameter, a parameter over a greedy one.
    for child in sorted(children.get(at.id, []), key=lambda r: _rank(r.path_part)):
        part, name = child.path_part, child.path_part.strip("{}")
        if part.endswith("+}"):
            return child, {**parameters, name.rstrip("+"): "/".join(parts)}
        if part == parts[0] or part.startswith("{"):
            more = {name: parts[0]} if part.startswith("{") else {}
            found = _descend(children, child, parts[1:], {**parameters, **more})
            if found is not None:
                return found
    return None


def _rank(part: str) -> int:
    return 2 if part.endswith("+}") else int(part.startswith("{"))


def _function(uri: str) -> LambdaFunction | None:
    match = _FUNCTION_IN_URI.search(uri)
    if match is None:
        return None
    _, _, _, region, account, *_ = match.group(1).split(":")
    return lambda_backends[account][region].get_function_by_arn(match.group(1))


def _function_of_url(url_id: str) -> LambdaFunction | None:
    for by_region in lambda_backends.values():
        for backend in by_region.values():
            for function in backend.list_functions():
                config = function.url_config
                if config is not None and f"//{url_id}." in config.url:
                    return function
    return None


def _rest_event(
    account: str,
    api: RestAPI,
    resource: Resource,
    stage: str,
    parameters: dict[str, str],
    request: HttpRequest,
) -> dict[str, Any]:
    body, encoded = request.payload()
    return {
        "resource": resource.get_path(),
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": _multi(request.headers),
        "queryStringParameters": dict(request.query) or None,
        "multiValueQueryStringParameters": _multi(request.query) or None,
        "pathParameters": parameters or None,
        "stageVariables": api.stages[stage].variables or None,
        "requestContext": {
            "accountId": account,
            "apiId": api.id,
            "httpMethod": request.method,
            "path": f"/{stage}{request.path}",
            "resourceId": resource.id,
            "resourcePath": resource.get_path(),
            "requestId": str(uuid.uuid4()),
            "requestTimeEpoch": int(time.time() * 1000),
            "stage": stage,
            "protocol": "HTTP/1.1",
            "identity": {
                "sourceIp": "127.0.0.1",
                "userAgent": dict(request.headers).get("user-agent", ""),
            },
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def _url_event(function: LambdaFunction, url_id: str, request: HttpRequest) -> dict[str, Any]:
    body, encoded = request.payload()
    query = {k: ",".join(v) for k, v in _multi(request.query).items()}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": "&".join(f"{k}={v}" for k, v in request.query),
        "headers": dict(request.headers),
        "queryStringParameters": query,
        "requestContext": {
            "accountId": function.account_id,
            "apiId": url_id,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": dict(request.headers).get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def _multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
