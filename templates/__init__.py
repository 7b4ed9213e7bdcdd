"""What customers read: the texts, and the code that turns a text and an invoice's values into a message.

May import the standard library, Jinja, Babel, css-inline, anyascii, PyYAML and `cadence`; no other room.
"""
