"""How each event changes an invoice's facts: a module for each kind of thing that happens."""
