"""Scoring restored images, and the tables and pictures that show the scores."""
