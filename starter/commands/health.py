"""The doctor's command."""

from typing import Annotated

import typer

from ledger.access import Ledger
from ledger.checks import Check
from starter import doctor as ward
from starter.commands import options as o
from starter.doctor import Finding
from starter.printing import as_json, say
from starter.session import wall_clock, with_ledger
from starter.settings import load_settings


def doctor(
    invariants: Annotated[
        bool, typer.Option("--invariants", help="Check the design's invariants as well.")
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="First put right what a crash left.")] = False,
    json: o.Json = False,
) -> None:
    """Say whether everything is there and agrees; exit status 1 where something is wrong."""
    settings = load_settings()

    async def visit(ledger: Ledger) -> tuple[list[Finding], list[Check]]:
        now = wall_clock()
        repaired = await ward.repair(ledger, settings, now) if repair else []
        findings = repaired + await ward.examine(ledger, settings, wall_clock())
        checks = await ward.invariants(ledger, settings, now) if invariants else []
        return findings, checks

    findings, checks = with_ledger(visit)
    if json:
        as_json({"findings": findings, "invariants": checks})
    else:
        _print(findings, checks)
    if not (all(finding.ok for finding in findings) and all(check.ok for check in checks)):
        raise typer.Exit(1)


def _print(findings: list[Finding], checks: list[Check]) -> None:
    for finding in findings:
        say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.name}: {finding.detail}")
    for check in checks:
        print_check(check)


def print_check(check: Check) -> None:
    """One invariant in one line, and a line for each that broke it."""
    known = f"; known: {'; '.join(check.known)}" if check.known else ""
    verdict = "ok   " if check.ok else "WRONG"
    say(f"{verdict} invariant {check.number}: {check.title} ({check.checked} checked{known})")
    for violation in check.violations:
        say(f"      {violation}")
