"""Prints the cards of the networks that come with the package: docs/models.md."""

from danet_jax.pretrained import markdown, read_card, shipped


def main() -> None:
    """Prints Markdown."""
    print("# Networks that come with the package\n")
    print("\n".join(markdown(read_card(task)) for task in shipped()), end="")


if __name__ == "__main__":
    main()
