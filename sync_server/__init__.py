"""The server: what kiosks deliver becomes results that people can trust."""
