"""The provider sandbox: a small real server that answers as Twilio, SendGrid and payment providers do, and misbehaves.

`python -m channels.sandbox --port 4010 --store FILE --receiver URL` runs it, on loopback only. It reads
TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and SENDGRID_API_KEY, checks every request against them, keeps what it
accepted in FILE and calls the receiver back with signed receipts. It plays each payment rail whose secrets
(`paying.SECRETS`) are set. Everything under /sandbox/ is for whoever plays the world: `control.py` lists it.
"""
