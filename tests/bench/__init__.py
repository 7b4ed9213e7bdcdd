"""The bench: Régua beside a bare workflow of the same shape, on the same servers, in alternating rounds."""
