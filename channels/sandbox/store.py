"""What the sandbox accepted, knows of payments, and the receipts it owes: in memory and in an append-only file."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# In the detail of a receipt of a copy, the address that it is of; SendGrid's events call it so.
COPY = "email"


@dataclass(slots=True)
class Accepted:
    """A message as it arrived: `fields` are the form's (Twilio) or the JSON body's (SendGrid).

    `to` is the bare address, `accepted_at` Unix seconds, `status` Twilio's current word for it.
    """

    id: str
    channel: str
    to: str
    attempt_id: str | None
    accepted_at: float
    status: str
    fields: dict[str, Any]
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A receipt still to be called back: Twilio's status or SendGrid's event, `delay` seconds after acceptance.

    `detail` holds what comes with it (code; or type, reason, ...); `copies` is how often it will be posted.
    """

    id: str
    message_id: str
    event: str
    delay: float
    detail: dict[str, Any]
    copies: int = 1


class Store:
    """A journal of one JSON object a line; reading it again gives the same state.

    Lines are handed to the operating system at once, not to the disk: they survive a killed process, which is
    what is tested here, and cost microseconds.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clear()
        if path.exists():
            self._load(path)
        self._file = path.open("a", encoding="utf-8")

    def _clear(self) -> None:
        self.messages: dict[str, Accepted] = {}
        self.by_address: defaultdict[str, list[Accepted]] = defaultdict(list)
        self.owed: dict[str, Owed] = {}
        self.habits: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, dict[str, Any]] = {}

    def _load(self, path: Path) -> None:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            # Killed in the middle of a line: nobody got an answer to that request.
            whole = "".join(lines[:-1])
            path.write_text(whole, "utf-8")
            lines.pop()
        for line in lines:
            self._apply(json.loads(line))

    def _apply(self, line: dict[str, Any]) -> None:
        if "message" in line:
            message = Accepted(**line["message"])
            self.messages[message.id] = message
            self.by_address[message.to].append(message)
            self.owed.update((owed["id"], Owed(**owed)) for owed in line["owed"])
        elif "sent" in line:
            self._settle(self.owed.pop(line["sent"]))
        elif "resources" in line:
            self.resources.update(line["resources"])
        else:
            self.habits.update(line["habits"])

    def _settle(self, owed: Owed) -> None:
        if COPY in owed.detail:
            return
        message = self.messages[owed.message_id]
        message.status = owed.event
        message.error_code = owed.detail.get("code")

    def _write(self, line: dict[str, Any]) -> None:
        self._apply(line)
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def accept(self, message: Accepted, owed: list[Owed]) -> None:
        """Keep a message together with the receipts it will bring."""
        self._write({"message": asdict(message), "owed": [asdict(item) for item in owed]})

    def sent(self, owed_id: str) -> None:
        """Note that a receipt reached the receiver."""
        if owed_id in self.owed:
            self._write({"sent": owed_id})

    def set_habits(self, habits: dict[str, dict[str, Any]]) -> None:
        """Keep how addresses behave from now on."""
        self._write({"habits": habits})

    def set_resources(self, resources: dict[str, dict[str, Any]]) -> None:
        """Keep what payment providers answer from now on to a GET, by its path."""
        self._write({"resources": resources})

    def reset(self) -> None:
        """Forget everything, also in the file."""
        self._clear()
        self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
