"""What the provider sandbox says it accepted, for the invariants that need the provider's own word."""

import httpx

from ledger.checks import Accepted


async def accepted_by(sandbox: httpx.AsyncClient) -> list[Accepted]:
    """Every message the sandbox accepted; raise httpx.HTTPError where it does not answer."""
    rows = (await sandbox.get("/sandbox/messages")).raise_for_status().json()
    return [(row["channel"], row["attempt_id"] or "", row["to"], row["accepted_at"]) for row in rows]
