"""The command line: ``danet train``, ``danet eval``, ``danet restore``."""
