//! The pages of a person's own account.

use super::super::login::ScopeLine;
use super::super::me::{
    Add, AddLine, ApplicationLine, Biometrics, BrowserLine, Download, Erase, FactorLine, History,
    HistoryLine, Home, Lost, Moment, Remove, SessionLine,
};
use super::super::{Frame, page};
use super::samples::Pages;

pub(super) fn pages(t: fn(&str) -> String, frame: &dyn Fn() -> Frame) -> Pages {
    let at = |text: &str| Moment {
        machine: "2026-11-21T18:45:00Z".into(),
        text: t(text),
    };
    let factor = |kind: &str, title: &str, label: Option<&str>, used: Option<&str>| FactorLine {
        id: t("0198f2c4"),
        kind: t(kind),
        title: t(title),
        label: label.map(t),
        backup: (kind == "passkey").then_some("backup-made"),
        added: at("3 May 2026, 09:12 UTC"),
        used: used.map(at),
    };
    let used = Some("21 November 2026, 18:45 UTC");
    let passkey = || factor("passkey", "Passkey", Some("Ada's phone"), used);
    let password = || factor("password", "Password", None, used);
    let session = |device: &str, is_this| SessionLine {
        sid: t("0198f2c5"),
        device: t(device),
        since: at("21 November 2026, 18:45 UTC"),
        is_this,
    };
    let line = |text: &str, place: Option<&str>, reason: Option<&str>, is_refusal| HistoryLine {
        at: at("21 November 2026, 18:45 UTC"),
        text: t(text),
        place: place.map(t),
        reason: reason.map(t),
        is_refusal,
    };
    let happened = || {
        let tried = "A password was tried and did not match";
        let why = Some("What was asked for could not be proved");
        vec![
            line(
                "Signed in to Northwind Library",
                Some("192.0.2.7"),
                None,
                false,
            ),
            line(tried, Some("2001:db8::1f"), None, true),
            line(
                "A sign-in to Northwind Library was refused",
                None,
                why,
                true,
            ),
        ]
    };
    let biometrics = |agreed: bool, kept| Biometrics {
        typing: agreed,
        agreed: agreed.then(|| at("3 May 2026, 09:12 UTC")),
        kept,
    };
    let browser = || BrowserLine {
        id: t("0198f2c6"),
        device: t("Firefox on Linux"),
        since: at("3 May 2026, 09:12 UTC"),
        used: used.map(at),
        until: at("1 August 2026, 09:12 UTC"),
    };
    let home = |said: Option<&str>, full: bool| Home {
        frame: frame(),
        username: t("alice"),
        said: said.map(t),
        by_code: full,
        factors: vec![
            passkey(),
            password(),
            factor("recovery_code", "Recovery codes", Some("9 left"), None),
        ],
        requests: usize::from(full) * 2,
        sessions: match full {
            true => vec![
                session("Firefox on Linux", true),
                session("Safari on iPhone", false),
            ],
            false => vec![session("Firefox on Linux", true)],
        },
        browsers: match full {
            true => vec![browser()],
            false => Vec::new(),
        },
        applications: match full {
            true => vec![ApplicationLine {
                client: t("library"),
                name: t("Northwind Library"),
                scopes: vec![ScopeLine {
                    name: t("profile"),
                    sentence: t("See your name and username"),
                }],
                since: at("3 May 2026, 09:12 UTC"),
            }],
            false => vec![],
        },
        biometrics: biometrics(full, usize::from(full) * 2),
        history: happened(),
    };
    let lost = |full: bool| Lost {
        frame: frame(),
        username: t("alice"),
        factors: full.then(passkey).into_iter().collect(),
        browsers: full.then(browser).into_iter().collect(),
        sessions: full
            .then(|| session("Safari on iPhone", false))
            .into_iter()
            .collect(),
        applications: true,
    };
    let remove = |is_last_way| Remove {
        frame: frame(),
        username: t("alice"),
        factor: passkey(),
        is_last_way,
    };
    let erase = |kept, is_last_way| Erase {
        frame: frame(),
        username: t("alice"),
        biometrics: biometrics(true, kept),
        is_last_way,
    };
    let add = AddLine {
        kind: t("passkey"),
        title: t("Passkey"),
        hint: t("This device, a phone or a security key; you may have several"),
        href: t("/me/factors/add?factor=passkey"),
    };
    let history = |lines, older: Option<&str>| History {
        frame: frame(),
        username: t("alice"),
        lines,
        older: older.map(t),
    };
    let said = Some("It is set up. You can sign in with it from now on.");
    vec![
        ("me_home", page(&home(said, true))),
        ("me_home_plain", page(&home(None, false))),
        (
            "me_history",
            page(&history(happened(), Some("/me/history?before=7"))),
        ),
        ("me_history_end", page(&history(vec![], None))),
        (
            "me_add",
            page(&Add {
                frame: frame(),
                username: t("alice"),
                choices: vec![add],
            }),
        ),
        ("me_lost", page(&lost(true))),
        ("me_lost_nothing", page(&lost(false))),
        ("me_remove", page(&remove(false))),
        ("me_remove_last", page(&remove(true))),
        ("me_erase", page(&erase(2, false))),
        ("me_erase_last", page(&erase(1, true))),
        (
            "me_data",
            page(&Download {
                frame: frame(),
                username: t("alice"),
            }),
        ),
    ]
}
