//! Every page rendered: pinned as a snapshot, held against markup in its fields, and against the rules
//! of the policy and of accessibility that markup alone can show.

use std::collections::HashSet;

use scraper::{ElementRef, Html, Selector};

use super::demo::{Claim, DemoClaims, DemoHome};
use super::general::{ErrorPage, FormPost, Home, LogoutConfirm, SignedOut};
use super::login::{FactorChoice, ScopeLine};
use super::{Frame, Problem, QrCode, content_security_policy, enrol, login, page};
use crate::http::assets;

/// Every page, with `text` applied to every string that a view takes; in the demonstration where `demo`.
fn every_page(text: fn(&str) -> String, demo: bool) -> Vec<(&'static str, String)> {
    let t = text;
    let frame = || Frame {
        client_name: Some(t("Northwind Library")),
        demo,
        ..Frame::new("N0nce")
    };
    let wrong = || Frame {
        problem: Some(Problem {
            title: t("That did not work"),
            advice: t("Check what you entered and try again, or use another way."),
        }),
        ..frame()
    };
    let attempt = || t("0198f2c4");
    let username = || t("alice");
    let options = || t(r#"{"challenge":"AAAA","rpId":"localhost"}"#);
    let mut pages = login_pages(t, &frame, &wrong, &attempt, &username, &options);
    pages.extend(enrol_pages(t, &frame, &wrong, &username, &options));
    pages.extend(other_pages(t, &frame, &wrong, &username));
    pages
}

type Make<'a, T> = &'a dyn Fn() -> T;
type Pages = Vec<(&'static str, String)>;

fn login_pages(
    t: fn(&str) -> String,
    frame: Make<Frame>,
    wrong: Make<Frame>,
    attempt: Make<String>,
    username: Make<String>,
    options: Make<String>,
) -> Pages {
    let choice = |kind: &str, title: &str, hint: &str| FactorChoice {
        kind: t(kind),
        title: t(title),
        hint: t(hint),
    };
    let choices = vec![
        choice(
            "passkey",
            "Passkey",
            "Your device and its finger, face or PIN",
        ),
        choice("face", "Face", "Your camera, for a few seconds"),
        choice(
            "fingerprint",
            "Fingerprint",
            "A sensor that signs what it sees",
        ),
        choice("password", "Password", "What you chose when you set up"),
        choice("totp", "Authenticator app", "A six-digit code"),
        choice(
            "recovery_code",
            "Recovery code",
            "One of those that you saved",
        ),
    ];
    let scope = |name: &str, sentence: &str| ScopeLine {
        name: t(name),
        sentence: t(sentence),
    };
    let scopes = vec![
        scope("openid", "Know that it is you, by an identifier of its own"),
        scope("profile", "See your name"),
        scope("offline_access", "Stay signed in while you are away"),
    ];
    vec![
        (
            "login_identify",
            page(&login::Identify {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                passkey: Some(options()),
            }),
        ),
        (
            "login_identify_problem",
            page(&login::Identify {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                passkey: None,
            }),
        ),
        (
            "login_choose",
            page(&login::Choose {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                choices,
            }),
        ),
        (
            "login_choose_none",
            page(&login::Choose {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                choices: vec![],
            }),
        ),
        (
            "login_password",
            page(&login::Password {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                other_ways: false,
            }),
        ),
        (
            "login_password_problem",
            page(&login::Password {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                other_ways: true,
            }),
        ),
        (
            "login_totp",
            page(&login::Totp {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                other_ways: true,
            }),
        ),
        (
            "login_recovery_code",
            page(&login::RecoveryCode {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                other_ways: true,
            }),
        ),
        (
            "login_passkey",
            page(&login::Passkey {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                options: options(),
                other_ways: true,
            }),
        ),
        (
            "login_face",
            page(&login::Face {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                capture: t("c4pture"),
            }),
        ),
        (
            "login_face_problem",
            page(&login::Face {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                capture: t("c4pture"),
            }),
        ),
        (
            "login_fingerprint",
            page(&login::Fingerprint {
                frame: frame(),
                attempt: attempt(),
                username: username(),
            }),
        ),
        (
            "login_consent",
            page(&login::Consent {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                scopes,
            }),
        ),
    ]
}

fn enrol_pages(
    t: fn(&str) -> String,
    frame: Make<Frame>,
    wrong: Make<Frame>,
    username: Make<String>,
    options: Make<String>,
) -> Pages {
    use enrol::EnrolState::{Done, Missing, Optional};
    let item = |kind: &str, title: &str, hint: &str, state, href: &str| enrol::EnrolItem {
        kind: t(kind),
        title: t(title),
        hint: t(hint),
        state,
        href: t(href),
    };
    let items = || {
        vec![
            item(
                "passkey",
                "Passkey",
                "Your device and its finger, face or PIN",
                Missing,
                "/enrol/passkey",
            ),
            item(
                "password",
                "Password",
                "Four or five words",
                Done,
                "/enrol/password",
            ),
            item(
                "totp",
                "Authenticator app",
                "A six-digit code",
                Optional,
                "/enrol/totp",
            ),
            item(
                "face",
                "Face",
                "Your camera; asks for your consent first",
                Optional,
                "/enrol/consent",
            ),
            item(
                "recovery_code",
                "Recovery codes",
                "For the day a device is lost",
                Missing,
                "/enrol/recovery_code",
            ),
        ]
    };
    let consent = |granted| enrol::BiometricConsent {
        frame: frame(),
        retention: t("until you withdraw, and at most two years after your last sign-in"),
        contact: Some(t("privacy@northwind.example")),
        granted,
    };
    let codes = [
        "7QKD-M2XA",
        "P4TT-9ZRW",
        "H8CN-V3LE",
        "2MYB-K6QS",
        "R5JD-X7FA",
        "W9GU-T4NP",
        "C3EH-B8VZ",
        "L6SA-Y2KM",
    ];
    vec![
        (
            "enrol_welcome",
            page(&enrol::Welcome {
                frame: frame(),
                username: username(),
                token: t("inv1tation"),
                expires: t("21 November 2026, 18:00 UTC"),
            }),
        ),
        (
            "enrol_overview",
            page(&enrol::Overview {
                frame: frame(),
                username: username(),
                items: items(),
                still_needed: Some(t("Still needed: a passkey, and recovery codes.")),
            }),
        ),
        (
            "enrol_overview_satisfied",
            page(&enrol::Overview { frame: frame(), username: username(), items: items(), still_needed: None }),
        ),
        ("enrol_consent", page(&consent(false))),
        ("enrol_consent_granted", page(&consent(true))),
        ("enrol_password", page(&enrol::SetPassword { frame: wrong(), username: username(), minimum: 12 })),
        (
            "enrol_totp",
            page(&enrol::Totp {
                frame: frame(),
                username: username(),
                qr: QrCode::of("otpauth://totp/Whorl:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Whorl")
                    .expect("fits"),
                secret: t("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
            }),
        ),
        (
            "enrol_passkey",
            page(&enrol::Passkey { frame: frame(), options: options(), label: t("Laptop") }),
        ),
        ("enrol_face", page(&enrol::Face { frame: frame(), capture: t("c4pture") })),
        ("enrol_fingerprint", page(&enrol::Fingerprint { frame: frame() })),
        (
            "enrol_recovery_codes",
            page(&enrol::RecoveryCodes {
                frame: frame(),
                username: username(),
                codes: codes.iter().map(|code| t(code)).collect(),
            }),
        ),
        (
            "enrol_done",
            page(&enrol::Done {
                frame: frame(),
                username: username(),
                continue_to: Some(t("https://library.northwind.example/")),
            }),
        ),
    ]
}

fn other_pages(
    t: fn(&str) -> String,
    frame: Make<Frame>,
    wrong: Make<Frame>,
    username: Make<String>,
) -> Pages {
    let claim = |name: &str, value: &str, meaning: &str| Claim {
        name: t(name),
        value: t(value),
        meaning: t(meaning),
    };
    let fields = || {
        vec![
            (t("code"), t("SplxlOBeZQQYbYS6WxSbIA")),
            (t("state"), t("af0ifjsldkj")),
        ]
    };
    vec![
        (
            "error",
            page(&ErrorPage {
                frame: frame(),
                status: 503,
                title: t("The server is busy"),
                advice: t("Too many people are signing in at this moment. Nothing was lost."),
                code: t("temporarily_unavailable"),
                request_id: t("0198f2c4-7a51-7d11-9c0e-6a1f0c2b7e55"),
                retry_after: Some(30),
            }),
        ),
        ("signed_out", page(&SignedOut { frame: frame() })),
        (
            "logout_confirm",
            page(&LogoutConfirm {
                frame: frame(),
                username: Some(username()),
                fields: fields(),
            }),
        ),
        (
            "home",
            page(&Home {
                frame: frame(),
                issuer: t("http://localhost:8080"),
                demo_app: Some(t("http://localhost:8090/")),
            }),
        ),
        (
            "form_post",
            page(&FormPost {
                frame: frame(),
                action: t("https://library.example/cb"),
                fields: fields(),
            }),
        ),
        (
            "demo_home",
            page(&DemoHome {
                frame: wrong(),
                sign_in: t("/login"),
                issuer: t("http://localhost:8080"),
            }),
        ),
        (
            "demo_claims",
            page(&DemoClaims {
                frame: frame(),
                id_token: vec![
                    claim("iss", "http://localhost:8080", "Who says so"),
                    claim(
                        "sub",
                        "0198f2c4-7a51-7d11-9c0e-6a1f0c2b7e55",
                        "Who you are, for this application",
                    ),
                    claim("acr", "urn:whorl:acr:demo", "How sure the provider is"),
                    claim("amr", "[\"pwd\",\"face\"]", "What you signed in with"),
                    claim("nonce", "d2Fsa2luZw", ""),
                ],
                userinfo: vec![claim("preferred_username", "alice", "Your username")],
                sign_out: t("/logout"),
            }),
        ),
    ]
}

fn plain(text: &str) -> String {
    text.to_owned()
}

fn hostile(text: &str) -> String {
    format!("{text}\"'><script>alert(1)</script><img src=x onerror=alert(1)>&quot;{{{{7*7}}}}")
}

/// Each page in both deployments, under a name of its own.
fn plain_pages() -> Vec<(String, Html)> {
    let mut documents = Vec::new();
    for demo in [false, true] {
        for (name, html) in every_page(plain, demo) {
            documents.push((
                format!("{name} (demo: {demo})"),
                Html::parse_document(&html),
            ));
        }
    }
    documents
}

fn all<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    document
        .select(&Selector::parse(selector).expect("a selector"))
        .collect()
}

/// Names and attribute names of all elements in order: what markup in a field must not change.
fn skeleton(html: &str) -> Vec<String> {
    all(&Html::parse_document(html), "*")
        .iter()
        .map(|element| {
            let mut names: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            names.sort_unstable();
            format!("{} {}", element.value().name(), names.join(" "))
        })
        .collect()
}

#[test]
fn every_page_looks_as_it_did() {
    for (name, html) in every_page(plain, true) {
        // To look at the pages: set this to a folder, and serve that folder with the assets beside it.
        if let Some(folder) = std::env::var_os("WHORL_GALLERY") {
            let file = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(file, &html).expect("the gallery's folder can be written");
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, without_versions(&html));
        });
    }
}

/// Pages that write no field of theirs.
const TEXTLESS: [&str; 2] = ["enrol_fingerprint", "signed_out"];

/// Asset versions change with every edit of an asset, which is no change of the page.
fn without_versions(html: &str) -> String {
    let mut parts = html.split("?v=");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("?v=…");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

#[test]
fn markup_in_any_field_stays_text() {
    for demo in [false, true] {
        for ((name, clean), (_, attacked)) in every_page(plain, demo)
            .iter()
            .zip(&every_page(hostile, demo))
        {
            assert!(
                !attacked.contains("<script>alert"),
                "{name}: a script came through"
            );
            assert!(
                attacked.contains("alert(1)") || TEXTLESS.contains(name),
                "{name}: no field is written"
            );
            if *name != "enrol_totp" {
                assert_eq!(
                    skeleton(clean),
                    skeleton(attacked),
                    "{name}: the structure changed"
                );
            }
        }
    }
}

#[test]
fn a_secret_with_markup_changes_only_the_number_of_groups() {
    let of = |pages: Pages| {
        pages
            .into_iter()
            .find(|(name, _)| *name == "enrol_totp")
            .expect("rendered")
            .1
    };
    let kinds = |html: String| skeleton(&html).into_iter().collect::<HashSet<_>>();
    assert_eq!(
        kinds(of(every_page(plain, true))),
        kinds(of(every_page(hostile, true)))
    );
}

#[test]
fn no_page_carries_inline_style_or_script() {
    for (name, document) in plain_pages() {
        assert!(
            all(&document, "style, iframe, object, embed, base").is_empty(),
            "{name}"
        );
        for script in all(&document, "script") {
            assert!(
                script
                    .attr("src")
                    .is_some_and(|src| src.starts_with("/assets/")),
                "{name}: inline script"
            );
            assert_eq!(script.attr("nonce"), Some("N0nce"), "{name}");
            assert_eq!(script.attr("type"), Some("module"), "{name}");
        }
        for element in all(&document, "*") {
            for (attribute, _) in element.value().attrs() {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: {attribute}"
                );
            }
        }
    }
}

#[test]
fn every_asset_that_a_page_names_is_embedded() {
    for (name, document) in plain_pages() {
        for (selector, attribute) in [("script", "src"), ("link", "href"), ("use", "href")] {
            for element in all(&document, selector) {
                let address = element.attr(attribute).expect("has an address");
                let (path, fragment) = address.split_once('#').unwrap_or((address, ""));
                let file = path.split(['/', '?']).nth(2).expect("a name");
                let asset =
                    assets::find(file).unwrap_or_else(|| panic!("{name}: {file} is missing"));
                assert!(
                    path.ends_with(&asset.version),
                    "{name}: {address} has no version"
                );
                let text = String::from_utf8_lossy(asset.bytes);
                assert!(
                    text.contains(&format!("id=\"{fragment}\"")) || fragment.is_empty(),
                    "{name}: {address}"
                );
            }
        }
    }
}

#[test]
fn every_page_can_be_read_aloud() {
    for (name, document) in plain_pages() {
        assert_eq!(
            all(&document, "html[lang=en]").len(),
            1,
            "{name}: no language"
        );
        assert_eq!(all(&document, "h1").len(), 1, "{name}: one main heading");
        assert_eq!(all(&document, "main").len(), 1, "{name}: one main part");
        let title: String = all(&document, "title")
            .iter()
            .flat_map(|title| title.text())
            .collect();
        assert!(
            title.len() > 10 && !title.starts_with(' '),
            "{name}: title {title:?}"
        );
        assert!(
            all(&document, "[autofocus]").len() <= 1,
            "{name}: two inputs ask for the focus"
        );

        let ids: Vec<&str> = all(&document, "[id]")
            .iter()
            .filter_map(|element| element.attr("id"))
            .collect();
        let unique: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: an id stands twice");
        for attribute in [
            "aria-describedby",
            "aria-labelledby",
            "aria-controls",
            "for",
        ] {
            for element in all(&document, &format!("[{attribute}]")) {
                for id in element
                    .attr(attribute)
                    .unwrap_or_default()
                    .split_whitespace()
                {
                    assert!(
                        unique.contains(id),
                        "{name}: {attribute} names {id}, which is not there"
                    );
                }
            }
        }
        for input in all(&document, "input:not([type=hidden], [hidden])") {
            let labelled = input
                .attr("id")
                .is_some_and(|id| !all(&document, &format!("label[for={id}]")).is_empty());
            let wrapped = input
                .parent()
                .and_then(ElementRef::wrap)
                .is_some_and(|parent| parent.value().name() == "label");
            assert!(labelled || wrapped, "{name}: an input without a label");
        }
        for button in all(&document, "button, a[href]") {
            assert!(
                button.text().any(|text| !text.trim().is_empty()),
                "{name}: a control without a name"
            );
        }
    }
}

#[test]
fn a_problem_is_told_beside_its_input() {
    for (name, document) in plain_pages()
        .iter()
        .filter(|(name, _)| name.starts_with("login_password_problem"))
    {
        let input = all(document, "#password")[0];
        assert_eq!(input.attr("aria-invalid"), Some("true"), "{name}");
        assert!(
            input
                .attr("aria-describedby")
                .is_some_and(|ids| ids.contains("problem")),
            "{name}"
        );
        assert_eq!(all(document, "#problem[role=alert]").len(), 1, "{name}");
    }
}

#[test]
fn uploads_are_offered_in_the_demonstration_only() {
    for (name, document) in plain_pages() {
        let uploads = all(&document, "input[type=file]").len();
        assert!(
            name.ends_with("true)") || uploads == 0,
            "{name} takes an upload"
        );
    }
    let uploads: usize = plain_pages()
        .iter()
        .map(|(_, document)| all(document, "input[type=file]").len())
        .sum();
    assert_eq!(
        uploads, 5,
        "two faces at login, a face at enrolment, a fingerprint each"
    );
}

#[test]
fn the_policy_names_only_the_nonce_and_what_a_form_needs() {
    assert_eq!(
        content_security_policy("N0nce", &["https://library.example"]),
        "default-src 'none'; script-src 'nonce-N0nce'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self' https://library.example; frame-ancestors 'none'; base-uri 'none'"
    );
}
