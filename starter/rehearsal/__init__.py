"""Rehearsals: a whole portfolio played through the real workflows, ledger and channels, with time skipping."""
