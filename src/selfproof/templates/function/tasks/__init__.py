"""What your function is measured on: yours to read and change."""
