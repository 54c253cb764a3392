"""Authlib as the relying party: metadata, registration by RFC 7591, code with PKCE, userinfo, refresh, revocation."""

import html
import json
import re
import sys
from urllib.parse import urljoin, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

CALLBACK = "https://localhost:1/callback"


def login(url, person):
    """Follows the pages and fills in their forms until the client is reached."""
    browser = requests.Session()
    answer = browser.get(url, allow_redirects=False)
    for _ in range(20):
        if "location" in answer.headers:
            url = urljoin(url, answer.headers["location"])
            if url.startswith(CALLBACK):
                return url
            answer = browser.get(url, allow_redirects=False)
            continue
        forms = []
        for head, inside in re.findall(r"<form\b([^>]*)>(.*?)</form>", answer.text, re.S):
            fields = {}
            for tag in re.findall(r"<input\b([^>]*)>", inside) + re.findall(r"<button\b([^>]*\bname=[^>]*)>", inside):
                name, value = attribute(tag, "name"), attribute(tag, "value") or ""
                if name:
                    fields.setdefault(name, value)
            forms.append((urljoin(url, attribute(head, "action")), fields))
        chosen = next(
            (
                (action, {**fields, field: person[field]})
                for field in ("password", "username")
                for action, fields in forms
                if field in fields
            ),
            forms[0] if forms else None,
        )
        if chosen is None:
            raise SystemExit(f"{answer.status_code} at {url}: {answer.text[:500]}")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        url, fields = chosen
        answer = browser.post(url, data=fields, headers={"origin": origin}, allow_redirects=False)
    raise SystemExit(f"too many steps, at {url}")


def attribute(tag, name):
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found.group(1)) if found else None


def main():
    told = json.load(sys.stdin)
    issuer, person, ran = told["issuer"], told["person"], []
    server = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=30).json()
    metadata = {"redirect_uris": [CALLBACK], "scope": "openid profile email offline_access", "client_name": "Authlib"}
    if "registration_endpoint" in server:
        registered = requests.post(server["registration_endpoint"], json=metadata, timeout=30)
        assert registered.status_code == 201, registered.text
        client = registered.json()
        ran.append("registration")
    else:
        client = told["client"]

    session = OAuth2Session(
        client["client_id"],
        client["client_secret"],
        scope="openid profile email offline_access",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method=client.get("token_endpoint_auth_method", "client_secret_basic"),
    )
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent"
    )
    assert create_s256_code_challenge(verifier) in url
    back = login(url, person)
    tokens = session.fetch_token(
        server["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
    )
    ran.append("code")

    keys = KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=30).json())
    decoded = jwt.decode(tokens["id_token"], keys, algorithms=server["id_token_signing_alg_values_supported"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {"iss": {"value": issuer}, "aud": {"value": client["client_id"]}},
        {"nonce": nonce, "client_id": client["client_id"], "access_token": tokens["access_token"]},
    )
    claims.validate(leeway=5)
    ran.append("ID token")

    info = session.get(server["userinfo_endpoint"]).json()
    assert info["sub"] == claims["sub"] and info["preferred_username"] == "alice", info
    ran.append("userinfo")
    fresh = session.refresh_token(server["token_endpoint"], refresh_token=tokens["refresh_token"])
    assert fresh["access_token"] != tokens["access_token"]
    ran.append("refresh")
    answer = session.revoke_token(server["revocation_endpoint"], token=fresh["access_token"], token_type_hint="access_token")
    assert answer.status_code == 200, answer.text
    dead = requests.get(
        server["userinfo_endpoint"], headers={"authorization": f"Bearer {fresh['access_token']}"}, timeout=30
    )
    assert dead.status_code == 401, dead.text
    ran.append("revocation")
    print(json.dumps({"ran": ran}))


main()
