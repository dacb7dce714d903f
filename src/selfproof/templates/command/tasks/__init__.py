"""What your command is measured by: yours to read and change."""
