"""Every de-duplication key and random reference, made in one place, from ids and ISO dates only."""

import hashlib
import secrets
import uuid

# Without 0/O, 1/I/L and vowels: a reference is read aloud, and spells no word in any of the five languages.
_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 8
_WORKFLOW = "invoice-"
_ENDPOINT_WORKFLOW = "webhooks-"
LONGEST_ID = 200


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


def told_key(given: str) -> str:
    """An id that somebody outside gave, as the log can keep it; one that is no short line of text is hashed.

    Spaces are taken as in the ids of webhooks, so that a payment told by both counts once.
    """
    line = " ".join(given.split())
    if 0 < len(line) <= LONGEST_ID and line.isprintable():
        return line
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def workflow_id(invoice_id: int) -> str:
    """The id of the workflow that keeps time for an invoice."""
    return f"{_WORKFLOW}{invoice_id}"


def endpoint_workflow_id(endpoint_id: int) -> str:
    """The id of the workflow that delivers an endpoint's webhooks."""
    return f"{_ENDPOINT_WORKFLOW}{endpoint_id}"


def invoice_of(workflow: str) -> int | None:
    """Our id of the invoice for which a workflow keeps time; None where it is no invoice's."""
    name, _, number = workflow.partition(_WORKFLOW)
    return int(number) if not name and number.isdecimal() else None


def signal_key(invoice_id: int, name: str, told: str) -> str:
    """A signal's id as its sender means it: a ticket's number may pause one invoice and resume it, or pause two."""
    return f"{invoice_id}-{name}-{told}"


def customer_signal_key(customer_id: int, name: str, told: str) -> str:
    """The same for a signal about a whole customer, to whichever of their invoices it is sent."""
    return f"customer-{customer_id}-{name}-{told}"


def job_key(job_id: int, subject_id: int) -> str:
    """The id under which a job's act on one invoice or customer is told: a job that goes on after a crash acts once."""
    return f"{job_id}-{subject_id}"


def job_hold_key(job_id: int) -> str:
    """The name of the hold that a job places on each of its invoices."""
    return f"job-{job_id}"
