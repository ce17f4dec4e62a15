"""Keeping what is stored: backups that are made while the server runs, verified, retired and restored; what devices may delete."""
