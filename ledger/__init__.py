"""The system of record: tables, migrations, `record()`, `permit()`, the outbox, queries and reports.

All personal data lives here, and every decision on what is true. May import `cadence`; no other room.
"""
