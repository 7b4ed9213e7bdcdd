"""Opens the one kind of Temporal client, by `temporalio.envconfig`, with the worker's own data converter."""

import os

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import GrpcCompression

from channels.settings import SettingsError, is_private
from workflows.converter import DATA_CONVERTER


async def connect_temporal(*, lazy: bool = False) -> Client:
    """A client for the server that the environment or a profile names (TEMPORAL_ADDRESS, TEMPORAL_PROFILE, ...).

    With `lazy` the first call connects, so that a server which is away is only a delay. Raises SettingsError
    where no server is named, and RuntimeError where it does not answer.
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
    return await Client.connect(
        **config, data_converter=DATA_CONVERTER, lazy=lazy, grpc_compression=compression
    )
