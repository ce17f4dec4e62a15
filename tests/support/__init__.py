"""Real parts for tests: broker, PostgreSQL, display, browser. A tool that is missing is an error, never a skip."""
