"""Control from outside: stop, budgets."""
