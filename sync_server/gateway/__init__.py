"""Messages in and out: MQTT, its broker, the TLS door. It decides nothing; it calls one service and sends the answer."""
