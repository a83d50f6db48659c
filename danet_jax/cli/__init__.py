"""The command ``danet``: each module is one of its subcommands, or serves some."""
