"""What a sandbox needs to know to be a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Who the sandbox's only client is, where it keeps things, and where receipts go.

    `receiver` is where callbacks are posted, `public_url` the address for which Twilio's are signed (what the
    receiver believes its own address to be). `held`: receipts wait until they are released. One event of SendGrid's
    waits `gather` seconds for others, which come in the same post; where that is 0, each comes alone. `rails` are the
    payment rails' secrets by their variables' names, those that are set.
    """

    account_sid: str
    auth_token: str
    sendgrid_api_key: str
    store: Path
    receiver: str
    public_url: str
    held: bool = False
    gather: float = 0.0
    rails: Mapping[str, str] = field(default_factory=dict)
