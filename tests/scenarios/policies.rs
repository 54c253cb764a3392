//! What conditions add to an acr, seen by those who sign in, by the audit trail and by the command line.

use std::fs;

use serde_json::Value;
use tests::{
    on_both_backends,
    person::Person,
    relying_party::{Ask, RelyingParty},
    subject,
};

/// Administrators show two factors whatever is asked; nobody gets the passkey's acr from this machine.
const CONDITIONS: &str = r#"
[[policy.group]]
name = "admins"
members = ["ada"]
[[policy.condition]]
name = "administrators"
groups = ["admins"]
low = "step_up"
step_up_to = "urn:whorl:acr:mfa"
[[policy.condition]]
name = "not from here"
acr = ["urn:whorl:acr:passkey"]
networks = ["127.0.0.0/8", "::1/128"]
low = "deny"
"#;

const PASSWORD: Ask<'_> = Ask {
    acr: &["urn:whorl:acr:password"],
    scopes: &[],
    extra: &[],
};

on_both_backends! { with CONDITIONS;
    async fn a_group_is_asked_for_more_and_others_are_not(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(PASSWORD);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
        let page = ada.give_password(&person, page).await.expect("one factor more");
        let otp = ada.otp().await.expect("a password");
        let form = page.form_with("otp").expect("the one-time password is asked for");
        let arrival = person.submit(form.fill("otp", &otp)).await.expect("an answer");
        let back = subject::allow(&person, arrival).await.expect("admitted");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.acr(), "urn:whorl:acr:password", "what was asked for");
        assert!(login.amr().contains(&"otp".to_owned()), "{:?}", login.amr());

        let (_, bob) = scene.enrol("bob").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(PASSWORD);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
        let page = bob.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &bob.password);
        let arrival = person.submit(form).await.expect("an answer");
        let back = subject::allow(&person, arrival).await.expect("admitted");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.amr(), ["pwd"]);

        let events = scene.owner.audit().await.expect("the trail");
        let finished: Vec<_> = events.iter().filter(|e| e.kind == "login.finished").collect();
        let conditions: Vec<_> = finished.iter().map(|e| e.detail.get("conditions").map(String::as_str)).collect();
        assert_eq!(conditions, [Some("administrators: step up"), None]);
    }

    async fn a_network_is_refused_whatever_could_be_shown(scene: Scene) {
        scene.enrol("ada").await.expect("enrolled");
        let ask = Ask { acr: &["urn:whorl:acr:passkey"], ..Ask::default() };
        let begun = scene.app.begin(ask);
        let back = Person::new().open(&begun.url).await.expect("an answer");
        let back = back.elsewhere().expect("the application is told").to_string();
        assert!(back.contains("error=access_denied"), "{back}");
        let events = scene.owner.audit().await.expect("the trail");
        let denied = events.iter().find(|e| e.kind == "login.denied").expect("an event");
        assert_eq!(denied.detail.get("conditions").map(String::as_str), Some("not from here: deny"));
    }

    async fn another_policy_is_tried_on_the_logins_of_the_past(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut bob) = scene.enrol("bob").await.expect("enrolled");
        for (person, subject) in [(Person::new(), &mut ada), (Person::new(), &mut bob)] {
            scene.sign_in(&person, subject, Ask::default()).await.expect("signed in");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("stricter.toml");
        let stricter = format!("{CONDITIONS}high = \"deny\"\n[policy]\ndefault_acr = \"urn:whorl:acr:passkey\"\n");
        fs::write(&file, stricter).expect("writes");
        let file = file.to_str().expect("a plain path");
        let run = |arguments: &[&str]| -> Value {
            let output = scene.server.whorl(arguments).expect("runs");
            assert!(output.status.success(), "{output:?}");
            serde_json::from_slice(&output.stdout).expect("JSON")
        };
        // Nobody may come from here any more, nor have they a passkey.
        let tried = run(&["policy", "simulate", "--with", file, "--json"]);
        assert_eq!((&tried["logins"], &tried["turns"]["refused"]), (&2.into(), &2.into()), "{tried}");
        assert_eq!(tried["people"], 2, "{tried}");
        // Groups are the tried policy's: Bob is in none today.
        let left = "[[policy.group]]\nname = \"left\"\nmembers = [\"bob\"]\n[[policy.condition]]\nname = \"left\"\n\
                    groups = [\"left\"]\nlow = \"deny\"\n";
        fs::write(file, left).expect("writes");
        let tried = run(&["policy", "simulate", "--with", file, "--json"]);
        assert_eq!((&tried["turns"]["refused"], &tried["people"]), (&1.into(), &1.into()), "{tried}");
        let checked = run(&["policy", "check", "--json"]);
        assert_eq!(checked["faults"], serde_json::json!([]), "{checked}");
        assert_eq!(checked["conditions"][0]["low"], "step up", "{checked}");

        let events = scene.owner.audit().await.expect("the trail");
        let finished = events.iter().find(|e| e.kind == "login.finished").expect("an event");
        let attempt = finished.attempt.expect("an attempt").to_string();
        let explained = run(&["policy", "explain", "--attempt", &attempt, "--json"]);
        assert_eq!(explained["verdict"], "allow", "{explained}");
        assert_eq!(explained["acr"], "urn:whorl:acr:mfa", "{explained}");
        let shown = ["policy", "explain", "urn:whorl:acr:mfa", "--shown", "password", "--json"];
        let missing = &run(&shown)["missing"];
        let ways = missing.as_array().expect("ways");
        assert!(ways.contains(&serde_json::json!(["totp"])), "{missing}");
    }
}

/// Whoever is not known well shows two factors.
const SCORED: &str = r#"
[risk]
enabled = true
[[policy.condition]]
name = "unlike them"
medium = "step_up"
step_up_to = "urn:whorl:acr:mfa"
"#;

on_both_backends! { with SCORED;
    async fn a_cold_start_asks_for_more_and_the_trail_says_why(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        for login in 1..=2 {
            let person = Person::new();
            let begun = scene.app.begin(PASSWORD);
            let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
            let page = ada.give_password(&person, page).await.expect("one factor more");
            let otp = ada.otp().await.expect("a password");
            let form = page.form_with("otp").expect("the one-time password is asked for");
            let arrival = person.submit(form.fill("otp", &otp)).await.expect("an answer");
            let back = subject::allow(&person, arrival).await.expect("admitted");
            scene.app.finish(begun, &back).await.expect("signed in");
            let events = scene.owner.audit().await.expect("the trail");
            let finished: Vec<_> = events.iter().filter(|e| e.kind == "login.finished").collect();
            assert_eq!(finished.len(), login);
            let detail = &finished[login - 1].detail;
            let risk = detail.get("risk").map(String::as_str);
            assert!(matches!(risk, Some("medium" | "high")), "{detail:?}");
            assert!(detail.get("risk_reasons").is_some_and(|reasons| !reasons.is_empty()), "{detail:?}");
            assert_eq!(detail.get("conditions").map(String::as_str), Some("unlike them: step up"));
        }
    }
}

/// One client for which more is asked, and a rule that goes by two names.
const PAYROLL: &str = r#"
[[client]]
id = "payroll"
secret = "secret of payroll"
redirect_uris = ["http://localhost:1/payroll"]
trusted = true
[[policy.acr]]
name = "urn:whorl:acr:mfa"
any_of = [["passkey"], ["password", "totp"], ["password", "recovery_code"]]
[[policy.acr]]
name = "urn:whorl:acr:password"
names = ["urn:bank:basic"]
any_of = [["password"]]
[[policy.condition]]
name = "wages"
clients = ["payroll"]
low = "step_up"
step_up_to = "urn:whorl:acr:mfa"
"#;

const BASIC: Ask<'_> = Ask {
    acr: &["urn:bank:basic"],
    scopes: &[],
    extra: &[],
};

on_both_backends! { with PAYROLL;
    async fn one_client_asks_for_more_and_a_rule_goes_by_its_other_name(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(BASIC);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
        let page = ada.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &ada.password);
        let arrival = person.submit(form).await.expect("an answer");
        let back = subject::allow(&person, arrival).await.expect("admitted");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!((login.acr(), login.amr()), ("urn:bank:basic", vec!["pwd".to_owned()]));

        // In the same session, by the same name: there the password is not enough, and is not asked again.
        let issuer = &scene.server.issuer;
        let callback = "http://localhost:1/payroll";
        let payroll = RelyingParty::discover(issuer, "payroll", Some("secret of payroll"), callback);
        let payroll = payroll.await.expect("discovery");
        let begun = payroll.begin(BASIC);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("more is asked");
        assert!(page.form_with("password").is_err(), "{page}");
        let otp = ada.otp().await.expect("a password");
        let form = page.form_with("otp").expect("the one-time password is asked");
        let arrival = person.submit(form.fill("otp", &otp)).await.expect("an answer");
        let back = subject::allow(&person, arrival).await.expect("admitted");
        let login = payroll.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.acr(), "urn:bank:basic");
        assert!(login.amr().contains(&"otp".to_owned()), "{:?}", login.amr());

        let events = scene.owner.audit().await.expect("the trail");
        let finished: Vec<_> = events.iter().filter(|e| e.kind == "login.finished").collect();
        let conditions: Vec<_> = finished.iter().map(|e| e.detail.get("conditions").map(String::as_str)).collect();
        assert_eq!(conditions, [None, Some("wages: step up")]);
    }
}
