"""The vocabulary: order of deliveries, classes of errors."""

from itertools import pairwise

import pytest

from channels.outcome import Delivery, ErrorClass, classify, error_table, rank


def test_deliveries_rise_from_queued_to_read() -> None:
    rising = [Delivery.queued, Delivery.sent, Delivery.delivered, Delivery.read]
    assert all(rank(lower) < rank(higher) for lower, higher in pairwise(rising))


def test_neither_delivered_nor_failed_overtakes_the_other() -> None:
    assert rank(Delivery.delivered) == rank(Delivery.failed)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (21610, ErrorClass.opt_out),
        ("21610", ErrorClass.opt_out),
        (21614, ErrorClass.bad_address),
        (63024, ErrorClass.bad_address),
        (30007, ErrorClass.content),
        (63041, ErrorClass.template),
        (63049, ErrorClass.recipient_limit),
        (20429, ErrorClass.throughput),
        (20003, ErrorClass.account),
        (30003, ErrorClass.unreachable),
    ],
)
def test_known_codes_have_their_class(code: int | str, expected: ErrorClass) -> None:
    assert classify(code) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, ErrorClass.account),
        (403, ErrorClass.account),
        (429, ErrorClass.throughput),
        (400, ErrorClass.unclassified),
        (None, ErrorClass.unclassified),
    ],
)
def test_an_unknown_code_falls_to_the_class_of_its_status(status: int | None, expected: ErrorClass) -> None:
    assert classify(99999, status) is expected


def test_no_code_stands_in_two_classes() -> None:
    codes = [code for codes in error_table()["twilio"].values() for code in codes]
    assert len(codes) == len(set(codes))


def test_every_class_in_the_table_is_one_of_ours() -> None:
    table = error_table()
    names = [*table["twilio"], *(name for part in table["sendgrid"].values() for name in part.values())]
    assert {ErrorClass(name) for name in names} <= set(ErrorClass)
