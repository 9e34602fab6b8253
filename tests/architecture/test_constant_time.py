"""What tells a right secret from a wrong one takes the same time for both.

Over a network no test can time that; so this reads the code that compares. That a wrong secret is
refused, whatever it is wrong in, the tests of tests/server have.
"""

import re

import pytest

from test_architecture import SRC, report

HELPER = ("base/sha256.cpp", "equal_in_constant_time")
# Where secrets are compared: the function, and what it compares with what.
COMPARED = {
    ("server/webhook/github_webhook.cpp", "is_signed"): (
        "to_hex(hmac_sha256(secret, body))", "given"),
    ("server/access/access_store.cpp", "AccessStore::find"): ("query.text(8)", "hash"),
    ("server/access/access_store.cpp", "AccessStore::session"): ("query.text(8)", "hash"),
    ("server/access/admission.cpp", "cross_site"): (
        "presented_form_token(request)", "site.gate.form_token(who.session)"),
}
# Whatever ends at the first byte that differs.
COMPARES = re.compile(r"[=!]=|<=>|\b(mem|str|strn)cmp\b|\bstd::(equal|mismatch|search|find)\b"
                      r"|\.(compare|find|rfind|contains|count|starts_with|ends_with)\(")
# What says nothing of a secret: outcomes, lengths, and the beginning that all of them have.
HARMLESS = re.compile(r"\S+ [=!]= (\w+::)+\w+|\b\w+\.size\(\) [=!]= [\w.()]+"
                      r"|\b\w+\.starts_with\(k\w+Prefix\)")
SECRETS = r"\w*(secret|signature|hmac|password|cookie|form_token|presented|session_id)\w*"
OF_SECRETS = re.compile(rf"\b{SECRETS}(\(\w*\))? [=!]= |[=!]= {SECRETS}\b|"
                        rf"\b(memcmp|strcmp|std::equal)\([^;]*{SECRETS}")


def code_of(text):
    """Without comments; a string that is written in parts is one."""
    return re.sub(r'"\s*\n\s*"', "", re.sub(r"//.*", "", text))


def body_of(path, name):
    """Of a function in clang-format's layout: from column 0 to a lone brace."""
    text = (SRC / path).read_text(encoding="utf-8")
    found = re.findall(rf"^\S[^;{{}}]*\b{re.escape(name)}\([^;{{}}]*\) (?:const )?{{\n.*?^}}", text,
                       re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{path} has {len(found)} functions {name}"
    return code_of(found[0])


def complaints(where, body, pair):
    """What of the body is not constant in time, or does not compare at all."""
    path, name = where
    call = f"equal_in_constant_time({', '.join(pair)})"
    if body.count(call) != 1:
        return [f"{path}: {name} has no {call}"]
    # What is in strings is compared by somebody else, or not at all.
    rest = HARMLESS.sub("", re.sub(r'"[^"\n]*"', '""', body.replace(call, "")))
    return [f"{path}: {name} compares otherwise, too: {line.strip()}"
            for line in rest.splitlines() if COMPARES.search(line)]


def test_secrets_are_compared_by_the_one_function_that_takes_the_same_time():
    report([each for where, pair in COMPARED.items()
            for each in complaints(where, body_of(*where), pair)])


@pytest.mark.parametrize("where", COMPARED)
@pytest.mark.parametrize("otherwise", ["{0} == {1}", "{0}.compare({1}) == 0",
                                       "std::equal({0}.begin(), {0}.end(), {1}.begin())",
                                       "equal_in_constant_time({0}, {1}) && {0} == {1}"])
def test_another_comparison_would_be_noticed(where, otherwise):
    pair = COMPARED[where]
    body = body_of(*where)
    changed = body.replace(f"equal_in_constant_time({', '.join(pair)})", otherwise.format(*pair))
    assert changed != body and complaints(where, changed, pair)


def test_that_function_leaves_the_comparison_to_openssl():
    body = " ".join(body_of(*HELPER).split())
    assert body.endswith("{ return a.size() == b.size() && "
                         "CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }"), body


@pytest.mark.parametrize("name", ["AccessStore::find", "AccessStore::session"])
def test_the_database_compares_only_the_beginning_of_a_hash(name):
    """Its index goes by bytes; who learns 64 bits of a hash of 256 has learnt nothing."""
    body = body_of("server/access/access_store.cpp", name)
    conditions = re.findall(r"[\w.(]*\bhash\b[^?]*\?", body.partition("WHERE")[2])
    assert [re.sub(r"sessions\.", "", each) for each in conditions] == [
        "substr(hash, 1, 16) = ?"], conditions
    assert "query.bind(hash.substr(0, kLookedFor))" in body
    text = (SRC / "server/access/access_store.cpp").read_text(encoding="utf-8")
    assert "constexpr std::size_t kLookedFor = 16;" in text


def test_nothing_else_of_the_server_compares_secrets():
    violations = []
    for path in sorted((SRC / "server").rglob("*.[ch]pp")):
        if path.stem.endswith("_test"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if OF_SECRETS.search(re.sub(r'"[^"]*"', '""', line.split("//")[0])):
                violations.append(f"{path.relative_to(SRC)}:{number}: {line.strip()}")
    report(violations)


@pytest.mark.parametrize("line, seen", [
    ("if (signature == expected) return true;", True),
    ("return to_hex(mac) == form_token;", True), ("if (cookie != kept) continue;", True),
    ("return std::memcmp(a.data(), secret.data(), 32) == 0;", True),
    ("if (presented_form_token(request) == mine) return;", True),
    ("if (secret.size() != 32) return;", False), ("if (secret.empty()) continue;", False),
    ("if (state_of(token) != TokenState::valid) return;", False)])
def test_comparisons_of_secrets_are_seen(line, seen):
    assert bool(OF_SECRETS.search(line)) == seen
