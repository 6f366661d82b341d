"""Encryption of connections to sources, as their URL asks for it."""

import ssl


def tls_context(tls: str) -> ssl.SSLContext | None:
    """Gives what makes a driver insist on TLS, for `verify` on the server's name too; None where neither is asked."""
    if tls not in ("require", "verify"):
        return None
    context = ssl.create_default_context()
    if tls != "verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
