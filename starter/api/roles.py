"""Who may do what: the one table of roles and permissions."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from starter.session import Refusal


class Role(StrEnum):
    """What a caller is. The last two are other systems, not people."""

    VIEWER = "viewer"
    AGENT = "agent"
    MANAGER = "manager"
    ADMIN = "admin"
    PAYMENTS = "payments"
    ERP = "erp"


class Permission(StrEnum):
    """What a request needs leave for; each route names one."""

    READ = "read"
    READ_STATUS = "read_status"
    REPORT_PAYMENT = "report_payment"
    SETTLE_PAYMENT = "settle_payment"
    WORK_CASES = "work_cases"
    ANSWER = "answer"
    STEER_INVOICE = "steer_invoice"
    CLOSE_INVOICE = "close_invoice"
    APPROVE = "approve"
    CLAIM_CHARGES = "claim_charges"
    STEER_MANY = "steer_many"
    ASSIGN_SEGMENT = "assign_segment"
    MERGE_CUSTOMERS = "merge_customers"
    HALT = "halt"
    FEED = "feed"
    PUBLISH_CADENCE = "publish_cadence"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_ENDPOINTS = "manage_endpoints"


_PEOPLE = frozenset({Role.VIEWER, Role.AGENT, Role.MANAGER, Role.ADMIN})
_AGENTS = _PEOPLE - {Role.VIEWER}
_MANAGERS = _AGENTS - {Role.AGENT}

MAY: Mapping[Permission, frozenset[Role]] = {
    # What people see: names, addresses, what was written.
    Permission.READ: _PEOPLE,
    # Where an invoice stands, with nobody's address: what an ERP or a payment service needs back.
    Permission.READ_STATUS: _PEOPLE | {Role.ERP, Role.PAYMENTS},
    # Money came, or was taken back.
    Permission.REPORT_PAYMENT: _AGENTS | {Role.PAYMENTS, Role.ERP},
    # Money that no invoice was found for.
    Permission.SETTLE_PAYMENT: _AGENTS,
    Permission.WORK_CASES: _AGENTS,
    Permission.ANSWER: _AGENTS,
    # Pause, resume, escalate, dispute, promise, plan.
    Permission.STEER_INVOICE: _AGENTS,
    # Cancel an invoice, or uphold a dispute, which credits it.
    Permission.CLOSE_INVOICE: _MANAGERS | {Role.ERP},
    # Say yes or no to a step that waits for it.
    Permission.APPROVE: _MANAGERS,
    # Late interest and costs: claim them, or give them up.
    Permission.CLAIM_CHARGES: _MANAGERS,
    Permission.STEER_MANY: _MANAGERS,
    # By which cadence a customer is told: from the next invoice on, or for the open ones, too.
    Permission.ASSIGN_SEGMENT: _MANAGERS,
    # Two customers of the books who are one person: there is no way back.
    Permission.MERGE_CUSTOMERS: _MANAGERS,
    Permission.HALT: _MANAGERS,
    # Customers, contacts and invoices as the creditor's books have them.
    Permission.FEED: _MANAGERS | {Role.ERP},
    Permission.PUBLISH_CADENCE: _MANAGERS,
    Permission.MANAGE_TOKENS: frozenset({Role.ADMIN}),
    Permission.MANAGE_ENDPOINTS: frozenset({Role.ADMIN}),
}


def permissions_of(role: Role, only: Collection[str] | None = None) -> frozenset[Permission]:
    """What a caller of the role may do; with `only`, the part of it that a token is narrowed to."""
    every = (permission for permission, roles in MAY.items() if role in roles)
    return frozenset(permission for permission in every if only is None or permission in only)


def check_narrowing(role: Role, only: Collection[Permission] | None) -> None:
    """Raise Refusal where a token is to be narrowed to what its role may not do anyway."""
    foreign = frozenset(only or ()) - permissions_of(role)
    if foreign:
        raise Refusal(
            f"the role {role} may not {', '.join(sorted(foreign))}; leave that out, or choose another role",
            code="not_of_role",
            field="only",
        )
