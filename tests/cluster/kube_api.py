"""A small client of the Kubernetes API for tests: paths in, decoded objects out."""

import http.client
import json
import ssl
import threading
import urllib.parse

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
REQUEST_SECONDS = 240  # a large definition is a second of computing, on a quiet machine


class ApiError(Exception):
    """A refusal: `status` is the server's whole Status object."""

    def __init__(self, method, path, code, status):
        self.code = code
        self.status = status
        self.reason = status.get("reason", "")
        self.message = status.get("message", "")
        super().__init__(f"{method} {path}: {code} {self.reason}: {self.message}")


class Api:
    def __init__(self, endpoint, ca_pem=None, token=None, agent="aphex-tests"):
        """An endpoint by plain HTTP is that of `kubectl proxy`."""
        self._address = urllib.parse.urlsplit(endpoint)
        self._context = ssl.create_default_context(cadata=ca_pem) if ca_pem else None
        self._headers = {"Accept": "application/json", "User-Agent": agent}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        # A connection per thread: http.client's are for one at a time.
        self._local = threading.local()
        self._kinds = {}

    def close(self):
        """Ends this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection:
            connection.close()
            self._local.connection = None

    def _connect(self):
        where = (self._address.hostname, self._address.port)
        if self._context:
            return http.client.HTTPSConnection(*where, timeout=REQUEST_SECONDS,
                                               context=self._context)
        return http.client.HTTPConnection(*where, timeout=REQUEST_SECONDS)

    def send(self, method, path, body=None, content_type="application/json"):
        """Code and text, whatever the code is."""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({"Content-Type": content_type} if data else {})
        # The second try is for a kept connection that the server has closed meanwhile.
        for last in (False, True):
            fresh = getattr(self._local, "connection", None) is None
            if fresh:
                self._local.connection = self._connect()
            try:
                self._local.connection.request(method, path, body=data, headers=headers)
                answer = self._local.connection.getresponse()
                return answer.status, answer.read().decode()
            except (http.client.HTTPException, ConnectionError, ssl.SSLEOFError):
                self.close()
                if fresh or last:
                    raise
            except OSError:
                self.close()
                raise
        raise AssertionError("unreachable")

    def request(self, method, path, body=None, content_type="application/json"):
        code, text = self.send(method, path, body, content_type)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text}
        if code >= 400:
            raise ApiError(method, path, code, answer)
        return answer

    def get(self, path):
        return self.request("GET", path)

    def list(self, path):
        return self.get(path)["items"]

    def exists(self, path):
        try:
            self.get(path)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def create(self, path, object_):
        return self.request("POST", path, object_)

    def replace(self, path, object_):
        return self.request("PUT", path, object_)

    def patch(self, path, patch):
        return self.request("PATCH", path, patch, MERGE)

    def patch_status(self, path, status):
        return self.request("PATCH", f"{path}/status", {"status": status}, MERGE)

    def delete(self, path):
        return self.request("DELETE", path)

    def apply(self, object_, manager="test", force=False):
        """Server-side apply, where the object's kind and name say."""
        query = urllib.parse.urlencode({"fieldManager": manager, "force": str(force).lower()})
        return self.request("PATCH", f"{self.path_of(object_)}?{query}", object_, APPLY)

    def path_of(self, object_):
        version, kind = object_["apiVersion"], object_["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._kinds:
            for resource in self.get(root)["resources"]:
                if "/" not in resource["name"]:
                    self._kinds[version, resource["kind"]] = resource
        resource = self._kinds[version, kind]
        metadata = object_["metadata"]
        if resource["namespaced"]:
            root += f"/namespaces/{metadata['namespace']}"
        return f"{root}/{resource['name']}/{metadata['name']}"
