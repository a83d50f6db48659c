"""The paper's ablations as one command: variants, their trainings, and their table."""
