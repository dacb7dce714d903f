"""What can be improved, and how its candidates are raced and paired: one module per kind of objective."""
