"""The device at the exit: it stores a tap durably, thanks for it, and only then thinks of the network."""
