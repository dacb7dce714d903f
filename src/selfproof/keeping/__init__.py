"""What a program needs that lives for weeks: backups, moving house, room on disk, letting go of what is old."""
