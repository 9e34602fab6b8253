"""Which of Debian's packages a file is of, and what dpkg and /usr/share/doc/<package>/copyright say
of it: version and licences. For scripts/sbom."""

import os
import pathlib
import re
import subprocess

# Debian's short names of licences that SPDX writes otherwise (dep5 against spdx.org/licenses).
SPDX = {"expat": "MIT", "mit": "MIT", "apache-2.0": "Apache-2.0", "apache-2": "Apache-2.0",
        "zlib": "Zlib", "zlib/libpng": "Zlib", "bsd-3-clause": "BSD-3-Clause",
        "bsd3": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause", "boost": "BSL-1.0",
        "bsl-1.0": "BSL-1.0", "boost-1.0": "BSL-1.0", "cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0",
        "isc": "ISC", "lgpl-2.1+": "LGPL-2.1-or-later", "lgpl-2.1": "LGPL-2.1-only",
        "lgpl-2+": "LGPL-2.0-or-later", "lgpl-3+": "LGPL-3.0-or-later",
        "gpl-2+": "GPL-2.0-or-later", "gpl-2": "GPL-2.0-only", "gpl-3+": "GPL-3.0-or-later",
        "gpl-3": "GPL-3.0-only", "mpl-2.0": "MPL-2.0", "curl": "curl", "openldap-2.8": "OLDAP-2.8"}
# Packages whose copyright file is prose: what it says of the library, read by a person.
RUNTIME = "GPL-3.0-or-later WITH GCC-exception-3.1"
PROSE = {"zlib1g": "Zlib", "libstdc++6": RUNTIME, "libgcc-s1": RUNTIME, "libgcc-12-dev": RUNTIME,
         "libc6": "LGPL-2.1-or-later", "libc6-dev": "LGPL-2.1-or-later", "libyaml-0-2": "MIT",
         "libsqlite3-0": "blessing", "libgnutls30": "LGPL-2.1-or-later",
         "libtasn1-6": "LGPL-2.1-or-later", "librtmp1": "LGPL-2.1-or-later",
         # Kerberos of MIT: the terms are those of two clauses.
         "libgssapi-krb5-2": "BSD-2-Clause", "libk5crypto3": "BSD-2-Clause",
         "libkrb5-3": "BSD-2-Clause", "libkrb5support0": "BSD-2-Clause"}


def output_of(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def names_of(path):
    """As dpkg may have recorded it: its directory may be a link (/lib to /usr/lib)."""
    resolved = os.path.realpath(path)
    return [resolved, path, resolved.removeprefix("/usr"), "/usr" + path]


def packages_of(paths):
    """Path to package, of all of them at once: dpkg reads all its lists at each question."""
    asked = sorted({name for path in paths for name in names_of(path)})
    answered = subprocess.run(["dpkg-query", "-S", *asked], capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"}).stdout
    owners = {}
    for line in answered.splitlines():
        owner, _, file = line.rpartition(": ")
        owners[file] = owner.split(",")[0].split(":")[0]
    found = {}
    for path in paths:
        owner = next((owners[name] for name in names_of(path) if name in owners), None)
        if owner is None:
            raise SystemExit(f"sbom: {path} belongs to no package of Debian: build on a machine "
                             "that has its libraries by apt")
        found[path] = owner
    return found


def described(packages):
    """Package to (architecture, version, source package)."""
    lines = output_of("dpkg-query", "-W", "-f",
                      "${Package} ${Architecture} ${Version} ${source:Package}\n", *packages)
    return {name: tuple(rest) for name, *rest in map(str.split, lines.splitlines())}


def licence_names(package):
    """Of a machine-readable copyright file, all that it names; of another, what PROSE says."""
    if package in PROSE:
        return [PROSE[package]]
    text = pathlib.Path(f"/usr/share/doc/{package}/copyright").read_text(
        encoding="utf-8", errors="replace")
    if not text.startswith("Format: "):
        return []
    names = set()
    for paragraph in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files: *(.*(?:\n .*)*)", paragraph, re.MULTILINE)
        named = re.search(r"^License: *(\S.*)$", paragraph, re.MULTILINE)
        # What is only in the package's own scripts and tests is not in the library.
        if files and named and not re.match(r"(debian|test)", files[1]):
            names |= {part.strip() for part in re.split(r"\bor\b|\band\b|,", named[1])}
    return sorted(name for name in names if name)


def licence(name):
    """In CycloneDX' form."""
    if re.search(r" (WITH|OR|AND) ", name):
        return {"expression": name}
    known = SPDX.get(name.lower())
    if known or name in (*SPDX.values(), *PROSE.values()):
        return {"license": {"id": known or name}}
    return {"license": {"name": name}}


def licences_of(package):
    found = []
    for each in map(licence, licence_names(package)):
        if each not in found:
            found.append(each)
    return found
