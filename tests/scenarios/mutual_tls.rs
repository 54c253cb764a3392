//! Clients with certificates: they authenticate with them, and their tokens are bound to them (RFC 8705), at our own
//! listener and behind a proxy that tells the certificate (RFC 9440).

use tests::{
    machine::{Answer, Machine, claims},
    mutual_tls::{Authority, Identity, Provider},
    need, on_both_backends,
    person::Person,
    relying_party::{Ask, RelyingParty},
    server::{Backend, Server, Setup},
};

const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// Clients of each method; `{jwk}` is that of the registered certificate.
const CLIENTS: &str = r#"
[[client]]
id = "by-name"
token_endpoint_auth_method = "tls_client_auth"
tls_client_auth_san_dns = "job.example"
grant_types = ["client_credentials"]
scopes = ["openid"]
redirect_uris = ["https://job.example/cb"]
tls_client_certificate_bound_access_tokens = true
[[client]]
id = "by-subject"
token_endpoint_auth_method = "tls_client_auth"
tls_client_auth_subject_dn = "cn=job.example"
grant_types = ["client_credentials"]
scopes = ["openid"]
redirect_uris = ["https://job.example/cb"]
[[client]]
id = "by-key"
token_endpoint_auth_method = "self_signed_tls_client_auth"
jwks = { keys = [{jwk}] }
grant_types = ["client_credentials"]
scopes = ["openid"]
redirect_uris = ["https://job.example/cb"]
tls_client_certificate_bound_access_tokens = true
[[client]]
id = "by-secret"
secret = "a secret of by-secret"
grant_types = ["client_credentials"]
scopes = ["openid"]
redirect_uris = ["https://job.example/cb"]
tls_client_certificate_bound_access_tokens = true
"#;

fn clients(registered: &Identity) -> String {
    let jwk = registered.jwk();
    let text = |name: &str| jwk[name].as_str().unwrap_or_default();
    let jwk = format!(
        "{{ kty = \"EC\", crv = \"P-256\", x = {:?}, y = {:?}, x5c = [{:?}] }}",
        text("x"),
        text("y"),
        jwk["x5c"][0].as_str().unwrap_or_default()
    );
    CLIENTS.replace("{jwk}", &jwk)
}

fn bound_to(token: &str) -> String {
    let claims = claims(token).expect("a JWT");
    claims["cnf"]["x5t#S256"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_authenticate_at_our_own_listener() {
    let authority = Authority::new("the clients' authority").expect("made");
    let stranger = Authority::new("the clients' authority").expect("made");
    let (job, other) = (
        authority.identity("job.example").expect("made"),
        authority.identity("other.example").expect("made"),
    );
    let (own, copy) = (
        Identity::self_signed("job.example").expect("made"),
        Identity::self_signed("job.example").expect("made"),
    );
    let foreign = stranger.identity("job.example").expect("made");
    let provider = Provider::start(&authority, &clients(&own))
        .await
        .expect("starts");
    let at = |base: &str, id: &str, with: Option<&Identity>| {
        let secret = (id == "by-secret").then_some("a secret of by-secret");
        let http = provider.connections(with).expect("connections");
        Machine::at(base, id, secret).through(http)
    };
    let ask = |id: &'static str, with| {
        let machine = at(&provider.alias, id, with);
        async move { machine.token(&OWN).await.expect("an answer") }
    };

    // RFC 8705 §3.3, §5: what is said about it.
    let discovery = format!("{}/.well-known/openid-configuration", provider.issuer);
    let said = provider
        .connections(None)
        .expect("connections")
        .get(discovery);
    let said: serde_json::Value = said.send().await.expect("sent").json().await.expect("JSON");
    assert_eq!(said["tls_client_certificate_bound_access_tokens"], true);
    let aliases = &said["mtls_endpoint_aliases"];
    assert_eq!(
        aliases["token_endpoint"],
        format!("{}/token", provider.alias)
    );
    let methods = said["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains("\"tls_client_auth\"") && methods.contains("self_signed_tls"));

    // RFC 8705 §2.1: by a name that an authority vouches for. The token is bound (§3.1).
    let issued = ask("by-name", Some(&job)).await;
    assert_eq!(
        (issued.status.as_u16(), issued.get("token_type")),
        (200, "Bearer"),
        "{}",
        issued.text
    );
    let token = issued.get("access_token");
    assert_eq!(bound_to(token), job.thumbprint());
    let machine = at(&provider.alias, "by-name", Some(&job));
    let asked = machine
        .post("/introspect", &[("token", token)], &[])
        .await
        .expect("an answer");
    assert_eq!(
        asked.body["cnf"]["x5t#S256"],
        job.thumbprint(),
        "RFC 8705 §3.2: {}",
        asked.text
    );
    let by_subject = ask("by-subject", Some(&job)).await;
    assert_eq!(by_subject.status, 200, "{}", by_subject.text);
    assert_eq!(
        bound_to(by_subject.get("access_token")),
        "",
        "it did not ask for it"
    );

    // RFC 8705 §2.2: by the certificate that was registered.
    let issued = ask("by-key", Some(&own)).await;
    assert_eq!(issued.status, 200, "{}", issued.text);
    assert_eq!(bound_to(issued.get("access_token")), own.thumbprint());

    // RFC 8705 §3: binding alone, whoever vouches for the certificate.
    let issued = ask("by-secret", Some(&copy)).await;
    assert_eq!(bound_to(issued.get("access_token")), copy.thumbprint());
    assert_eq!(
        ask("by-secret", None).await.refusal(),
        (400, "invalid_request")
    );

    let refused = |answer: Answer, what: &str| {
        assert_eq!(
            answer.refusal(),
            (401, "invalid_client"),
            "{what}: {}",
            answer.text
        );
    };
    for id in ["by-name", "by-subject"] {
        refused(ask(id, None).await, "no certificate");
        refused(ask(id, Some(&other)).await, "another name");
        refused(ask(id, Some(&foreign)).await, "another authority");
        refused(ask(id, Some(&own)).await, "no authority");
    }
    refused(ask("by-key", None).await, "no certificate");
    refused(
        ask("by-key", Some(&copy)).await,
        "another key of the same name",
    );
    refused(ask("by-key", Some(&job)).await, "another certificate");
    // Where no certificate is asked for, none is there; and nobody may just tell one.
    let here = at(&provider.issuer, "by-name", Some(&job));
    refused(
        here.token(&OWN).await.expect("an answer"),
        "where none is asked for",
    );
    let value = job.header();
    for base in [&provider.issuer, &provider.alias] {
        let told = at(base, "by-name", None);
        let told = told.post("/token", &OWN, &[("client-cert", &value)]).await;
        refused(told.expect("an answer"), "a header from anybody");
    }
}

const BEHIND_A_PROXY: &str = r#"
trusted_proxies = ["127.0.0.1/32"]
[mtls]
client_cert_header = true
[[resource]]
uri = "https://orders.example"
scopes = ["orders:read"]
[[client]]
id = "shop"
scopes = ["openid", "profile", "offline_access", "orders:read"]
redirect_uris = ["http://localhost:1/callback?tenant=1"]
tls_client_certificate_bound_access_tokens = true
[[client]]
id = "gateway"
secret = "a secret of gateway"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
scopes = ["openid", "orders:read"]
redirect_uris = ["https://gateway.example/cb"]
[[token_exchange]]
client = "gateway"
from = ["shop"]
resources = ["https://orders.example"]
scopes = "orders:read"
impersonate = true
"#;

on_both_backends! {
    with BEHIND_A_PROXY;

    async fn a_bound_token_is_good_with_its_certificate_alone(scene: Scene) {
        let (own, other) = (
            Identity::self_signed("shop.example").expect("made").header(),
            Identity::self_signed("shop.example").expect("made").header(),
        );
        let (own, other) = ([("client-cert", own.as_str())], [("client-cert", other.as_str())]);
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let redirect = "http://localhost:1/callback?tenant=1";
        let shop = RelyingParty::discover(&scene.server.issuer, "shop", None, redirect);
        let shop = shop.await.expect("discovery");
        let begun = shop.begin(Ask { scopes: &["offline_access", "orders:read"], ..Ask::default() });
        let back = subject.sign_in_with_recovery_code(&Person::new(), &begun.url).await;
        let code = shop.code(&begun, &back.expect("signed in")).expect("a code");
        let machine = Machine::new(&scene.server, "shop", None);
        let grant = shop.code_grant(&code, &begun.verifier);
        let refused = machine.token(&grant).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_request"), "no certificate");
        for bad in ["x", ":eA==:", ":eA==:, :eA==:"] {
            let refused = machine.post("/token", &grant, &[("client-cert", bad)]).await;
            assert_eq!(refused.expect("an answer").status, 400, "{bad}");
        }
        let issued = machine.post("/token", &grant, &own).await.expect("an answer");
        assert_eq!((issued.status.as_u16(), issued.get("token_type")), (200, "Bearer"), "{}", issued.text);
        let (access, refresh) = (issued.get("access_token"), issued.get("refresh_token"));

        // RFC 8705 §3: at the resource.
        let http = reqwest::Client::new();
        let mut statuses = Vec::new();
        for headers in [Some(own), Some(other), None] {
            let mut request = http.get(scene.server.url("/userinfo")).bearer_auth(access);
            for (name, value) in headers.into_iter().flatten() {
                request = request.header(name, value);
            }
            statuses.push(request.send().await.expect("sent").status().as_u16());
        }
        assert_eq!(statuses, [200, 401, 401]);

        // RFC 8705 §4: a public client's refresh token too, which is then not rotated.
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let refused = machine.post("/token", &form, &other).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_grant"));
        for _ in 0..2 {
            let again = machine.post("/token", &form, &own).await.expect("an answer");
            assert_eq!(again.status, 200, "{}", again.text);
            assert!(again.body["refresh_token"].is_null());
        }

        // Nobody exchanges it without the certificate either (RFC 8693 §2.1).
        let gateway = Machine::new(&scene.server, "gateway", Some("a secret of gateway"));
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", access),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("resource", "https://orders.example"),
        ];
        let refused = gateway.post("/token", &form, &other).await.expect("an answer");
        assert_eq!(refused.refusal(), (400, "invalid_request"));
        let exchanged = gateway.post("/token", &form, &own).await.expect("an answer");
        assert_eq!(exchanged.status, 200, "{}", exchanged.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_believed_from_trusted_proxies_alone() {
    let own = Identity::self_signed("job.example").expect("made");
    let value = own.header();
    for (proxies, header, status) in [
        ("127.0.0.1/32", true, 200),
        ("192.0.2.0/24", true, 401),
        ("127.0.0.1/32", false, 401),
    ] {
        let toml = format!(
            "trusted_proxies = [{proxies:?}]\n[mtls]\nclient_cert_header = {header}\n{}",
            clients(&own)
        );
        let setup = Setup {
            toml: &toml,
            ..Setup::plain(Backend::Embedded)
        };
        let server = need!(Server::start(setup).await);
        let machine = Machine::new(&server, "by-key", None);
        let answer = machine
            .post("/token", &OWN, &[("client-cert", &value)])
            .await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, status, "{proxies} {header}: {}", answer.text);
    }
}
