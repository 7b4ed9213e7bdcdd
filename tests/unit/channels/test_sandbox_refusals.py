"""What the sandbox refuses: in the providers' own codes and fields, and its own instructions in a sentence."""

from typing import Any

import httpx
import pytest

from tests.unit.channels.loopback import (
    ACCOUNT,
    EMAIL,
    NO_CERTIFICATES,
    PHONE,
    Provider,
)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": "+12025550100", "Body": "x"}, 21604),
        ({"To": PHONE, "Body": "x"}, 21603),
        ({"To": PHONE, "From": "+12025550100"}, 21602),
        ({"To": PHONE, "From": "+12025550100", "Body": "x" * 1601}, 21617),
        ({"To": "12345", "From": "+12025550100", "Body": "x"}, 21211),
        ({"To": PHONE, "From": "+12025550100", "ContentSid": "HX1", "ContentVariables": "{1}"}, 21656),
    ],
)
def test_twilios_refusals_bear_its_codes(provider: Provider, form: dict[str, str], code: int) -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    answer = httpx.post(
        provider.url + path, data=form, auth=(ACCOUNT, "12345"), trust_env=False, verify=NO_CERTIFICATES
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def _mail(**changes: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": EMAIL}]}],
        "from": {"email": "billing@example.com"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
    } | changes


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"custom_args": {"attempt_id": "1"}}, "custom_args"),
        ({"subject": ""}, "subject"),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]}, "content"),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": []}, None),
    ],
)
def test_sendgrids_refusals_name_the_field(
    provider: Provider, changes: dict[str, Any], field: str | None
) -> None:
    headers = {"Authorization": "Bearer SG.test"}
    answer = httpx.post(
        f"{provider.url}/v3/mail/send",
        json=_mail(**changes),
        headers=headers,
        trust_env=False,
        verify=NO_CERTIFICATES,
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert provider.messages == []


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("habits", {EMAIL: {"email": "explode"}}, "unknown habit 'explode' for email; use one of deliver"),
        ("habits", {EMAIL: {"sms": "bounce"}}, "unknown habit 'bounce' for sms"),
        ("habits", {EMAIL: {"fax": "deliver"}}, "unknown key 'fax'"),
        ("habits", {EMAIL: {"delay": -1}}, "delay must be a number of seconds"),
        ("habits", {EMAIL: "bounce"}, "expected an object"),
        ("habits", ["bounce"], "expected an object"),
        ("faults", {"kind": "explode"}, "kind: "),
        ("faults", {"kind": "reject", "codes": 1}, "codes: "),
        ("replies", {"channel": "sms", "from": "me", "to": "you", "body": ""}, "from: "),
    ],
)
def test_bad_instructions_are_answered_with_a_sentence(
    provider: Provider, path: str, body: Any, words: str
) -> None:
    assert words in provider.post(path, body, 422)["error"]
