"""The errors of the sources: what each says, of which kind it is, and what mends it.

Reads C++ as text: every call of `fail`, `fail_because` and `fail_errno`, and every `Error{…}` with
a message. Literals are kept, `{}` of a format and whatever is no literal become `<…>`.
"""

import dataclasses
import re

CALL = re.compile(r"\b(fail|fail_because|fail_errno)\(|\bError\{(?=\s*\.code)")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|//[^\n]*|::|->|\w+|\s+|.', re.DOTALL)
HOLE = "<…>"
# Less is no sentence.
MIN_WORDS = 2


@dataclasses.dataclass(frozen=True)
class Message:
    file: str
    kind: str  # an ErrorCode; "" where it is that of the cause
    text: str
    hint: str


def messages_of(file, text):
    """In the order of the file, each once."""
    found = {}
    for call in CALL.finditer(text):
        arguments = split(text, call.end())
        if call.group(1) is None:
            fields = dict(re.match(r"\s*\.(\w+)\s*=\s*(.*)", each, re.DOTALL).groups()
                          for each in arguments if re.match(r"\s*\.\w+\s*=", each))
            kind, said, hint = (fields.get(name, "") for name in ("code", "message", "hint"))
        elif call.group(1) == "fail":
            kind, said, hint = (arguments + ["", "", ""])[:3]
        else:
            kind, said, hint = "", arguments[0] if arguments else "", ""
        code = re.search(r"ErrorCode::(\w+)", kind)
        words = worded(said)
        if len(re.findall(r"[A-Za-z]{2,}", words)) >= MIN_WORDS:
            key = (words, worded(hint))
            found.setdefault(key, Message(file, code.group(1) if code else "", *key))
    return list(found.values())


def split(text, begin):
    """The arguments behind an opening bracket, up to the one that closes it."""
    arguments, current, depth = [], "", 0
    for token in TOKEN.finditer(text, begin):
        word = token.group()
        if word in ("(", "{", "["):
            depth += 1
        elif word in (")", "}", "]"):
            if depth == 0:
                break
            depth -= 1
        elif word == "," and depth == 0:
            arguments.append(current)
            current = ""
            continue
        if not word.startswith("//"):
            current += word
    return [*arguments, current]


def literal(text):
    text = text[1:-1]
    for escaped, plain in (('\\"', '"'), ("\\n", " "), ("\\t", " "), ("\\\\", "\\")):
        text = text.replace(escaped, plain)
    return text


def worded(expression):
    """What a person reads of an expression."""
    text = tidy("".join(worded_term(term) for term in at_top(expression, "+")))
    return "" if text == HOLE else text


def worded_term(term):
    term = term.strip()
    chosen = at_top(term, "?")
    if len(chosen) > 1:  # of two that are chosen from, the first
        return worded_term(at_top(chosen[1], ":")[0])
    called = re.match(r"(fmt::format|std::string|std::string_view)\((.*)\)$", term, re.DOTALL)
    if called:
        first = worded_term(split(called.group(2), 0)[0])
        if called.group(1) != "fmt::format":
            return first
        return re.sub(r"\{[^{}]*\}", HOLE, first).replace("{{", "{").replace("}}", "}")
    if term.startswith('"'):
        return "".join(literal(token.group()) for token in TOKEN.finditer(term)
                       if token.group().startswith('"'))
    return HOLE if term else ""


def at_top(text, separator):
    """Cut at a sign that stands in no bracket."""
    parts, depth = [""], 0
    for token in TOKEN.finditer(text):
        word = token.group()
        depth += (word in ("(", "{", "[")) - (word in (")", "}", "]"))
        if word == separator and depth == 0:
            parts.append("")
        elif not word.startswith("//"):
            parts[-1] += word
    return parts


def tidy(text):
    text = re.sub(rf"(?:{HOLE})+", HOLE, text)
    return re.sub(r"\s+", " ", text).strip()
