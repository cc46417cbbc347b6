"""An authority for tests, and a server's certificate that chains to it."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True)
class Certificates:
    """authority: the file that clients trust. server: the server's key and certificate. end_point: for binding channels."""

    authority: Path
    server: Path
    end_point: bytes

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS, 1.2 and newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        context.set_alpn_protocols(["postgresql"])
        return context


def make_certificates(folder: Path, names: tuple[str, ...]) -> Certificates:
    """An authority of one day, and a certificate for `names` (a wildcard stands for one label)."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"dbarch tests {x509.random_serial_number()}")])
    own = _stated(issuer, issuer, root).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    authority = own.add_extension(usage, critical=True).sign(root, hashes.SHA256())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    stated = _stated(subject, issuer, leaf).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    )
    signed = stated.sign(root, hashes.SHA256())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authority.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    key = leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(signed.public_bytes(Encoding.PEM) + key)
    end_point = hashlib.sha256(signed.public_bytes(Encoding.DER)).digest()
    return Certificates(folder / "authority.pem", folder / "server.pem", end_point)


def _stated(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
