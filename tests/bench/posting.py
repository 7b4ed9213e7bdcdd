"""Posts signed payments, as fast as they are answered or at a steady pace: a process of its own, hardly any work each."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any

import uvloop
from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Told:
    """A payment, and the webhook that tells it."""

    webhook_id: str
    body: dict[str, Any]

    def signed(self, secret: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of the request, signed now."""
        now, text = datetime.now(UTC), json.dumps(self.body)
        headers = {
            "content-type": "application/json",
            "webhook-id": self.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(self.webhook_id, now, text),
        }
        return headers, text.encode()


def payment(webhook_id: str, invoice: str, amount: str) -> Told:
    """A payment of an invoice in BRL, now, under the id of its webhook."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    body = {"id": webhook_id, "amount": amount, "currency": "BRL", "paid_at": now, "method": "pix"}
    return Told(webhook_id, body | {"invoice": invoice, "payer": {"name": "Padaria Inventada Ltda."}})


async def post_all(port: int, requests: Sequence[bytes], clients: int) -> float:
    """Post everything over so many connections, each kept open; how many a second were answered with 202."""
    waiting, begun = iter(requests), perf_counter()
    await asyncio.gather(*(_client(port, waiting) for _ in range(clients)))
    return len(requests) / (perf_counter() - begun)


async def post_steadily(port: int, requests: Sequence[bytes], clients: int, per_second: float) -> list[float]:
    """Post so many a second, each when its time has come; when each was posted, by this machine's clock."""
    begun = time()
    posted = [begun + place / per_second for place in range(len(requests))]

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for place in range(first, len(requests), clients):
            await asyncio.sleep(max(0.0, posted[place] - time()))
            posted[place] = time()
            await _ask(reader, writer, requests[place])
        await _leave(writer)

    await asyncio.gather(*map(client, range(clients)))
    return posted


async def _client(port: int, waiting: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in waiting:
        await _ask(reader, writer, request)
    await _leave(writer)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 "), head
    await reader.readexactly(_length(head))


async def _leave(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0])


def _raw(headers: dict[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST /payments HTTP/1.1\r\nhost: bench\r\n{lines}content-length: {len(body)}\r\n\r\n".encode()
        + body
    )


def main() -> None:
    """Read one order and say as JSON how fast it went, or when each was posted where the order has a pace.

    An order has port, secret, clients, payments as id, invoice and amount, and per_second, which may be null.
    """
    order = json.load(sys.stdin)
    requests = [_raw(*payment(*each).signed(order["secret"])) for each in order["payments"]]
    how = order["port"], requests, order["clients"]
    pace = order["per_second"]
    json.dump(uvloop.run(post_steadily(*how, pace) if pace else post_all(*how)), sys.stdout)


if __name__ == "__main__":
    main()
