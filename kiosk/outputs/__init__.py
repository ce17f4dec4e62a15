"""What answers a press with light."""
