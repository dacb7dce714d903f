"""Whoever watches from outside: the live feed, metrics, traces, trackers, webhooks. All of them only listen."""
