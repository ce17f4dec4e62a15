"""The touchscreen. Importing anything here opens no window; only `kiosk.screen.app.open_screen` does."""
