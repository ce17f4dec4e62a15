"""The durable buffer: every row is on the card before anybody is thanked, and stays until the server has it backed up."""
