"""Studying networks and derivatives: gradient checks."""
