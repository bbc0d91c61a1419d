"""What IAM policies say of a request: enough of their language for roles and their trust.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Document

Context = Mapping[str, str | list[str]]
"""The condition keys that a request has."""


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - a policy's JSON
    """Return a policy's value, which may be one or a list, as a list."""
    return value if isinstance(value, list) else [value]


def like(pattern: str, text: str, flags: int = 0) -> bool:
    """Whether a text matches a pattern with IAM's `*` and `?`."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def statements(documents: Iterable[Document]) -> list[Document]:
    """Return the statements of policy documents."""
    return [
        statement for document in documents for statement in as_list(document.get("Statement", []))
    ]


def document(allow: Iterable[str] = (), deny: Iterable[str] = ()) -> Document:
    """Return the policy that allows and denies actions, each `ACTION` or `ACTION RESOURCE`."""
    made = []
    for effect, entries in (("Allow", allow), ("Deny", deny)):
        for entry in entries:
            action, _, resource = entry.partition(" ")
            made.append({"Effect": effect, "Action": action, "Resource": resource or "*"})
    return {"Version": "2012-10-17", "Statement": made}


def _matches_action(statement: Document, action: str) -> bool:
    return any(
        like(pattern, action, re.IGNORECASE) for pattern in as_list(statement.get("Action", []))
    )


def decide(
    documents: Iterable[Document], action: str, resource: str, context: Context | None = None
) -> str:
    """Return what identity policies say: `allowed`, `implicitDeny` or `explicitDeny`."""
    decision = "implicitDeny"
    for statement in statements(documents):
        if (
            _matches_action(statement, action)
            and any(like(pattern, resource) for pattern in as_list(statement.get("Resource", "*")))
            and holds(statement.get("Condition", {}), context or {})
        ):
            if statement["Effect"] == "Deny":
                return "explicitDeny"
            decision = "allowed"
    return decision


def trusts(
    trust: Document, action: str, caller_arns: list[str], account: str, context: Context
) -> str:
    """Return how a trust policy names a caller.

    `principal` where it names the caller, `account` where only its account, `explicitDeny`, `no`.
    """
    answer = "no"
    for statement in statements([trust]):
        kind = _named(statement.get("Principal", {}), caller_arns, account)
        if (
            kind == "no"
            or not _matches_action(statement, action)
            or not holds(statement.get("Condition", {}), context)
        ):
            continue
        if statement["Effect"] == "Deny":
            return "explicitDeny"
        answer = kind if answer != "principal" else answer
    return answer


def _named(principal: Any, caller_arns: list[str], account: str) -> str:  # noqa: ANN401 - a policy's JSON
    names = as_list(principal) if not isinstance(principal, dict) else []
    if isinstance(principal, dict):
        names = [*as_list(principal.get("AWS", [])), *as_list(principal.get("Federated", []))]
    if any(name == "*" or name in caller_arns for name in names):
        return "principal"
    if any(
        name == account or re.fullmatch(rf"arn:[\w-]+:iam::{account}:root", name) for name in names
    ):
        return "account"
    return "no"


def holds(conditions: Document, context: Context) -> bool:
    """Whether every condition of a statement holds for a request."""
    return all(
        _holds(
            operator,
            context.get(_spelling(key, context)),
            [str(value) for value in as_list(expected)],
        )
        for operator, tests in conditions.items()
        for key, expected in tests.items()
    )


def _spelling(key: str, context: Context) -> str:
    return next((known for known in context if known.lower() == key.lower()), key)


def _holds(operator: str, actual: str | list[str] | None, expected: list[str]) -> bool:
    set_operator, _, operator = operator.rpartition(":")
    optional = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    if operator == "Null":
        return (actual is None) == (expected[0].lower() == "true")
    if actual is None:
        return optional or "Not" in operator or set_operator == "ForAllValues"
    values = actual if isinstance(actual, list) else [actual]
    matched = [
        any(_compare(operator.replace("Not", ""), value, item) for item in expected)
        for value in values
    ]
    if "Not" in operator:
        return not any(matched)
    return all(matched) if set_operator == "ForAllValues" else any(matched)


def _compare(operator: str, actual: str, expected: str) -> bool:
    if operator in {"StringLike", "ArnLike", "ArnEquals"}:
        return like(expected, actual)
    if operator in {"Bool", "StringEqualsIgnoreCase"}:
        return actual.lower() == expected.lower()
    if operator.startswith("Numeric"):
        sign = operator.removeprefix("Numeric")
        difference = float(actual) - float(expected)
        return {
            "Equals": difference == 0,
            "LessThan": difference < 0,
            "LessThanEquals": difference <= 0,
            "GreaterThan": difference > 0,
            "GreaterThanEquals": difference >= 0,
        }[sign]
    return actual == expected
