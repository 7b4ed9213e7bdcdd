"""WhatsApp by Twilio: approved templates, which may open a conversation, and free text in one that is open."""

import json
from datetime import datetime

from channels import twilio_api
from channels.message import WhatsAppMessage, WhatsAppText
from channels.outcome import Outcome
from channels.settings import ChannelSettings

_PREFIX = "whatsapp:"


class TwilioWhatsApp:
    """Sends WhatsApp messages; `send` never raises, `find` raises `ProviderUnavailable`."""

    name = "whatsapp"

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings

    async def send(self, message: WhatsAppMessage | WhatsAppText) -> Outcome:
        """Hand one template with its variables, or one text, to Twilio."""
        fields = {
            "to": _PREFIX + message.to,
            **_content(message),
            "status_callback": twilio_api.status_callback(self._settings, message.attempt_id),
            **twilio_api.sender_fields(message.sender, _PREFIX),
        }
        return await twilio_api.create(self._settings, fields)

    async def find(self, to: str, reference: str, since: datetime) -> str | None:
        """Twilio's id of the message with `reference`, or None; see `twilio_api.find`."""
        return await twilio_api.find(self._settings, _PREFIX + to, reference, since)


def _content(message: WhatsAppMessage | WhatsAppText) -> dict[str, str]:
    # A template must have no body beside it, and a text that looks like a template is none (63016).
    if isinstance(message, WhatsAppText):
        return {"body": message.body}
    variables = json.dumps(message.variables, ensure_ascii=False)
    return {"content_sid": message.content_sid, "content_variables": variables}
