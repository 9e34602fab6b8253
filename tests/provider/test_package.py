"""provider.zip: what is in it, that it is the same each time, and that it needs nothing else."""

import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lambda_runtime
from cluster_fixtures import write_keys
from conftest import CLUSTER, GROUP, PACKAGE, REPO, RULES, role_arn
from lambda_runtime import LambdaRuntime

BUILD = PACKAGE.parents[3]
# Lambda's bounds: 50 MB for an upload by CloudFormation or the CLI, 250 MB unpacked.
MAX_ZIP_BYTES = 50_000_000
# Of those who come closest: 1980 is the first year that a zip can say.
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def may_change_root():
    return os.geteuid() == 0 or subprocess.run(
        ["unshare", "--map-root-user", "true"], capture_output=True).returncode == 0


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return archive.infolist()


def test_the_zip_is_deterministic(tmp_path):
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M))
    again = tmp_path / "provider.zip"
    subprocess.run(
        [sys.executable, REPO / "cmake" / "pack_provider.py",
         "--program", BUILD / "provider" / "aphex-provider",
         "--launcher", BUILD / "provider" / "bootstrap",
         "--load", cache["APHEX_CURL_LIBRARY"], "--strip", cache["CMAKE_STRIP"],
         "--output", again], check=True)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(
        PACKAGE.read_bytes()).digest()


def test_the_zip_has_what_lambda_starts_and_what_that_needs():
    listed = entries(PACKAGE)
    names = [entry.filename for entry in listed]
    assert names == sorted(names)
    assert {"bootstrap", "bin/aphex-provider", "lib/loader", "lib/libc.so.6",
            "lib/libstdc++.so.6", "lib/libcurl.so.4", "lib/libcrypto.so.3"} <= set(names)
    assert {(entry.date_time, entry.external_attr >> 16) for entry in listed} == {
        (FIXED_TIME, 0o100755)}
    assert PACKAGE.stat().st_size < MAX_ZIP_BYTES


def test_bootstrap_needs_no_library_of_the_host(package):
    shown = subprocess.run(["readelf", "--program-headers", "--dynamic", package / "bootstrap"],
                           capture_output=True, text=True, check=True).stdout
    assert "LOAD" in shown
    # Its dynamic section is for its own relocation: it names no library.
    assert "INTERP" not in shown and "NEEDED" not in shown


def test_a_program_that_cannot_be_started_is_named(package, tmp_path):
    alone = tmp_path / "bootstrap"
    alone.write_bytes((package / "bootstrap").read_bytes())
    alone.chmod(0o755)
    done = subprocess.run([alone], capture_output=True, text=True)
    assert done.returncode == 127
    assert done.stderr == ("bootstrap: No such file or directory\n"
                           f"bootstrap: cannot start {tmp_path}/lib/loader\n")


def test_every_file_that_is_mapped_is_one_of_the_package(package, aws):
    with LambdaRuntime() as runtime:
        function = lambda_runtime.start(package, runtime.address, aws.environment())
        runtime.custom_resource("Delete", {}, physical_id="aphex:nothing-created:1")
        maps = Path(f"/proc/{function.process.pid}/maps").read_text()
        function.stop()
    mapped = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "/" in line}
    assert f"{package}/bin/aphex-provider" in mapped
    assert f"{package}/lib/libcurl.so.4" in mapped, "it is loaded at the first request"
    assert [path for path in mapped if not path.startswith(str(package))] == []


def tls_of(directory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    return context


def files_below(root):
    return {path.relative_to(root): path.stat().st_mtime_ns for path in root.rglob("*")}


@pytest.mark.skipif(not may_change_root(), reason="neither root nor user namespaces")
def test_it_works_with_nothing_of_its_host(aws, eks_cluster, tmp_path):
    """A root directory with the package, a few files as Amazon Linux has them, and nothing else:
    no C library, no shell, no /proc. An answer is given by HTTPS to an authority of that root."""
    root = tmp_path / "root"
    package = lambda_runtime.unpack(PACKAGE, root / "var" / "task")
    keys = tmp_path / "keys"
    keys.mkdir()
    for name, text in {"hosts": "127.0.0.1 aws.internal\n", "resolv.conf": "nameserver 127.0.0.1\n",
                       "nsswitch.conf": "hosts: files dns myhostname\n",
                       "pki/tls/certs/ca-bundle.crt": write_keys(keys)}.items():
        path = root / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    endpoint = aws.endpoint.replace("localhost", "aws.internal")
    eks_cluster.eks.allow(endpoint, forward_to=aws.endpoint)
    namespace = eks_cluster.namespace()
    eks_cluster.bind(GROUP, RULES, namespace, group=True)
    secret = {"apiVersion": "v1", "kind": "Secret",
              "metadata": {"name": "token", "namespace": namespace}}
    properties = {"ClusterName": CLUSTER, "Pipeline": "archon",
                  "RoleArn": role_arn("KubectlRole"), **aws.asset(json.dumps(secret)),
                  "SecretValues": [{"Key": "token", "Secret": aws.secret("of-the-root")}]}
    before = files_below(root)
    with LambdaRuntime() as runtime, LambdaRuntime(tls_of(keys)) as receiver:
        # moto takes an unknown host's first label for a bucket.
        services = {"AWS_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL_S3": aws.endpoint}
        function = lambda_runtime.start(package, runtime.address, aws.environment() | services,
                                        root)
        event = runtime.event("Create", properties, ResponseURL=receiver.response_url())
        runtime.invoke(event)
        answer = receiver.answer(event)
        assert function.stop() == 0, function.text
    assert answer["Status"] == "SUCCESS", function.text
    assert eks_cluster.admin.exists(f"/api/v1/namespaces/{namespace}/secrets/token")
    assert files_below(root) == before, "it wrote a file"
    assert "of-the-root" not in function.text
