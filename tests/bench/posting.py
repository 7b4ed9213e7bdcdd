"""Posts signed payments as fast as they are answered: a process of its own, and hardly any work a request."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
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


async def _client(port: int, waiting: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in waiting:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 202 "), head
        await reader.readexactly(_length(head))
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
    """Read one order (port, secret, clients, and payments as id, invoice and amount) and say how fast it went."""
    order = json.load(sys.stdin)
    requests = [_raw(*payment(*each).signed(order["secret"])) for each in order["payments"]]
    sys.stdout.write(str(uvloop.run(post_all(order["port"], requests, order["clients"]))))


if __name__ == "__main__":
    main()
