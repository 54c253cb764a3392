//! Every page with plausible content, and the two ways its texts are varied.

use super::super::demo::{Claim, DemoClaims, DemoHome};
use super::super::general::{ErrorPage, Farewell, FormPost, Home, LogoutConfirm, SignedOut};
use super::super::login::{FactorChoice, ScopeLine};
use super::super::{DeviceAsk, Frame, Problem, QrCode, enrol, login, page};
use super::{elsewhere, me};

/// Every page, with `text` applied to every string that a view takes; in the demonstration where `demo`.
pub(super) fn every_page(text: fn(&str) -> String, demo: bool) -> Vec<(&'static str, String)> {
    let t = text;
    let frame = || Frame {
        client_name: Some(t("Northwind Library")),
        demo,
        here: Some(t("/here")),
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
    pages.extend(elsewhere::pages(t, &frame));
    pages.extend(me::pages(t, &frame));
    pages
}

type Make<'a, T> = &'a dyn Fn() -> T;
pub(super) type Pages = Vec<(&'static str, String)>;

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
            "login_register",
            page(&login::Register {
                frame: frame(),
                attempt: attempt(),
                address: Some("https://people.example/new".into()),
                open: false,
            }),
        ),
        (
            "login_register_here",
            page(&login::Register {
                frame: wrong(),
                attempt: attempt(),
                address: None,
                open: true,
            }),
        ),
        (
            "login_register_invited",
            page(&login::Register {
                frame: frame(),
                attempt: attempt(),
                address: None,
                open: false,
            }),
        ),
        (
            "login_select_account",
            page(&login::SelectAccount {
                frame: frame(),
                attempt: attempt(),
                username: username(),
            }),
        ),
        (
            "login_choose",
            page(&login::Choose {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                choices,
                codes: true,
                help: Some(t("https://people.example/help")),
            }),
        ),
        (
            "login_choose_one",
            page(&login::Choose {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                choices: vec![choice("face", "Face", "Your camera, for a few seconds")],
                codes: true,
                help: None,
            }),
        ),
        (
            "login_choose_none",
            page(&login::Choose {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                choices: vec![],
                codes: false,
                help: None,
            }),
        ),
        (
            "login_password",
            page(&login::Password {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                other_ways: false,
                not_you: false,
                rhythm: false,
            }),
        ),
        (
            "login_password_problem",
            page(&login::Password {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                other_ways: true,
                not_you: true,
                rhythm: false,
            }),
        ),
        (
            "login_totp_trust",
            page(&login::Totp {
                frame: Frame {
                    device: Some(DeviceAsk {
                        attempt: attempt(),
                        nonce: t("AAAA"),
                        is_offered: true,
                    }),
                    ..frame()
                },
                attempt: attempt(),
                username: username(),
            }),
        ),
        (
            "login_recognise",
            page(&login::Recognise {
                frame: frame(),
                attempt: attempt(),
                username: username(),
            }),
        ),
        (
            "login_totp",
            page(&login::Totp {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
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
            }),
        ),
        (
            "login_face",
            page(&login::Face {
                frame: frame(),
                attempt: attempt(),
                username: username(),
                capture: t("c4pture"),
                phone: false,
            }),
        ),
        (
            "login_face_problem",
            page(&login::Face {
                frame: wrong(),
                attempt: attempt(),
                username: username(),
                capture: t("c4pture"),
                phone: false,
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
                details: vec![elsewhere::detail(t)],
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
        contact: t("privacy@northwind.example"),
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
        ("enrol_password", page(&enrol::SetPassword { frame: wrong(), place: enrol::Place::Enrolment, username: username(), minimum: 12 })),
        (
            "enrol_totp",
            page(&enrol::Totp {
                frame: frame(),
                place: enrol::Place::Enrolment,
                username: username(),
                qr: QrCode::of("otpauth://totp/Whorl:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Whorl")
                    .expect("fits"),
                secret: t("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
            }),
        ),
        (
            "enrol_passkey",
            page(&enrol::Passkey { frame: frame(), place: enrol::Place::Enrolment, options: options(), label: t("Laptop") }),
        ),
        ("enrol_face", page(&enrol::Face { frame: frame(), capture: t("c4pture") })),
        ("enrol_fingerprint", page(&enrol::Fingerprint { frame: frame() })),
        (
            "enrol_recovery_codes",
            page(&enrol::RecoveryCodes {
                frame: frame(),
                place: enrol::Place::Enrolment,
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
            "farewell",
            page(&Farewell {
                frame: frame(),
                frames: vec![t("https://app.example/out?iss=x&sid=y")],
                next: Some(t("https://app.example/bye")),
            }),
        ),
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
                sign_in: t("/sign-in"),
                register: t("/register"),
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

pub(super) fn plain(text: &str) -> String {
    text.to_owned()
}

pub(super) fn hostile(text: &str) -> String {
    format!("{text}\"'><script>alert(1)</script><img src=x onerror=alert(1)>&quot;{{{{7*7}}}}")
}
