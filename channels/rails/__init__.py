"""The payment rails: how a bank, a shop or a provider tells that money came, went back, or is disputed.

One module for each; `money.py` is the vocabulary they share, `configured.py` says which are on. A rail knows
payments and references, never invoices. It imports what `channels` may, and no other room.
"""
