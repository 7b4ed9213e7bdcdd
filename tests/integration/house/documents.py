"""The creditor for whom the house works."""

from pathlib import Path

from cadence.creditor import Creditor
from cadence.reading import read_document

CREDITOR = read_document(Creditor, Path("creditor.yaml").read_text(encoding="utf-8"), "creditor.yaml")
