"""Deliberate faults: small changes to a copy of this project that named tests must notice. They show that the tests bite."""
