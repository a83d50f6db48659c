"""Images from files to records and training batches, with NumPy on the host."""
