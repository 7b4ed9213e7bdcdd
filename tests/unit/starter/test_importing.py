"""Portfolios: every row becomes an exact invoice, or is rejected with all its mistakes in sentences."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadence.document import Cadence
from cadence.problems import DocumentError
from cadence.reading import read_document
from cadence.words import Language
from starter.documents import read_creditor
from starter.importing import write_template
from starter.mapping import Mapping, read_mapping
from starter.portfolio import Portfolio, read_portfolio
from starter.portfolio_row import KNOWN, Doorkeeper
from starter.rejects import Rejected, write_rejects

ROOT = Path(__file__).parents[3]
CADENCES = [
    read_document(Cadence, file.read_text(), file.name) for file in sorted(ROOT.glob("cadences/*.yaml"))
]
TODAY = date(2026, 1, 5)
DOOR = Doorkeeper(read_creditor(ROOT / "creditor.yaml"), CADENCES, TODAY)
GOOD = {
    "invoice": "A-1",
    "customer": "C-1",
    "customer_name": "Loja Exemplo",
    "segment": "smb",
    "country": "PT",
    "due_on": "2026-02-04",
    "amount": "1250.50",
    "currency": "EUR",
}


def portfolio(tmp_path: Path, *rows: dict[str, str], mapping: Mapping | None = None) -> Portfolio:
    path = tmp_path / "portfolio.csv"
    headings = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, headings)
        writer.writeheader()
        writer.writerows(rows)
    return read_portfolio(path, Doorkeeper(DOOR.creditor, CADENCES, TODAY, mapping))


def reason(tmp_path: Path, **cells: str) -> str:
    """Why a row that is good but for these cells is rejected."""
    read = portfolio(tmp_path, GOOD | cells)
    assert read.entries == ()
    return read.rejected[0].reason


def test_a_row_becomes_an_exact_invoice_in_normal_form(tmp_path: Path) -> None:
    read = portfolio(
        tmp_path,
        GOOD
        | {
            "country": "br",
            "language": "PT_br",
            "subdivision": "BR-SP",
            "timezone": "America/Sao_Paulo",
            "email": "financeiro@LOJA.example.com",
            "phone": "(11) 90000-0101",
            "whatsapp": "+55 11 90000 0101",
            "consents": "WhatsApp; email",
            "issued_on": "2026-01-02",
            "payment_method": "Direct Debit",
            "stage": "formal",
            "pix_txid": " 7978c0c97ea847e78e8849634473c1f1",
            "payment_reference": "rf18 5390 0754 7034",
        },
    )
    assert read.rejected == ()
    assert read.entries[0].line == 2
    assert read.entries[0].invoice.model_dump() == {
        "number": "A-1",
        "customer": "C-1",
        "customer_name": "Loja Exemplo",
        "segment": "smb",
        "language": Language.PT_BR,
        "country": "BR",
        "subdivision": "SP",
        "zone": "America/Sao_Paulo",
        "zone_assumed": False,
        "email": "financeiro@loja.example.com",
        "phone": "+5511900000101",
        "whatsapp": "+5511900000101",
        "consents": ("email", "whatsapp"),
        "issued_on": date(2026, 1, 2),
        "due_on": date(2026, 2, 4),
        "amount": Decimal("1250.50"),
        "currency": "EUR",
        "payment_method": "direct_debit",
        "stage": "formal",
        "pix_txid": "7978c0c97ea847e78e8849634473c1f1",
        "payment_reference": "rf18 5390 0754 7034",
    }


@pytest.mark.parametrize(
    ("country", "language", "zone", "assumed"),
    [
        ("PT", "pt-PT", "Europe/Lisbon", True),
        ("ES", "es", "Europe/Madrid", True),
        ("FR", "fr", "Europe/Paris", False),
        ("GB", "en", "Europe/London", False),
        ("MZ", "pt-PT", "Africa/Maputo", False),
    ],
)
def test_language_and_zone_follow_the_country_and_a_zone_that_may_be_another_is_only_assumed(
    tmp_path: Path, country: str, language: str, zone: str, assumed: bool
) -> None:
    invoice = portfolio(tmp_path, GOOD | {"country": country}).entries[0].invoice
    assert (invoice.language, invoice.zone, invoice.zone_assumed) == (language, zone, assumed)
    told = portfolio(tmp_path, GOOD | {"country": country, "timezone": zone}).entries[0].invoice
    assert (told.zone, told.zone_assumed) == (zone, False)


def test_a_country_with_several_zones_or_languages_must_say(tmp_path: Path) -> None:
    assert reason(tmp_path, country="BR").startswith("timezone: is missing, and BR has more than one")
    assert reason(tmp_path, country="CH").startswith("language: is missing, and CH has more than one")


def test_a_consent_is_to_an_address_by_a_channel_that_there_is(tmp_path: Path) -> None:
    assert reason(tmp_path, consents="email pigeon").startswith(
        "consents: 'pigeon' is no channel; write email, sms"
    )
    without = {"consents": "email sms", "email": "ana@example.com"}
    assert reason(tmp_path, **without).startswith("consents: names sms, for which no address is given")


def test_an_invoice_without_an_issue_date_is_of_today_or_of_its_due_date(tmp_path: Path) -> None:
    read = portfolio(tmp_path, GOOD, GOOD | {"invoice": "A-2", "due_on": "2025-12-01"})
    assert [entry.invoice.issued_on for entry in read.entries] == [TODAY, date(2025, 12, 1)]


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("invoice", "x" * 31, "is not your own number of the invoice, up to 30 characters"),
        ("customer_name", "Lo\u202eja", "invisible control characters"),
        ("segment", "smbb", "is served by no published cadence; segments are consumer, smb"),
        ("language", "de", "'de' is no language of ours; write pt-BR, pt-PT, es, en, fr"),
        ("country", "Portugal", "'Portugal' is no country; write its ISO 3166 code"),
        ("subdivision", "Lisboa", "write its ISO 3166-2 code"),
        ("subdivision", "BR-SP", "'BR-SP' is no subdivision"),
        ("subdivision", "21", "'21' is no subdivision of PT"),
        ("timezone", "Lisbon", "'Lisbon' is no zone of the IANA database"),
        ("email", "loja@", "is no e-mail address"),
        ("email", "loja@example.com\nBcc: x@example.com", "is no e-mail address"),
        ("phone", "123", "too few or too many digits"),
        ("whatsapp", "call me", "is no phone number; write it in full"),
        ("due_on", "04/02/2026", "is no date of the form yyyy-mm-dd"),
        ("issued_on", "2026-02-05", "lies before the issue date 2026-02-05"),
        ("amount", "1.250,50", "is no amount; write digits with a decimal '.'"),
        ("amount", "12.505", "has more decimals than EUR, which has 2"),
        ("amount", "0", "'0' is not an amount above zero"),
        ("amount", "-5", "'-5' is not an amount above zero"),
        ("amount", "9" * 40, "is not an amount above zero and below"),
        ("currency", "XYZ", "is not a currency Régua writes in"),
        ("currency", "JPY", "says nothing on how to pay in JPY"),
        ("payment_method", "<b>", "is no code; write small letters"),
        ("pix_txid", "7978-c0c9", "is not the txid of its Pix charge, up to 35 letters and digits"),
        ("payment_reference", "x" * 61, "is not another reference that payments carry"),
        ("stage", "courtesyy", "is no stage of smb; it has courtesy, due"),
    ],
)
def test_a_wrong_value_is_rejected_with_what_was_expected(
    tmp_path: Path, column: str, value: str, sentence: str
) -> None:
    found = reason(tmp_path, **{column: value})
    assert sentence in found
    assert f"{'due_on' if column == 'issued_on' else column}: " in found


def test_a_row_tells_all_its_mistakes_at_once(tmp_path: Path) -> None:
    found = reason(tmp_path, amount="x", due_on="y", email="z", invoice="")
    assert [part.partition(":")[0] for part in found.split("; ") if ": " in part] == [
        "invoice",
        "email",
        "due_on",
        "amount",
    ]


def test_an_invoice_that_stands_twice_is_taken_once(tmp_path: Path) -> None:
    read = portfolio(tmp_path, GOOD, GOOD | {"amount": "7"})
    assert [entry.line for entry in read.entries] == [2]
    assert read.rejected[0].reason == "invoice: 'A-1' stands in line 2 already; keep one of them"


def test_rows_that_disagree_on_their_customer_are_not_guessed_at(tmp_path: Path) -> None:
    read = portfolio(tmp_path, GOOD, GOOD | {"invoice": "A-2", "customer_name": "Outra Loja"})
    assert "customer_name: line 2 says something else of customer 'C-1'" in read.rejected[0].reason


def test_a_file_that_lacks_a_required_column_is_refused_whole(tmp_path: Path) -> None:
    short = {name: value for name, value in GOOD.items() if name not in ("amount", "segment")}
    with pytest.raises(DocumentError, match="required columns are missing: segment, amount"):
        portfolio(tmp_path, short)
    given_by_default = Mapping(defaults={"segment": "smb", "amount": "5"})
    assert portfolio(tmp_path, short, mapping=given_by_default).entries[0].invoice.amount == 5


def test_a_default_fills_an_empty_cell_and_yields_to_a_full_one(tmp_path: Path) -> None:
    mapping = Mapping(defaults={"segment": "consumer"})
    read = portfolio(
        tmp_path, GOOD | {"segment": ""}, GOOD | {"invoice": "A-2", "customer": "C-2"}, mapping=mapping
    )
    assert [entry.invoice.segment for entry in read.entries] == ["consumer", "smb"]


def test_a_workbook_reads_as_the_same_portfolio(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(GOOD))
    typed = GOOD | {"invoice": 1001, "due_on": date(2026, 2, 4), "amount": 1250.5}
    book.active.append(list(typed.values()))
    book.save(tmp_path / "p.xlsx")
    invoice = read_portfolio(tmp_path / "p.xlsx", DOOR).entries[0].invoice
    assert (invoice.number, invoice.due_on, invoice.amount) == ("1001", date(2026, 2, 4), Decimal("1250.5"))


def test_rejects_are_written_with_line_and_reason_and_run_no_formula(tmp_path: Path) -> None:
    rejected = [
        Rejected(9, "late", {"a": "@x"}),
        Rejected(3, "amount: bad", {"a": "=cmd|' /C calc'!A0", "b": "+1"}),
    ]
    target = write_rejects(tmp_path / "in.xlsx", ("a", "b"), rejected)
    assert target == tmp_path / "in.rejects.csv"
    with target.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["rejected_line", "rejected_reason", "a", "b"],
            ["3", "amount: bad", "'=cmd|' /C calc'!A0", "'+1"],
            ["9", "late", "'@x", ""],
        ]
    assert write_rejects(tmp_path / "in.xlsx", ("a", "b"), []) is None
    assert not target.exists(), "an old rejects file would say something that is no longer true"


def test_a_rejects_file_is_imported_once_its_rows_are_mended(tmp_path: Path) -> None:
    wrong = GOOD | {"phone": "+351 912 000 001", "due_on": "soon", "customer_name": "'quoted' & @home"}
    read = portfolio(tmp_path, wrong)
    target = write_rejects(tmp_path / "portfolio.csv", read.headings, read.rejected)
    assert target is not None
    target.write_text(target.read_text("utf-8").replace("soon,", "2026-02-04,"), "utf-8")
    mended = read_portfolio(target, DOOR)
    assert mended.rejected == ()
    assert mended.headings == read.headings
    invoice = mended.entries[0].invoice
    assert (invoice.phone, invoice.customer_name) == ("+351912000001", "'quoted' & @home")


def test_rejects_that_cannot_be_written_are_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "in.rejects.csv").mkdir()
    with pytest.raises(DocumentError, match=r"in.rejects.csv:1: the good rows were taken"):
        write_rejects(tmp_path / "in.csv", ("a",), [Rejected(2, "late", {"a": "x"})])


def test_the_template_is_a_file_that_imports(tmp_path: Path) -> None:
    path = tmp_path / "example.csv"
    write_template(path)
    read = read_portfolio(path, DOOR)
    assert read.rejected == ()
    assert read.entries[0].invoice.phone == "+5511900000101"
    with pytest.raises(DocumentError, match="exists already"):
        write_template(path)


def test_the_shipped_sample_has_nothing_to_reject_and_every_kind_of_customer() -> None:
    read = read_portfolio(ROOT / "samples/portfolio.csv", DOOR)
    assert read.rejected == ()
    rows = [entry.invoice for entry in read.entries]
    assert 55 <= len(rows) <= 65
    assert {row.segment for row in rows} == {"strategic", "standard", "smb", "consumer"}
    assert {row.language for row in rows} == set(Language)
    assert {row.currency for row in rows} == {"BRL", "EUR", "USD", "GBP"}
    assert all(row.email is None or row.email.endswith("@example.com") for row in rows)


def test_the_shipped_foreign_export_reads_through_its_mapping() -> None:
    mapping = read_mapping(ROOT / "samples/erp-mapping.yaml", KNOWN)
    read = read_portfolio(
        ROOT / "samples/erp-export.csv", Doorkeeper(DOOR.creditor, CADENCES, TODAY, mapping)
    )
    assert read.rejected == ()
    assert read.ignored == ("Vendedor", "Filial")
    assert read.entries[0].invoice.amount == Decimal("12480.50")


hostile = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "=HYPERLINK()",
            "{{ 7*7 }}",
            "<script>",
            "NaN",
            "1e999",
            "-0",
            "\u202e",
            "٣",
            "2026-02-30",
            "+",
            "@",
            "00",
        ]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.dictionaries(st.sampled_from(KNOWN), hostile, max_size=6))
def test_hostile_cells_never_bring_a_traceback(tmp_path: Path, cells: dict[str, str]) -> None:
    clean = {name: text.replace("\0", "").replace("\ud800", "") for name, text in cells.items()}
    try:
        read = portfolio(tmp_path, {**dict.fromkeys(KNOWN, ""), **GOOD, **clean, "subdivision": "X"})
    except DocumentError as refusal:
        assert "portfolio.csv:" in str(refusal)  # noqa: PT017
    else:
        assert len(read.entries) + len(read.rejected) == 1
        assert all(row.reason for row in read.rejected)
