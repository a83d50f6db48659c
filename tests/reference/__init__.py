"""PyTorch reference of the network, used by the tests only."""
