"""What a role's trust policy says of a caller, as far as it can be known from outside: yes, no, or unknown.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Known = Mapping[str, tuple[str, ...] | None]
"""The condition keys of a request, in small letters: their values, ``None`` where it is known that there are none.

A key that is not here is one that only AWS knows.
"""
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class Caller(NamedTuple):
    """Who calls: the account, and every way in which a principal may name it."""

    account: str
    names: tuple[str, ...]


class Test(NamedTuple):
    """One condition: the operator, the key, what it wants, and whether that is so (``None``: unknown)."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    holds: bool | None


class Verdict(NamedTuple):
    """What the policy says of one action.

    ``named`` is how the caller is named by the statement that comes nearest: ``principal``, ``account`` (then a policy of
    the caller must allow it too), or empty. ``tests`` are that statement's conditions. ``denied`` is whether a Deny applies.
    """

    allows: bool | None
    named: str
    tests: tuple[Test, ...]
    denied: bool


def verdict(document: Mapping[str, Any], caller: Caller, action: str, known: Known) -> Verdict:
    """Evaluate a trust policy for one caller and action."""
    best = Verdict(allows=False, named="", tests=(), denied=False)
    denied: bool | None = False
    for statement in _list(document.get("Statement")):
        named = _named(statement, caller)
        if not named or not _has_action(statement, action):
            continue
        tests = tuple(_tests(statement.get("Condition") or {}, known))
        holds = _all(test.holds for test in tests)
        if statement.get("Effect") == "Deny":
            denied = True if holds else None if holds is None and denied is False else denied
            continue
        found = Verdict(holds, named, tests, denied=False)
        best = max(best, found, key=_nearness)
    if denied:
        return best._replace(allows=False, denied=True)
    if denied is None and best.allows:
        return best._replace(allows=None)
    return best


def _nearness(found: Verdict) -> tuple[int, int, int]:
    failing = sum(test.holds is False for test in found.tests)
    return (
        {True: 2, None: 1, False: 0}[found.allows],
        bool(found.named) * 100 - failing,
        (found.named == "principal"),
    )


def _list(value: Any) -> list[Any]:  # noqa: ANN401  # a policy's JSON
    return value if isinstance(value, list) else [] if value is None else [value]


def _all(answers: Iterator[bool | None]) -> bool | None:
    found = list(answers)
    return False if False in found else None if None in found else True


def _named(statement: Mapping[str, Any], caller: Caller) -> str:
    principal = statement.get("Principal")
    if principal is None:
        # NotPrincipal names everybody but a few.
        others = _list((statement.get("NotPrincipal") or {}).get("AWS"))
        return "principal" if "NotPrincipal" in statement and not _among(others, caller) else ""
    return _among(_list(principal.get("AWS") if isinstance(principal, dict) else principal), caller)


def _among(names: list[Any], caller: Caller) -> str:
    if any(name == "*" or name in caller.names for name in names):
        return "principal"
    root = re.compile(rf"(arn:[\w-]+:iam::)?{caller.account}(:root)?")
    return "account" if any(root.fullmatch(str(name)) for name in names) else ""


def deleted(document: Mapping[str, Any]) -> list[str]:
    """Give the principals that IAM shows by unique id, since the user or role that they named was deleted."""
    found = []
    for statement in _list(document.get("Statement")):
        principal = statement.get("Principal")
        names = _list(principal.get("AWS")) if isinstance(principal, dict) else []
        found += [str(name) for name in names if re.fullmatch(r"A(ID|RO)A[A-Z0-9]{12,}", str(name))]
    return found


def _has_action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(like(each, action.lower()) for each in _lower(statement["NotAction"]))
    return any(like(each, action.lower()) for each in _lower(statement.get("Action")))


def _lower(value: Any) -> list[str]:  # noqa: ANN401  # a policy's JSON
    return [str(item).lower() for item in _list(value)]


def like(pattern: str, text: str) -> bool:
    """Tell whether a text matches a pattern with IAM's ``*`` and ``?``."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _tests(conditions: Mapping[str, Any], known: Known) -> Iterator[Test]:
    for operator, keys in conditions.items():
        for key, expected in keys.items():
            wanted = tuple(_written(item, known) for item in _list(expected))
            holds = None
            if key.lower() in known:
                holds = _test(operator, known[key.lower()], wanted)
            elif key.lower().startswith("aws:requesttag/"):
                holds = _test(operator, None, wanted)
            yield Test(operator, key, wanted, holds)


def _written(value: Any, known: Known) -> str:  # noqa: ANN401  # a policy's JSON
    if isinstance(value, bool):
        return str(value).lower()

    def filled(match: re.Match[str]) -> str:
        values = known.get(match[1].lower())
        return values[0] if values else match[0]

    return _VARIABLE.sub(filled, str(value))


def _test(operator: str, actual: tuple[str, ...] | None, wanted: tuple[str, ...]) -> bool | None:
    quantifier, _, operator = operator.rpartition(":")
    optional = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    if operator == "Null":
        return (actual is None) == (wanted[:1] == ("true",))
    negative = "Not" in operator
    if actual is None:
        return optional or negative or quantifier == "ForAllValues"
    compare = _comparison(operator.replace("Not", ""))
    if compare is None or any("${" in item for item in wanted):
        return None
    try:
        matched = [any(compare(value, item) for item in wanted) for value in actual]
    except ValueError:
        return None
    if negative:
        return not any(matched)
    return all(matched) if quantifier == "ForAllValues" else any(matched)


def _comparison(operator: str) -> Callable[[str, str], bool] | None:
    numeric: dict[str, Callable[[float, float], bool]] = {
        "NumericEquals": lambda actual, wanted: actual == wanted,
        "NumericLessThan": lambda actual, wanted: actual < wanted,
        "NumericLessThanEquals": lambda actual, wanted: actual <= wanted,
        "NumericGreaterThan": lambda actual, wanted: actual > wanted,
        "NumericGreaterThanEquals": lambda actual, wanted: actual >= wanted,
    }
    if operator in numeric:
        return lambda actual, wanted: numeric[operator](float(actual), float(wanted))
    texts: dict[str, Callable[[str, str], bool]] = {
        "StringEquals": lambda actual, wanted: actual == wanted,
        "StringEqualsIgnoreCase": lambda actual, wanted: actual.lower() == wanted.lower(),
        "Bool": lambda actual, wanted: actual.lower() == wanted.lower(),
        "StringLike": lambda actual, wanted: like(wanted, actual),
        "ArnLike": lambda actual, wanted: like(wanted, actual),
        "ArnEquals": lambda actual, wanted: like(wanted, actual),
    }
    return texts.get(operator)
