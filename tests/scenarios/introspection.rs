//! Access tokens in either form, asked about by those who may, and revoked (RFC 9068, RFC 7662, RFC 9701, RFC 7009).

use tests::{
    machine::{Answer, Machine, claims},
    need,
    server::{Backend, Server, Setup},
};

const CLIENTS: &str = r#"
[[resource]]
uri = "https://api.example"
scopes = ["read", "write"]
introspected_by = ["api"]
[[client]]
id = "jwt"
secret = "a secret of jwt"
grant_types = ["client_credentials"]
scopes = ["openid", "read", "write"]
redirect_uris = ["https://job.example/cb"]
[[client]]
id = "opaque"
secret = "a secret of opaque"
grant_types = ["client_credentials"]
scopes = ["openid", "read"]
redirect_uris = ["https://job.example/cb"]
access_token_format = "opaque"
[[client]]
id = "api"
secret = "a secret of api"
scopes = ["openid"]
redirect_uris = ["https://api.example/cb"]
[[client]]
id = "stranger"
secret = "a secret of stranger"
scopes = ["openid"]
redirect_uris = ["https://stranger.example/cb"]
[[client]]
id = "public"
scopes = ["openid"]
redirect_uris = ["https://public.example/cb"]
"#;

struct Ground {
    server: Server,
}

impl Ground {
    fn client(&self, id: &str) -> Machine {
        let secret = format!("a secret of {id}");
        Machine::new(&self.server, id, Some(&secret))
    }

    async fn ask(&self, by: &str, token: &str) -> Answer {
        let asked = self
            .client(by)
            .post("/introspect", &[("token", token)], &[])
            .await;
        asked.expect("an answer")
    }
}

#[tokio::test]
async fn a_token_is_known_to_those_who_may_ask_until_it_is_revoked() {
    let setup = Setup {
        toml: CLIENTS,
        ..Setup::plain(Backend::Embedded)
    };
    let ground = Ground {
        server: need!(Server::start(setup).await),
    };
    for id in ["jwt", "opaque"] {
        let client = ground.client(id);
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "read"),
            ("resource", "https://api.example"),
        ];
        let issued = client.token(&form).await.expect("an answer");
        assert_eq!(issued.status, 200, "{}", issued.text);
        assert_eq!(
            (issued.get("token_type"), issued.get("scope")),
            ("Bearer", "read")
        );
        assert!(issued.body["id_token"].is_null() && issued.body["refresh_token"].is_null());
        let token = issued.get("access_token");
        assert_eq!(token.split('.').count() == 3, id == "jwt", "{token}");
        if id == "jwt" {
            let said = claims(token).expect("claims");
            assert_eq!(
                (&said["aud"], &said["sub"]),
                (&"https://api.example".into(), &"jwt".into())
            );
        }

        for by in [id, "api"] {
            let said = ground.ask(by, token).await;
            assert_eq!(said.body["active"], true, "{by}: {}", said.text);
            assert_eq!((said.get("client_id"), said.get("scope")), (id, "read"));
            assert_eq!(said.get("aud"), "https://api.example");
        }
        // RFC 7662 §2.2: nothing more than that it is not active.
        for unknown in [token, "x", "a.b.c"] {
            let said = ground.ask("stranger", unknown).await;
            assert_eq!(
                (said.status.as_u16(), said.text.as_str()),
                (200, r#"{"active":false}"#)
            );
        }
        let nobody = Machine::new(&ground.server, "public", None);
        let refused = nobody
            .post("/introspect", &[("token", token)], &[])
            .await
            .expect("an answer");
        assert_eq!(refused.refusal(), (401, "invalid_client"));

        let accept = [("accept", "application/token-introspection+jwt")];
        let signed = ground
            .client("api")
            .post("/introspect", &[("token", token)], &accept)
            .await;
        let signed = signed.expect("an answer");
        assert_eq!(
            signed.headers["content-type"],
            "application/token-introspection+jwt"
        );
        let said = claims(&signed.text).expect("claims");
        assert_eq!(
            (&said["aud"], &said["token_introspection"]["active"]),
            (&"api".into(), &true.into())
        );

        // Another client cannot revoke it; its own can, and then it is good for nobody.
        let form = [("token", token)];
        let refused = ground
            .client("stranger")
            .post("/revoke", &form, &[])
            .await
            .expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_grant"));
        let revoked = client.post("/revoke", &form, &[]).await.expect("an answer");
        assert_eq!(revoked.status, 200);
        for by in [id, "api"] {
            assert_eq!(ground.ask(by, token).await.text, r#"{"active":false}"#);
        }
    }
}

#[tokio::test]
async fn every_refusal_of_a_client_for_itself_and_of_its_resource() {
    let setup = Setup {
        toml: CLIENTS,
        ..Setup::plain(Backend::Embedded)
    };
    let ground = Ground {
        server: need!(Server::start(setup).await),
    };
    for (by, scope, resource, expected) in [
        (
            "jwt",
            "admin",
            "https://api.example",
            (400, "invalid_scope"),
        ),
        (
            "opaque",
            "write",
            "https://api.example",
            (400, "invalid_scope"),
        ),
        (
            "jwt",
            "read",
            "https://other.example",
            (400, "invalid_target"),
        ),
        ("jwt", "read", "api", (400, "invalid_target")),
        (
            "jwt",
            "read",
            "https://api.example/#x",
            (400, "invalid_target"),
        ),
        (
            "api",
            "read",
            "https://api.example",
            (400, "unauthorized_client"),
        ),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("resource", resource),
        ];
        let refused = ground.client(by).token(&form).await.expect("an answer");
        assert_eq!(
            refused.refusal(),
            expected,
            "{by} {scope} {resource}: {}",
            refused.text
        );
    }
    let nobody = Machine::new(&ground.server, "public", None);
    let refused = nobody
        .token(&[("grant_type", "client_credentials")])
        .await
        .expect("an answer");
    assert_eq!(refused.refusal(), (400, "unauthorized_client"));
    // RFC 6749 §3.3: fewer than were asked for are told; §5.2: of none at all nothing is issued.
    let ask = async |scope: &str, resource: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("resource", resource),
        ];
        ground.client("jwt").token(&form).await.expect("an answer")
    };
    let fewer = ask("openid read", "https://api.example").await;
    assert_eq!((fewer.status.as_u16(), fewer.get("scope")), (200, "read"));
    let said = claims(fewer.get("access_token")).expect("a JWT");
    assert_eq!(said["scope"], "read");
    for (scope, resource) in [
        ("openid", "https://api.example"),
        ("read write", ground.server.issuer.as_str()),
    ] {
        let none = ask(scope, resource).await;
        assert_eq!(
            none.refusal(),
            (400, "invalid_scope"),
            "{scope}: {}",
            none.text
        );
    }
    // The scopes of a resource are good there alone.
    let form = [
        ("grant_type", "client_credentials"),
        ("resource", ground.server.issuer.as_str()),
    ];
    let issued = ground.client("jwt").token(&form).await.expect("an answer");
    assert_eq!(
        (issued.status.as_u16(), issued.get("scope")),
        (200, ""),
        "{}",
        issued.text
    );
}
