"""SQLite as Django's database, on a disk that may fail: what is read is on the disk, so that what is built on it is too."""
