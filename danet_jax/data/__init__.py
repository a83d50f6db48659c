"""Images from files to training batches, with NumPy on the host."""
