"""--explain: why can I not become ROLE? What holds, step by step, and what is missing on which side."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from awsassume import display, evidence, remedy, slow, sts, trust
from awsassume.assume import Assumer
from awsassume.clock import Clock
from awsassume.display import Cell, Text
from awsassume.errors import Failure, RefusedFailure, SourceFailure
from awsassume.evidence import Found, Said, Who
from awsassume.parameters import CHAINED_SECONDS, Step
from awsassume.plan import Hop, Plan
from awsassume.program import Program
from awsassume.request import Request

if TYPE_CHECKING:
    from awsassume.remedy import Missing

_MARKS = {True: Text("yes", "green"), False: Text("NO ", "bold red"), None: Text("?  ", "yellow")}


class Line(NamedTuple):
    """One step and whether it holds."""

    what: str
    said: Said


class Report:
    """What was found, in the order in which it was looked for, and how it ended."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.lines: list[Line] = []
        self.failure: Failure | None = None
        self.missing: list[Missing] = []
        self.advice: list[str] = []

    def add(self, what: str, said: Said) -> Said:
        """Note a step."""
        self.lines.append(Line(what, said))
        return said

    def fail(self, what: str, failure: Failure) -> None:
        """Note the step at which it ended."""
        self.failure = failure
        self.add(what, evidence.no(failure.message))
        if failure.hint:
            self.advice.append(failure.hint)


def run(program: Program, request: Request) -> int:
    """Look into each step, and give 0 where AWS lets the role be assumed, else the code that assuming it would give."""
    report = Report(request.role or "")
    assumer = slow.assumer_for(program, request)
    try:
        plan = assumer.plan()
    except Failure as failure:
        report.fail("source" if isinstance(failure, SourceFailure) else "role", failure)
    else:
        _examine(report, assumer, plan)
    if request.json:
        display.show_json(program, _json(report))
    else:
        _show(program, report)
    return report.failure.exit_code if report.failure else 0


def _examine(report: Report, assumer: Assumer, plan: Plan) -> None:
    if not plan.hops:
        _own(report, assumer, plan)
        return
    index = len(plan.hops) - 1
    while index > 0:
        # The roles on the way are taken for granted once they are had; the first that is refused is what to explain.
        try:
            assumer.behind(plan, index - 1)
        except RefusedFailure:
            break
        except Failure as failure:
            report.fail("source", failure)
            return
        report.add("on the way", evidence.yes(plan.hops[index].step.role_arn))
        index -= 1
    report.role = plan.hops[index].step.role_arn
    _explain(report, assumer, plan, index)


def _own(report: Report, assumer: Assumer, plan: Plan) -> None:
    """Tell of a profile with credentials of its own: there is no role to assume."""
    try:
        credentials = assumer.obtain(plan).credentials
        profile = assumer.config.find(plan.origin.name)
        region = plan.target.region or "us-east-1"
        aws = sts.Aws(assumer.config, profile, region, credentials, assumer.clock, assumer.tell)
        try:
            identity = sts.caller_identity(aws)
        except SourceFailure as failure:
            credentials = assumer.obtain_anew(plan, failure).credentials
            aws = sts.Aws(assumer.config, profile, region, credentials, assumer.clock, assumer.tell)
            identity = sts.caller_identity(aws)
    except Failure as failure:
        report.fail("source", failure)
        return
    report.add(
        "source", evidence.yes(f"{plan.origin} has credentials of its own, and they are live")
    )
    report.add("identity", evidence.yes(identity["Arn"]))


def _explain(report: Report, assumer: Assumer, plan: Plan, index: int) -> None:
    hop = plan.hops[index]
    try:
        before = assumer.behind(plan, index).credentials
        try:
            who = evidence.identify(assumer.aws(hop, before, Clock()))
        except SourceFailure as failure:
            before = assumer.obtain_anew(plan, failure, index=index).credentials
            who = evidence.identify(assumer.aws(hop, before, Clock()))
    except Failure as failure:
        report.fail("source", failure)
        return
    origin = str(plan.origin) if index == len(plan.hops) - 1 else plan.hops[index + 1].step.role_arn
    report.add(
        "source", evidence.yes(f"{origin} ({before.access_key_id[:4]}…{before.access_key_id[-4:]})")
    )
    report.add("identity", evidence.yes(who.arn))
    # First of all, so that the time that AWS has is not spent on what only explains.
    refused = _attempted(assumer, plan, index)
    aws = assumer.aws(hop, before, Clock())
    policy, is_denied = evidence.policy_allows(aws, who, hop.step)
    found = evidence.find_role(aws, who, hop.step)
    temporary = before.session_token is not None
    known = evidence.conditions(hop.step, who, temporary=temporary)
    verdicts = _verdicts(found, who, hop.step, known)
    named = all(each.named == "principal" for each in verdicts.values()) and bool(verdicts)
    if policy.holds is False and not is_denied and named and hop.step.account_id == who.account:
        policy = evidence.yes("none is needed, since the trust policy names you")
    report.add("your policy", policy)
    report.add("role exists", found.said)
    _trusted(report, found, who, verdicts)
    _conditions(report, verdicts)
    _duration(report, hop, found, temporary=temporary)
    if refused is None:
        report.add("AWS", evidence.yes("AssumeRole was granted"))
        return
    if isinstance(refused, RefusedFailure):
        report.fail("AWS", refused)
    else:
        report.failure = refused
        report.add("AWS", evidence.unknown(f"not asked: {refused.message}"))
        report.advice += [refused.hint] if refused.hint else []
    remedy.add(report, aws, remedy.Case(who, hop.step, policy, is_denied, found, verdicts))


def _attempted(assumer: Assumer, plan: Plan, index: int) -> Failure | None:
    try:
        assumer.attempt(plan, index)
    except Failure as failure:
        return failure
    return None


def _verdicts(found: Found, who: Who, step: Step, known: trust.Known) -> dict[str, trust.Verdict]:
    document = found.role.get("AssumeRolePolicyDocument") if found.role else None
    if not isinstance(document, dict):
        return {}
    return {
        action: trust.verdict(document, who.caller, action, known)
        for action in evidence.actions(step)
    }


def _trusted(report: Report, found: Found, who: Who, verdicts: dict[str, trust.Verdict]) -> None:
    if found.said.holds is False:
        return
    if not verdicts:
        report.add("trust policy", evidence.unknown("it can't be read"))
        return
    without = [action for action, verdict in verdicts.items() if not verdict.named]
    denied = [action for action, verdict in verdicts.items() if verdict.denied]
    if denied:
        said = evidence.no(f"it denies {who} {', '.join(denied)}")
    elif without:
        said = evidence.no(f"it does not let {who.principal} call {', '.join(without)}")
        gone = trust.deleted((found.role or {}).get("AssumeRolePolicyDocument") or {})
        if gone:
            said = evidence.no(f"{said.why}; it names {', '.join(gone)}, which was deleted")
        if not who.is_sure:
            said = Said(None, said.why)
    else:
        by = {verdict.named for verdict in verdicts.values()}
        how = (
            "by your account, so a policy of yours must allow it too"
            if "account" in by
            else "by name"
        )
        said = evidence.yes(f"it names you {how}")
    report.add("trust policy", said)


def _conditions(report: Report, verdicts: dict[str, trust.Verdict]) -> None:
    tests = dict.fromkeys(test for verdict in verdicts.values() for test in verdict.tests)
    for test in tests:
        text = f"{test.key} {test.operator} {', '.join(test.wanted)}"
        report.add("condition", Said(test.holds, text))


def _duration(report: Report, hop: Hop, found: Found, *, temporary: bool) -> None:
    seconds = hop.step.seconds
    most = (found.role or {}).get("MaxSessionDuration")
    if temporary and seconds <= CHAINED_SECONDS:
        said = evidence.yes(f"{seconds} s; with temporary credentials an hour is the most")
    elif isinstance(most, int):
        said = Said(seconds <= most, f"{seconds} s; the role lasts {most} s at most")
        if seconds > most:
            report.advice.append(f"give --duration {most}")
    elif "DurationSeconds" not in hop.step.parameters:
        said = evidence.yes(f"{seconds} s, which every role allows")
    else:
        said = evidence.unknown(f"{seconds} s; how long the role may last can't be read")
    report.add("duration", said)


def _json(report: Report) -> dict[str, Any]:
    return {
        "Role": report.role,
        "Granted": report.failure is None,
        "Steps": [
            {"Step": line.what, "Holds": line.said.holds, "Detail": line.said.why}
            for line in report.lines
        ],
        "Missing": [
            {
                "Side": missing.side,
                "Where": missing.where,
                "Certain": missing.is_certain,
                "Document": missing.document,
                "Command": missing.command,
            }
            for missing in report.missing
        ],
        "Advice": report.advice,
    }


def _show(program: Program, report: Report) -> None:
    width = max(len(line.what) for line in report.lines)
    lines: list[list[Cell]] = [
        [_MARKS[line.said.holds], f"  {line.what:{width}}  ", line.said.why]
        for line in report.lines
    ]
    for missing in report.missing:
        lines += [[""], [Text(missing.heading, "bold")], [""]]
        lines += [[text] for text in json.dumps(missing.document, indent=4).splitlines()]
        if missing.command:
            lines += [[""], [f"saved as {missing.file}: ", Text(missing.command, "bold")]]
    if report.advice:
        lines.append([""])
        lines += [[text] for advice in report.advice for text in advice.split("\n")]
    display.show_lines(program, lines)
