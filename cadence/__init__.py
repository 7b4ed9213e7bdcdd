"""The pure heart: cadence documents, an invoice's facts and events, calendars, `plan()`, the directive.

No I/O, no clock (time is an argument), no Temporal, no SQL, no environment. May import the standard
library, pydantic, jinja2 and data libraries such as holidays; no other room.
"""
