//! The commands on configurations and on a database.

use std::sync::Arc;

use time::Duration;
use wire::{AttemptId, ClientId, CredentialId, FactorKind};

use super::check::Report;
use super::explain::{Band, Options, demonstrated, given, past_one};
use super::simulate::text;
use crate::config::Config;
use crate::factors::Evidence;
use crate::login::attempt::Target;
use crate::login::policy::Circumstances;
use crate::login::policy::replay::{Past, Turn};
use crate::oidc::acr::{Acr, AcrRequest};
use crate::policies::simulation::{Bounds, replay};
use crate::store::Decision;
use crate::store::tests::{NOW, store, subject};

const CIRCUMSPECT: &str = r#"
    [policy]
    default_acr = "urn:whorl:acr:mfa"
    [[policy.acr]]
    name = "urn:whorl:acr:mfa"
    any_of = [["passkey"], ["password", "totp"]]
    [[policy.acr]]
    name = "urn:whorl:acr:body"
    names = ["phr"]
    any_of = [["passkey", "face", "fingerprint"]]
    max_age_s = { face = 60 }
    [[policy.group]]
    name = "admins"
    members = ["ada"]
    [[policy.condition]]
    name = "administrators"
    groups = ["admins"]
    low = "step_up"
    step_up_to = "urn:whorl:acr:body"
    high = "deny"
    [[client]]
    id = "portal"
    redirect_uris = ["https://portal.example/cb"]
    acr_aliases = { phrh = "urn:whorl:acr:mfa" }
"#;

fn options(shown: &[&str]) -> Options {
    use clap::{Args as _, FromArgMatches as _};
    let words = shown.iter().flat_map(|text| ["--shown", text]);
    let command = Options::augment_args(clap::Command::new("explain"));
    let matches = command
        .try_get_matches_from(std::iter::once("explain").chain(words))
        .expect("well typed");
    Options::from_arg_matches(&matches).expect("well typed")
}

#[test]
fn a_check_tells_every_acr_and_every_condition() {
    let report = Report::of(&Config::from_toml(CIRCUMSPECT).expect("usable"));
    insta::assert_snapshot!(report.text());
}

#[test]
fn a_check_names_every_fault_at_once() {
    let config = Config::unchecked_from_toml(
        "[policy]\ndefault_acr = \"urn:none\"\n[[policy.acr]]\nname = \"phr\"\nany_of = [[\"password\"], []]",
    );
    let report = Report::of(&config.expect("readable"));
    assert_eq!(report.faults.len(), 4, "{:?}", report.faults);
    assert!(report.text().contains("4 to mend before it can be used"));
}

#[test]
fn a_decision_is_explained() {
    let config = Config::from_toml(CIRCUMSPECT).expect("usable");
    let mut asked = options(&["passkey@30", "face@90:1e-3", "fingerprint:1e-3"]);
    asked.groups = vec!["admins".into()];
    asked.address = "192.0.2.7".parse().ok();
    let explained = given(&config, &asked, NOW).expect("explained");
    assert_eq!(explained.verdict, "step_up");
    insta::assert_snapshot!(explained.text());
    asked.risk = Band::High;
    let denied = given(&config, &asked, NOW).expect("explained");
    assert_eq!(denied.verdict, "deny");
    let text = denied.text();
    assert!(text.contains("condition administrators: deny\n"), "{text}");
    asked.groups.clear();
    let plain = given(&config, &asked, NOW).expect("explained");
    assert_eq!(plain.verdict, "allow");
    asked.acr = Some("urn:none".into());
    assert!(given(&config, &asked, NOW).is_err());
}

#[test]
fn a_login_of_a_demonstration_is_explained_by_its_own_policy() {
    let acr = Acr::parse("urn:whorl:acr:demo").expect("an acr");
    let nobody = CredentialId(uuid::Uuid::nil());
    let past = |aim: &Acr| Past {
        asked: AcrRequest::Any,
        targets: Vec::new(),
        default_acr: aim.clone(),
        circumstances: Circumstances::default(),
        evidence: vec![Evidence::matched(FactorKind::Passkey, [], nobody, NOW)],
        enrolled: vec![FactorKind::Passkey],
        seen: Default::default(),
        probability: None,
        recent: Default::default(),
        seen_again: false,
        since: None,
        at: NOW,
        reached: Some(aim.clone()),
    };
    let config = Config::from_toml("").expect("defaults");
    let policy = demonstrated(&config, &past(&acr)).expect("the demonstration's");
    let explained = past_one(&policy.expect("usable"), past(&acr), None).expect("explained");
    assert_eq!(explained.verdict, "allow");
    let usual = config.policy.default_acr.clone();
    assert!(demonstrated(&config, &past(&usual)).is_none());
}

#[test]
fn what_was_shown_is_typed_well_or_refused() {
    for (text, is_fine) in [
        ("totp", true),
        ("face@12", true),
        ("fingerprint@12:1e-3", true),
        ("nose", false),
        ("face@soon", false),
        ("face:0", false),
        ("totp:1e-3", false),
    ] {
        let parsed = text.parse::<super::explain::Shown>();
        assert_eq!(parsed.is_ok(), is_fine, "{text}: {parsed:?}");
    }
}

#[tokio::test]
async fn the_logins_that_are_kept_are_replayed() {
    let (_folder, store) = store().await;
    let subject = subject(&store, "eve").await;
    let acr = |text: &str| Acr::parse(text).expect("an acr");
    let today = Config::from_toml("").expect("defaults").policy;
    let nobody = CredentialId(uuid::Uuid::nil());
    for (n, factors) in [
        (0, &[FactorKind::Passkey][..]),
        (1, &[FactorKind::Password, FactorKind::Totp]),
        (2, &[FactorKind::Password, FactorKind::RecoveryCode]),
    ] {
        let past = Past {
            asked: AcrRequest::Any,
            targets: vec![Target {
                acr: today.default_acr.clone(),
                told: None,
            }],
            default_acr: today.default_acr.clone(),
            circumstances: Circumstances {
                client: "app".into(),
                groups: Some(Default::default()),
                ..Circumstances::default()
            },
            evidence: factors
                .iter()
                .map(|factor| Evidence::matched(*factor, [], nobody, NOW))
                .collect(),
            enrolled: vec![FactorKind::Password, FactorKind::Totp],
            seen: Default::default(),
            probability: None,
            recent: Default::default(),
            seen_again: false,
            since: None,
            at: NOW,
            reached: Some(acr("urn:whorl:acr:mfa")),
        };
        assert_eq!(today.turn(&past), Turn::Same);
        let decision = Decision {
            attempt: AttemptId(uuid::Uuid::from_u128(n)),
            subject: subject.id,
            client: ClientId("app".into()),
            past: serde_json::to_value(&past).expect("JSON"),
            at: NOW,
            expires_at: NOW + Duration::days(90),
        };
        store.keep_decision(decision).await.expect("kept");
    }
    let stricter = Arc::new(Config::from_toml(CIRCUMSPECT).expect("usable").policy);
    let since = NOW - Duration::days(1);
    let replay = async |since| {
        let outcome = replay(&store, &stricter, since, Bounds::NONE).await;
        outcome.expect("replayed")
    };
    let outcome = replay(since).await;
    assert_eq!((outcome.all.logins, outcome.people), (3, 1));
    assert_eq!(outcome.all.of(Turn::Same), 2);
    assert_eq!(
        outcome.all.of(Turn::SteppedUp),
        1,
        "a recovery code does no more"
    );
    assert!(
        text(&outcome, 30, 90).contains("1 would have been stepped up and 0 refused, of 1 people")
    );
    let bounds = Bounds {
        logins: 0,
        ..Bounds::NONE
    };
    let cut = crate::policies::simulation::replay(&store, &stricter, since, bounds);
    let cut = cut.await.expect("replayed").told(30);
    assert!(!cut.is_complete && cut.all.logins == 0, "{cut:?}");
    let told = outcome.told(30);
    assert_eq!((told.all.of("stepped_up"), told.is_complete), (1, true));
    // Who belongs together is what the tried policy says, not what held that day.
    let grouped = |member: &str| {
        let toml = format!(
            "[[policy.group]]\nname = \"left\"\nmembers = [\"{member}\"]\n[[policy.condition]]\nname = \"left\"\n\
             groups = [\"left\"]\nlow = \"deny\""
        );
        Arc::new(Config::from_toml(&toml).expect("usable").policy)
    };
    for (member, refused, people) in [("Eve", 3, 1), ("bob", 0, 0)] {
        let policy = grouped(member);
        let tried = crate::policies::simulation::replay(&store, &policy, since, Bounds::NONE);
        let tried = tried.await.expect("replayed");
        let told = (tried.all.of(Turn::Refused), tried.people);
        assert_eq!(told, (refused, people), "{member}");
        let kept = store.decision(AttemptId(uuid::Uuid::from_u128(0))).await;
        let kept = kept.expect("read").expect("kept").past;
        let past: Past = serde_json::from_value(kept).expect("reads");
        let explained = past_one(&policy, past, Some("eve")).expect("explained");
        let verdict = if refused > 0 { "deny" } else { "allow" };
        assert_eq!(explained.verdict, verdict, "{member}");
    }
    let later = replay(NOW + Duration::seconds(1)).await;
    assert!(text(&later, 30, 90).starts_with("no login"));
    // With the subject goes what was kept, and after its time too.
    assert_eq!(
        store.sweep(NOW + Duration::days(91)).await.expect("swept"),
        3
    );
    let gone = replay(since).await;
    assert_eq!(gone.all.logins, 0);
}
