"""State that survives a restart.

Format of DIR/state.bin: one line of JSON ({"format", "version", "moto", "python", "size",
"sha256"}), then a pickle of moto's backends. Contents of 64 KiB and more (S3 objects, Lambda
code) live beside it in DIR/blobs/<sha256>, written once. The pickle is only ever read from the
sandbox's own state directory, and may name no classes but those listed below.
"""

import copyreg
import hashlib
import importlib
import io
import json
import logging
import os
import pickle
import sys
import threading
import types
import uuid
import weakref
from collections import defaultdict
from pathlib import Path
from typing import Any

import moto
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from moto.core.base_backend import AccountSpecificBackend, BackendDict
from moto.s3.models import FakeKey

FORMAT = "aphex-sandbox-state"
STATE_VERSION = 1
BLOB_BYTES = 64 * 1024

_LOG = logging.getLogger(__name__)
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_REMEDY = "run `aphex sandbox reset` to start with an empty one"
_LOCKS = (type(threading.Lock()), type(threading.RLock()))

# Backends that hold what cannot be kept; they start empty.
EXCLUDED = frozenset({"moto.batch.models", "moto.batch_simple.models", "moto.moto_api.models"})

_SAFE_MODULES = (
    "aphex_sandbox",
    "botocore",
    "collections",
    "copyreg",
    "datetime",
    "dateutil",
    "decimal",
    "enum",
    "functools",
    "ipaddress",
    "moto",
    "re",
    "threading",
    "types",
    "uuid",
    "weakref",
    "werkzeug.datastructures",
)
_SAFE_BUILTINS = frozenset(
    "bool bytearray bytes complex dict float frozenset int list object range set slice str"
    " tuple type".split()
)


class UnusableState(Exception):
    """The snapshot cannot be used; the message names the file and the remedy."""


class BlobStore:
    def __init__(self, folder: Path):
        self._folder = folder
        self._used: set[str] = set()
        self._known: dict[int, tuple[bytes, str]] = {}

    def begin(self) -> None:
        self._used = set()

    def put(self, content: bytes) -> str:
        known = self._known.get(id(content))
        if known is not None and known[0] is content:
            name = known[1]
        else:
            name = hashlib.sha256(content).hexdigest()
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, [content])
        self._used.add(name)
        return name

    def put_lasting(self, content: bytes) -> str:
        """As put, for an object that stays: its hash is not computed again."""
        name = self.put(content)
        self._known[id(content)] = (content, name)
        return name

    def use(self, name: str) -> bool:
        self._used.add(name)
        return (self._folder / name).exists()

    def get(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def collect(self) -> None:
        """Removes what the last snapshot does not use."""
        self._known = {k: v for k, v in self._known.items() if v[1] in self._used}
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name not in self._used:
                    path.unlink(missing_ok=True)


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, blobs: BlobStore):
        super().__init__(stream, protocol=5)
        self._blobs = blobs
        self._places = {id(d): place for place, d in backend_dicts().items()}

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, BackendDict):
            return ("backends", self._places[id(obj)])
        if isinstance(obj, AccountSpecificBackend):
            return ("account", self._place_of(obj), obj.account_id)
        if type(obj) is bytes and len(obj) >= BLOB_BYTES:
            return ("blob", self._blobs.put_lasting(obj))
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _LOCKS):
            return (threading.RLock if isinstance(obj, _LOCKS[1]) else threading.Lock), ()
        if isinstance(obj, threading.Condition):
            return threading.Condition, ()
        if isinstance(obj, FakeKey):
            return _new_key, (type(obj), self._key_state(obj))
        if type(obj).__module__.startswith("cryptography.") and hasattr(obj, "public_bytes"):
            return _new_public, (_public_pem(obj),)
        if type(obj).__module__.startswith("cryptography.") and hasattr(obj, "private_bytes"):
            return _new_private, (_private_pem(obj),)
        if isinstance(obj, types.FunctionType) and "<locals>" in obj.__qualname__:
            return _new_function, local_function_place(obj)
        if isinstance(obj, types.MethodType):
            return _bound_method, (obj.__self__, obj.__func__.__name__)
        if isinstance(obj, weakref.WeakValueDictionary):
            return weakref.WeakValueDictionary, (), None, None, iter(list(obj.items()))
        if isinstance(obj, defaultdict) and type(obj) is not defaultdict:
            # A subclass with a constructor of its own, which pickle would call without arguments.
            state = (dict(vars(obj)), {"default_factory": obj.default_factory})
            return copyreg.__newobj__, (type(obj),), state, None, iter(list(dict.items(obj)))
        return NotImplemented

    def _key_state(self, key: FakeKey) -> dict[str, Any]:
        """An S3 object's state, its content replaced by a blob's name when large."""
        if key.contentsize < BLOB_BYTES or key.disposed:
            return {k: v for k, v in key.__getstate__().items() if k != "_aphex_blob"}
        hidden = ("_value_buffer", "lock", "_aphex_blob")
        state = {k: v for k, v in key.__dict__.items() if k not in hidden}
        name = key.__dict__.get("_aphex_blob")
        if name is None or not self._blobs.use(name):
            name = self._blobs.put(key.value)
            key.__dict__["_aphex_blob"] = name
        return {**state, "_aphex_blob": name}

    def _place_of(self, wanted: AccountSpecificBackend[Any]) -> str:
        for place, found in backend_dicts().items():
            if dict.get(found, wanted.account_id) is wanted:
                return place
        raise pickle.PicklingError(f"no place for {wanted.service_name}")


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, blobs: BlobStore):
        super().__init__(stream)
        self._blobs = blobs

    def persistent_load(self, pid: Any) -> Any:
        kind, name, *rest = pid
        if kind == "blob":
            return self._blobs.get(name)
        found = _backend_dict_at(name)
        return found[rest[0]] if kind == "account" else found

    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" and name in _SAFE_BUILTINS:
            return super().find_class(module, name)
        if any(module == m or module.startswith(f"{m}.") for m in _SAFE_MODULES):
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a snapshot")


_restoring: BlobStore | None = None


def _new_key(cls: type[FakeKey], state: dict[str, Any]) -> FakeKey:
    key = cls.__new__(cls)
    name = state.pop("_aphex_blob", None)
    if name is not None and _restoring is not None:
        state["value"] = _restoring.get(name)
    key.__setstate__(state)
    if name is not None:
        key.__dict__["_aphex_blob"] = name
    return key


def _private_pem(key: Any) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _new_private(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _public_pem(key: Any) -> bytes:
    """Of a public key or a certificate."""
    if isinstance(key, x509.Certificate):
        return key.public_bytes(serialization.Encoding.PEM)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form)


def _new_public(pem: bytes) -> Any:
    if pem.startswith(b"-----BEGIN CERTIFICATE"):
        return x509.load_pem_x509_certificate(pem)
    return serialization.load_pem_public_key(pem)


def _bound_method(owner: Any, name: str) -> Any:
    if not type(owner).__module__.startswith("moto."):
        raise pickle.UnpicklingError(f"{name} has no place in a snapshot")
    return getattr(owner, name)


def local_function_place(function: types.FunctionType) -> tuple[Any, ...]:
    """Where moto's source defines a function within a function, such as a dict's default.

    The place is kept, not the code: the code is found again in the same version of moto.
    """
    outer = function.__qualname__.split(".<locals>.")[0]
    codes = _inner_codes(_code_of(function.__module__, outer))
    index = next(i for i, code in enumerate(codes) if code == function.__code__)
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return function.__module__, outer, index, cells


def _new_function(module: str, outer: str, index: int, cells: tuple[Any, ...]) -> Any:
    if not module.startswith("moto."):
        raise pickle.UnpicklingError(f"{module}.{outer} has no place in a snapshot")
    code = _inner_codes(_code_of(module, outer))[index]
    closure = tuple(types.CellType(value) for value in cells)
    namespace = vars(sys.modules[module])
    return types.FunctionType(code, namespace, code.co_name, None, closure)


def _code_of(module: str, qualname: str) -> types.CodeType:
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found.__code__


def _inner_codes(code: types.CodeType) -> list[types.CodeType]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return inner + [deeper for c in inner for deeper in _inner_codes(c)]


def backend_dicts() -> dict[str, BackendDict[Any]]:
    """Every loaded service's backends, by "module:name"."""
    found: dict[int, tuple[str, BackendDict[Any]]] = {}
    for module_name, module in sorted(sys.modules.items()):
        if not module_name.startswith("moto.") or module_name in EXCLUDED:
            continue
        for name, value in list(vars(module).items()):
            if not isinstance(value, BackendDict):
                continue
            # The same object is imported by many modules; its own is the stable place.
            own = module_name in (value.backend.__module__, f"moto.{value.service_name}.models")
            if own or id(value) not in found:
                found[id(value)] = (f"{module_name}:{name}", value)
    return dict(found.values())


def _backend_dict_at(place: str) -> BackendDict[Any]:
    module, _, name = place.partition(":")
    if not module.startswith("moto."):
        raise pickle.UnpicklingError(f"{place} has no place in a snapshot")
    from .patches import mend

    mend(module.split(".")[1])
    return getattr(importlib.import_module(module), name)


_OWN = ("backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id")


def dump(blobs: BlobStore) -> bytes:
    """The state as bytes; call it inside the world."""
    blobs.begin()
    state = {}
    for place, backends in backend_dicts().items():
        regions = {acct: dict(by_region) for acct, by_region in dict.items(backends)}
        extra = {k: v for k, v in vars(backends).items() if k not in _OWN}
        if regions:
            state[place] = {"regions": regions, "extra": extra}
    stream = io.BytesIO()
    _Pickler(stream, blobs).dump(state)
    return stream.getvalue()


def load(content: bytes, blobs: BlobStore) -> None:
    global _restoring
    _restoring = blobs
    try:
        state = _Unpickler(io.BytesIO(content), blobs).load()
    finally:
        _restoring = None
    for place, saved in state.items():
        backends = _backend_dict_at(place)
        vars(backends).update(saved["extra"])
        for account, by_region in saved["regions"].items():
            for region, backend in by_region.items():
                dict.__setitem__(backends[account], region, backend)


def write(path: Path, content: bytes) -> None:
    header = {
        "format": FORMAT,
        "version": STATE_VERSION,
        "moto": moto.__version__,
        "python": _PYTHON,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_atomically(path, [json.dumps(header).encode() + b"\n", content])


def read(path: Path) -> bytes | None:
    """The pickle, checked against its header; None when there is no snapshot yet."""
    try:
        line, _, content = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    try:
        header = json.loads(line)
        known = header["format"] == FORMAT
        version = int(header["version"])
    except (ValueError, KeyError, TypeError):
        known, version, header = False, 0, {}
    if not known:
        raise UnusableState(f"{path} is not a sandbox's state, or is damaged; {_REMEDY}")
    if version > STATE_VERSION:
        raise UnusableState(
            f"{path} was written by a newer aphex (state version {version}, this one reads"
            f" {STATE_VERSION}); update aphex, or {_REMEDY}"
        )
    if (header.get("moto"), header.get("python")) != (moto.__version__, _PYTHON):
        raise UnusableState(
            f"{path} was written with moto {header.get('moto')} on Python"
            f" {header.get('python')}, this is moto {moto.__version__} on {_PYTHON}; {_REMEDY}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if len(content) != header.get("size") or digest != header.get("sha256"):
        raise UnusableState(f"{path} is damaged (its checksum does not fit); {_REMEDY}")
    return content


def write_atomically(path: Path, parts: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(parts)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def install() -> None:
    """S3 objects forget their blob's name when their content changes."""
    current = FakeKey.value

    def set_value(self: FakeKey, value: bytes) -> None:
        self.__dict__.pop("_aphex_blob", None)
        current.fset(self, value)

    FakeKey.value = property(current.fget, set_value)
