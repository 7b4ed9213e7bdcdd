"""What is told of an invoice over HTTP, and what came of it."""

from typing import Any

import httpx

PAYMENT = {"id": "bank-1", "amount": "20.50", "currency": "EUR"}


def plan(*instalments: tuple[str, str]) -> dict[str, Any]:
    """A plan, as it is told."""
    return {"instalments": [{"due_on": day, "amount": amount} for day, amount in instalments]}


async def act(client: httpx.AsyncClient, act: str, number: str = "A-1", **body: Any) -> httpx.Response:
    """Tell the service something about an invoice."""
    return await client.post(f"/v1/invoices/{number.replace('/', '%2F')}/{act}", json=body)


async def done(client: httpx.AsyncClient, name: str, number: str = "A-1", **body: Any) -> Any:
    """The same, which must be recorded; how the invoice stands then."""
    answer = await act(client, name, number, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def problem(client: httpx.AsyncClient, name: str, number: str = "A-1", **body: Any) -> tuple[int, str]:
    """The same, which must be refused with a sentence; status and code."""
    answer = await act(client, name, number, **body)
    found = answer.json()
    assert found["detail"]
    assert "--" not in found["detail"]
    return answer.status_code, found["code"]
