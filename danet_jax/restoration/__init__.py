"""Networks applied to images and their files: whole, in tiles, turned; depths kept."""
