"""The one exception for whatever a person can mend: its message says what is wrong and what to do."""

from __future__ import annotations


class VlmError(Exception):
    """Bad input, a damaged file, a run that cannot go on. The command line prints it as one line and exits with 2."""
