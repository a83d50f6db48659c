"""Restored images as scores: protocols, tables, pictures, submissions."""
