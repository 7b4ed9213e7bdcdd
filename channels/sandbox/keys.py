"""The key pair with which the sandbox signs SendGrid's events, kept beside its store."""

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


class SigningKey:
    """An ECDSA P-256 key in `<store>.key.pem`, made on first use and readable by its owner only."""

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".key.pem")
        if not path.exists():
            _create(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{path} holds no elliptic-curve key; delete it and the sandbox makes a new one")
        self._key = key

    @property
    def public(self) -> str:
        """What SENDGRID_WEBHOOK_PUBLIC_KEY must be: the public key's DER in base64, one line."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def sign(self, timestamp: str, body: bytes) -> str:
        """SendGrid's signature over the timestamp's text followed by the body."""
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(signature).decode()


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(pem)
