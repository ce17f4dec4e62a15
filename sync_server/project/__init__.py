"""What binds the server's rooms into one Django project: settings, addresses, start-up checks."""
