"""Thin threads around the core: each is one testable step and a loop that calls it."""
