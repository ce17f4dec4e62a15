"""A whole world from one seed: courts, visitors, kiosks with real ledgers on cards that lose what was not synced, a network that
fails in every way, the real server. At the end of each run everything that was thanked must be stored and counted, once.
"""
