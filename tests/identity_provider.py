"""A small real identity provider (OpenID Connect, authorization code flow) for tests: whoever comes is logged in as
the person that the test names, with tokens that are signed as they should be."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "seedpilot", "client-secret-of-the-test"


class IdentityProvider(ThreadingHTTPServer):
    """Serves on 127.0.0.1, on a free port."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.person: dict[str, Any] = {"sub": "1", "email": "ada@example.org", "email_verified": True}
        self.key = RSAKey.generate_key(2048, {"kid": "1"})
        self.codes: dict[str, str] = {}
        """Nonces by code."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def secrets_toml(self) -> str:
        """What Streamlit reads; {port} is the dashboard's."""
        values = {
            "redirect_uri": "http://127.0.0.1:{port}/oauth2callback",
            "cookie_secret": secrets.token_hex(32),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "server_metadata_url": f"{self.issuer}/.well-known/openid-configuration",
        }
        return "\n".join(["[auth]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())])


class _Handler(BaseHTTPRequestHandler):
    server: IdentityProvider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        issuer = self.server.issuer
        if parts.path == "/.well-known/openid-configuration":
            return self._json(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        if parts.path == "/keys":
            return self._json({"keys": [self.server.key.as_dict(private=False)]})
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code = secrets.token_hex(8)
        self.server.codes[code] = asked.get("nonce", "")
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")
        self.end_headers()
        return None

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        nonce = self.server.codes.pop(asked["code"][0])
        now = int(time.time())
        claims = {"iss": self.server.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 3600, "nonce": nonce}
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims | self.server.person, self.server.key)
        self._json({"access_token": "of-no-use", "token_type": "Bearer", "expires_in": 3600, "id_token": token})

    def _json(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """A running provider, closed at the end."""
    server = IdentityProvider()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
