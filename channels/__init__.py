"""The ways to reach a person: e-mail, SMS, WhatsApp; what became of a message; and a provider sandbox.

This room knows messages, never invoices. It may import the standard library and the providers' SDKs, and no
other room.
"""
