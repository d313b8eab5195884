"""The one error of this package: a sentence for the person who started the server."""


class EmbeddedError(RuntimeError):
    """Something outside the program stands in the way; the message is one complete sentence."""
