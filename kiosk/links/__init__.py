"""Ways to the server. A link carries bytes and tells what became of them; what they mean is decided in the core."""
