"""SMS by Twilio."""

from datetime import datetime

from channels import twilio_api
from channels.message import SmsMessage
from channels.outcome import Outcome
from channels.settings import ChannelSettings

_VALIDITY = range(1, 36_001)  # seconds, Twilio's limits


class TwilioSms:
    """Sends SMS; `send` never raises, `find` raises `ProviderUnavailable`."""

    name = "sms"

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings

    async def send(self, message: SmsMessage) -> Outcome:
        """Hand one SMS to Twilio, which gives up on it after the message's validity."""
        fields = {
            "to": message.to,
            "body": message.body,
            "validity_period": min(max(message.validity, _VALIDITY[0]), _VALIDITY[-1]),
            "status_callback": twilio_api.status_callback(self._settings, message.attempt_id),
            **twilio_api.sender_fields(message.sender),
        }
        return await twilio_api.create(self._settings, fields)

    async def find(self, to: str, reference: str, since: datetime) -> str | None:
        """Twilio's id of the SMS with `reference`, or None; see `twilio_api.find`."""
        return await twilio_api.find(self._settings, to, reference, since)
