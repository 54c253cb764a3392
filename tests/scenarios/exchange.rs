//! Tokens exchanged for others, by rule alone (RFC 8693).

use tests::{
    machine::{Machine, claims},
    on_both_backends,
    relying_party::Ask,
};

const CONFIG: &str = r#"
[[resource]]
uri = "https://orders.example"
scopes = ["orders:read"]
[[client]]
id = "shop"
secret = "a secret of shop"
scopes = ["openid", "profile", "orders:read"]
redirect_uris = ["http://localhost:1/callback?tenant=1"]
[[client]]
id = "gateway"
secret = "a secret of gateway"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials"]
scopes = ["openid", "orders:read"]
redirect_uris = ["https://gateway.example/cb"]
[[client]]
id = "stranger"
secret = "a secret of stranger"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
scopes = ["openid", "orders:read"]
redirect_uris = ["https://stranger.example/cb"]
[[token_exchange]]
client = "gateway"
from = ["shop"]
resources = ["https://orders.example"]
scopes = "orders:read"
delegate = true
"#;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

on_both_backends! {
    with CONFIG;

    async fn an_actor_gets_a_token_of_its_own_for_a_subject(scene: Scene) {
        let client = |id: &str| Machine::new(&scene.server, id, Some(&format!("a secret of {id}")));
        let (gateway, stranger) = (client("gateway"), client("stranger"));
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let shop = tests::relying_party::RelyingParty::discover(
            &scene.server.issuer,
            "shop",
            Some("a secret of shop"),
            "http://localhost:1/callback?tenant=1",
        );
        let shop = shop.await.expect("discovery");
        let begun = shop.begin(Ask { scopes: &["orders:read"], ..Ask::default() });
        let back = subject.sign_in_with_recovery_code(&tests::person::Person::new(), &begun.url).await;
        let login = shop.finish(begun, &back.expect("signed in")).await.expect("a login");
        let own = gateway.token(&[("grant_type", "client_credentials")]).await.expect("an answer");
        let actor = own.get("access_token");
        let form = |subject| {
            vec![
                ("grant_type", GRANT),
                ("subject_token", subject),
                ("subject_token_type", ACCESS),
                ("actor_token", actor),
                ("actor_token_type", ACCESS),
                ("resource", "https://orders.example"),
            ]
        };
        let good = form(&login.access_token);
        let issued = gateway.token(&good).await.expect("an answer");
        assert_eq!(issued.status, 200, "{}", issued.text);
        assert_eq!((issued.get("issued_token_type"), issued.get("scope")), (ACCESS, "orders:read"));
        let said = claims(issued.get("access_token")).expect("a JWT");
        assert_eq!(said["sub"], login.claims.subject().as_str());
        assert_eq!((&said["act"]["sub"], &said["client_id"]), (&"gateway".into(), &"gateway".into()));
        assert_eq!(said["aud"], "https://orders.example");
        let shown = gateway.post("/introspect", &[("token", issued.get("access_token"))], &[]).await;
        assert_eq!(shown.expect("an answer").body["act"]["sub"], "gateway");

        // Without a rule, with more than the rule has, or without the actor that it wants: nothing.
        for (by, change, expected) in [
            (&stranger, None, (400, "unauthorized_client")),
            (&client("shop"), None, (400, "unauthorized_client")),
            (&gateway, Some(("scope", "openid")), (400, "invalid_scope")),
            (&gateway, Some(("subject_token", "x")), (400, "invalid_request")),
            (&gateway, Some(("subject_token", actor)), (400, "invalid_request")),
            (&gateway, Some(("resource", "https://other.example")), (400, "invalid_target")),
            (&gateway, Some(("audience", "orders")), (400, "invalid_target")),
        ] {
            let mut form = good.clone();
            if let Some((name, value)) = change {
                form.retain(|(other, _)| *other != name);
                form.push((name, value));
            }
            let refused = by.token(&form).await.expect("an answer");
            assert_eq!(refused.refusal(), expected, "{change:?}: {}", refused.text);
        }
        let alone: Vec<_> = good.iter().copied().filter(|(name, _)| !name.starts_with("actor")).collect();
        let refused = gateway.token(&alone).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_request"), "nobody becomes the subject");

        // What takes back the subject's login takes back what was exchanged.
        let form = [("token", login.access_token.as_str())];
        let revoked = client("shop").post("/revoke", &form, &[]).await.expect("an answer");
        assert_eq!(revoked.status, 200);
        let refused = gateway.token(&good).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_request"), "a revoked token is exchanged no more");
    }
}
