"""Put on a Python process's path by ``recording``: it listens to one function's calls while the user's code runs."""
