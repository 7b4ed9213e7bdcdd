"""WhatsApp by Twilio: approved templates only, which may open a conversation."""

import json
from datetime import datetime

from channels import twilio_api
from channels.message import WhatsAppMessage
from channels.outcome import Outcome
from channels.settings import ChannelSettings

_PREFIX = "whatsapp:"


class TwilioWhatsApp:
    """Sends WhatsApp templates; `send` never raises, `find` raises `ProviderUnavailable`."""

    name = "whatsapp"

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings

    async def send(self, message: WhatsAppMessage) -> Outcome:
        """Hand one template with its variables to Twilio."""
        fields = {
            "to": _PREFIX + message.to,
            "content_sid": message.content_sid,
            "content_variables": json.dumps(message.variables, ensure_ascii=False),
            "status_callback": twilio_api.status_callback(self._settings, message.attempt_id),
            **twilio_api.sender_fields(message.sender, _PREFIX),
        }
        return await twilio_api.create(self._settings, fields)

    async def find(self, to: str, reference: str, since: datetime) -> str | None:
        """Twilio's id of the message with `reference`, or None; see `twilio_api.find`."""
        return await twilio_api.find(self._settings, _PREFIX + to, reference, since)
