"""Decisions without effects: no Kivy, no files, no sockets, no clock reads. Time comes in as an argument."""
