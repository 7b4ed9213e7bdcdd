"""Every de-duplication key and random reference, made in one place, from ids and ISO dates only."""

import hashlib
import secrets
import uuid

# Without 0/O, 1/I/L and vowels: a reference is read aloud, and spells no word in any of the five languages.
_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 8


def new_reference() -> str:
    """A short reference for one message; unique by the database, searched for in providers' lists."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(REFERENCE_LENGTH))


def new_attempt_id() -> str:
    """An opaque id for one attempt, which travels through the provider and comes back in receipts."""
    return uuid.uuid4().hex


def address_fingerprint(address: str) -> str:
    """What stands for an address in events: the same address gives the same, and it tells nothing."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()[:16]


def hold_key(number: str, at: str) -> str:
    """The name of a hold placed on an invoice or customer at an ISO instant."""
    return hashlib.sha256(f"{number}@{at}".encode()).hexdigest()[:12]


def customer_hold_key(customer_id: int, hold: str) -> str:
    """The external id under which a customer's hold ends, however many of its invoices say so."""
    return f"hold-ended-{customer_id}-{hold}"


def change_key(number: str, amount: str, due_on: str, method: str) -> str:
    """The content of an invoice's row, to see whether a second import changes anything."""
    return f"{number}|{amount}|{due_on}|{method}"


def workflow_id(invoice_id: int) -> str:
    """The id of the workflow that keeps time for an invoice."""
    return f"invoice-{invoice_id}"
