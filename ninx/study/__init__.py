"""Studying networks and derivatives: summaries, gradient checks."""
