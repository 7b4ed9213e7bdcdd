"""What every request of the service works with: the ledger, the settings, and who calls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from temporalio.client import Client

from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.unit import Origin
from starter.api.roles import Permission, Role
from starter.api.settings import ApiSettings, load_api_settings
from starter.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """What one application shares. `clock` gives the aware instant that is now."""

    ledger: Ledger
    temporal: Client
    settings: Settings
    channels: ChannelSettings
    clock: Callable[[], datetime]
    api: ApiSettings = field(default_factory=load_api_settings)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name that the event log keeps, their role, and what they may do now."""

    name: str
    role: Role
    permissions: frozenset[Permission]

    def origin(self, source: str = "api", external_id: str | None = None, note: str | None = None) -> Origin:
        """Under whose name something is written down."""
        return Origin(self.name, source, external_id, note)


def service(request: Request) -> Service:
    """The service of the application that answers."""
    found: Service = request.app.state.service
    return found
