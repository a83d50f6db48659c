"""Networks applied to images: restoring files, scoring by protocols, submissions."""
