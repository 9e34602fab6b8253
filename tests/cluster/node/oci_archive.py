"""A root file system as an OCI image in one archive, made without a registry or Docker.

`ctr images import` and `docker load` read it. It has one layer, uncompressed, since it does not
travel; owners and modes are those of the directory, times are fixed.
"""

import hashlib
import json
import os
import pathlib
import platform
import subprocess
import tempfile

CREATED = "1970-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MEDIA = "application/vnd.oci.image"


def write(root, archive, name, **config):
    """`config`: an image's own keys, as User, Env, WorkingDir, Entrypoint, Cmd."""
    archive = pathlib.Path(archive)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".oci-") as temporary:
        layout = pathlib.Path(temporary)
        (layout / "blobs/sha256").mkdir(parents=True)
        layer = _layer(root, layout)
        about = {"architecture": ARCHITECTURES[platform.machine()], "os": "linux"}
        image = _blob(layout, {**about, "created": CREATED, "config": config,
                               "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
        manifest = _blob(layout, {
            "schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json",
            "config": {"mediaType": f"{MEDIA}.config.v1+json", **image},
            "layers": [{"mediaType": f"{MEDIA}.layer.v1.tar", **layer}]})
        (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
        names = {"io.containerd.image.name": name,
                 "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
        (layout / "index.json").write_text(json.dumps({
            "schemaVersion": 2,
            "manifests": [{"mediaType": f"{MEDIA}.manifest.v1+json", **manifest,
                           "platform": about, "annotations": names}]}), encoding="utf-8")
        made = layout / "archive"
        subprocess.run(["tar", "-cf", made, "--exclude=./archive", "-C", layout, "."], check=True)
        os.replace(made, archive)


def _layer(root, layout):
    packed = layout / "layer"
    subprocess.run(["tar", "-cf", packed, "--sort=name", "--numeric-owner", "--mtime=@0",
                    "--one-file-system", "-C", root, "."], check=True)
    with open(packed, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = packed.stat().st_size
    packed.rename(layout / "blobs/sha256" / digest)
    return {"digest": f"sha256:{digest}", "size": size}


def _blob(layout, content):
    data = json.dumps(content, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}
