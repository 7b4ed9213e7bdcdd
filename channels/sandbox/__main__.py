"""Runs the sandbox from the command line until it is told to stop."""

import argparse
import os
from pathlib import Path

from channels.sandbox.config import SandboxConfig
from channels.sandbox.paying import SECRETS
from channels.sandbox.server import server

_VARIABLES = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SENDGRID_API_KEY")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m channels.sandbox", description="The provider sandbox.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--store", type=Path, required=True, help="file that keeps what was accepted")
    parser.add_argument("--receiver", required=True, help="where receipts and replies are posted")
    parser.add_argument("--public-url", help="address for which Twilio's callbacks are signed (--receiver)")
    parser.add_argument("--receipts", choices=["push", "held"], default="push")
    parser.add_argument(
        "--gather", type=float, default=0.0, help="seconds for which SendGrid's events wait for others (0)"
    )
    return parser


def main() -> None:
    """Run; exit status 2 when a variable or an argument is missing."""
    parser = _parser()
    arguments = parser.parse_args()
    missing = [name for name in _VARIABLES if not os.environ.get(name)]
    if missing:
        parser.error(f"set {', '.join(missing)} in the environment: the sandbox checks its clients by them")
    sid, token, key = (os.environ[name] for name in _VARIABLES)
    config = SandboxConfig(
        account_sid=sid,
        auth_token=token,
        sendgrid_api_key=key,
        store=arguments.store,
        receiver=arguments.receiver.rstrip("/"),
        public_url=(arguments.public_url or arguments.receiver).rstrip("/"),
        held=arguments.receipts == "held",
        gather=arguments.gather,
        rails={name: os.environ[name] for name in SECRETS if os.environ.get(name)},
    )
    server(config, arguments.port).run()


if __name__ == "__main__":
    main()
