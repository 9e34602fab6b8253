"""A function's code, unpacked once for each content."""

import base64
import hashlib
import io
import shutil
import stat
import uuid
import zipfile
from pathlib import Path

from moto.awslambda.models import LambdaFunction

from ..settings import SETTINGS

MAX_UNPACKED_BYTES = 250 * 1024 * 1024
_HERE = Path(__file__).parent
# Part of a folder's name: what is unpacked otherwise than before gets folders of its own.
_LAYOUT = b"2"


class CannotRun(Exception):
    """The function cannot run here; the message says why."""


def unpack(function: LambdaFunction) -> Path:
    inline = getattr(function, "inline_code", None)
    packed = getattr(function, "code_bytes", b"")
    if inline is None and not packed:
        raise CannotRun(f"function {function.function_name} has no code in the sandbox")
    node = (function.run_time or "").startswith("nodejs")
    place = SETTINGS.state_dir / "functions" / digest(function)[:32]
    if place.is_dir():
        return place
    fresh = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
    fresh.mkdir(parents=True)
    try:
        if inline is not None:
            (fresh / ("index.js" if node else "index.py")).write_text(inline)
            _add_response_module(fresh, node)
        else:
            _extract(packed, fresh)
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not place.is_dir():  # else another invocation was faster
            raise
    return place


def _add_response_module(place: Path, node: bool) -> None:
    """What CloudFormation adds to code that stands in a template."""
    if node:
        module = place / "node_modules" / "cfn-response"
        module.mkdir(parents=True)
        shutil.copyfile(_HERE / "cfn_response.cjs", module / "index.js")
    else:
        shutil.copyfile(_HERE / "cfnresponse.py", place / "cfnresponse.py")


def digest(function: LambdaFunction) -> str:
    inline = getattr(function, "inline_code", None)
    if inline is not None:
        node = (function.run_time or "").startswith("nodejs")
        return hashlib.sha256(inline.encode() + (b"js" if node else b"py") + _LAYOUT).hexdigest()
    # moto has the hash of the package already; it may be tens of megabytes.
    known = base64.b64decode(function.code_sha_256)
    return hashlib.sha256(known + _LAYOUT).hexdigest()


def _extract(packed: bytes, place: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = archive.infolist()
            if sum(i.file_size for i in entries) > MAX_UNPACKED_BYTES:
                raise CannotRun("the function's code is larger than Lambda's 250 MB")
            for entry in entries:
                _extract_one(archive, entry, place)
    except zipfile.BadZipFile:
        raise CannotRun("the function's code is not a zip file") from None


def _extract_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path) -> None:
    mode = entry.external_attr >> 16
    if not stat.S_ISLNK(mode):
        made = Path(archive.extract(entry, place))  # refuses to leave the folder
        if mode and not entry.is_dir():
            made.chmod(stat.S_IMODE(mode) & 0o777 | stat.S_IRUSR)
        return
    target = archive.read(entry).decode()
    link = place / entry.filename
    if not (link.parent / target).resolve().is_relative_to(place.resolve()):
        raise CannotRun(f"the link {entry.filename} leaves the function's folder")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
