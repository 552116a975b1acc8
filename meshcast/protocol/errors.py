"""Errors by blame: the type says whose fault it was. A refusal is a message, never an error."""


class MeshcastError(Exception):
    """Everything that Meshcast itself raises; its text is one line that says what to do."""


class LocalProtocolError(MeshcastError):
    """This side asked its machine for something that the protocol does not allow: a bug here."""


class RemoteProtocolError(MeshcastError):
    """The other side sent what the protocol does not allow. It closes that link and touches nothing else."""


class BadInputError(MeshcastError):
    """A person gave something that cannot work: a link, a file, an option, a key."""


class UnreachableError(MeshcastError):
    """Somebody who should be there does not answer; waiting or asking again may help."""
