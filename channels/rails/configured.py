"""Which payment rails are on, by what the settings hold."""

from collections.abc import Mapping

from channels.rails.asaas import AsaasRail
from channels.rails.generic import GenericRail
from channels.rails.mercadopago import MercadoPagoRail
from channels.rails.money import Rail
from channels.rails.pix import PixApi, PixRail
from channels.rails.stripe import StripeRail
from channels.settings import ChannelSettings


def rails(settings: ChannelSettings) -> Mapping[str, Rail]:
    """The rails whose webhooks' secret is set, by their source; the generic one is always on."""
    made = (GenericRail(settings.payment_webhook_secret), _stripe(settings), _pix(settings), _asaas(settings))
    found: tuple[Rail | None, ...] = (*made, _mercadopago(settings))
    return {rail.source: rail for rail in found if rail is not None}


def _stripe(given: ChannelSettings) -> Rail | None:
    if given.stripe_webhook_secret is None:
        return None
    return StripeRail(
        given.stripe_webhook_secret,
        given.stripe_api_key,
        given.stripe_api_base_url,
        given.provider_timeout_seconds,
    )


def _pix(given: ChannelSettings) -> Rail | None:
    if given.pix_webhook_secret is None:
        return None
    return PixRail(given.pix_webhook_secret, given.pix_webhook_header, _pix_api(given))


def _pix_api(given: ChannelSettings) -> PixApi | None:
    base_url, client_id, secret = given.pix_api_base_url, given.pix_client_id, given.pix_client_secret
    if base_url is None or client_id is None or secret is None:
        return None
    token_url = given.pix_token_url or f"{base_url}/oauth/token"
    return PixApi(base_url, token_url, client_id, secret, given.provider_timeout_seconds)


def _asaas(given: ChannelSettings) -> Rail | None:
    if given.asaas_webhook_token is None:
        return None
    return AsaasRail(
        given.asaas_webhook_token,
        given.asaas_api_key,
        given.asaas_api_base_url,
        given.provider_timeout_seconds,
    )


def _mercadopago(given: ChannelSettings) -> Rail | None:
    if given.mercadopago_webhook_secret is None or given.mercadopago_access_token is None:
        return None
    return MercadoPagoRail(
        given.mercadopago_webhook_secret,
        given.mercadopago_access_token,
        given.mercadopago_api_base_url,
        given.provider_timeout_seconds,
    )
