"""Opens the one kind of Temporal client, by `temporalio.envconfig`, with the worker's own data converter."""

import os

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import GrpcCompression

from channels.settings import SettingsError, is_private
from workflows.converter import DATA_CONVERTER


class Unreachable(RuntimeError):
    """Temporal does not answer where it should be; the text names the address, and says what to do."""


async def connect_temporal(*, lazy: bool = False, metrics_address: str | None = None) -> Client:
    """A client for the server that the environment or a profile names (TEMPORAL_ADDRESS, TEMPORAL_PROFILE, ...).

    With `lazy` the first call connects, so that a server which is away is only a delay. With `metrics_address`
    the SDK answers Prometheus there, with its own metrics and those that activities count. Raises SettingsError
    where no server is named, and Unreachable where it does not answer.
    """
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise SettingsError(f"Temporal's configuration cannot be read: {error}") from None
    address = config.get("target_host")
    if not address:
        named = os.environ.get("TEMPORAL_PROFILE")
        where = f"the profile {named} names no address" if named else "TEMPORAL_ADDRESS is not set"
        raise SettingsError(f"{where}; set TEMPORAL_ADDRESS to host:port, or run `regua up` in this folder.")
    # Compression costs more than it saves where there is no wire (+8 % throughput without it).
    compression = GrpcCompression.NONE if is_private(f"http://{address}") else GrpcCompression.GZIP
    runtime = _measured(metrics_address) if metrics_address else None
    try:
        return await Client.connect(
            **config,
            data_converter=DATA_CONVERTER,
            lazy=lazy,
            grpc_compression=compression,
            runtime=runtime,
        )
    except RuntimeError as error:
        raise Unreachable(
            f"Temporal does not answer at {address}; start it or `regua up`, and check TEMPORAL_ADDRESS."
        ) from error


def _measured(address: str) -> Runtime:
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))
    except (RuntimeError, ValueError) as error:
        raise SettingsError(
            f"METRICS_ADDRESS: {address} cannot be used ({error}); give a free address:port."
        ) from None
