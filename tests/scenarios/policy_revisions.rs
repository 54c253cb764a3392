//! An operator changes the policy: the next login is asked for more, on every replica, without a restart.

use std::{process::Command, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    need, on_both_backends,
    operator::Operator,
    person::Person,
    program,
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Server},
    subject,
    terminal::Terminal,
};
use tokio::time::{sleep, timeout};
use url::Url;
use wire::{PolicyCheck, PolicyInForce, PolicySimulation, Role, paths};

const PASSWORD: Ask<'_> = Ask {
    acr: &["urn:whorl:acr:password"],
    scopes: &[],
    extra: &[],
};

/// Asks for the policy's own path with the revision that was seen.
async fn change(
    server: &Server,
    operator: &Operator,
    method: Method,
    seen: i64,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let mut request = reqwest::Client::new()
        .request(method, server.url(paths::POLICY))
        .bearer_auth(operator.token())
        .header("if-match", format!("\"{seen}\""));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The policy that counts, with the password's acr asking for a one-time password too.
async fn raised(owner: &Operator) -> String {
    let now: PolicyInForce = owner.get(paths::POLICY).await.expect("the policy");
    let mut document: toml::Table = now.text.parse().expect("TOML");
    let rules = document["policy"]["acr"].as_array_mut().expect("rules");
    let of_password = |rule: &&mut toml::Value| rule["name"].as_str() == Some(PASSWORD.acr[0]);
    let rule = rules.iter_mut().find(of_password).expect("a rule");
    rule["any_of"] = toml::Value::try_from([["password", "totp"]]).expect("TOML");
    document.to_string()
}

/// What the application is told where nobody may be asked, at the server of this address.
async fn silently(scene: &Scene, person: &Person, base: &str) -> Result<(), String> {
    let ask = Ask {
        extra: &[("prompt", "none")],
        ..PASSWORD
    };
    let begun = scene.app.begin(ask);
    let mut url = Url::parse(base).expect("an address");
    // As the issuer is called, so that the session's cookie goes along.
    url.set_host(Some("localhost")).expect("a host");
    url.set_path(begun.url.path());
    url.set_query(begun.url.query());
    let back = person.open(&url).await.expect("an answer");
    let back = back.elsewhere().expect("the application is told");
    let error = back.query_pairs().find(|(name, _)| name == "error");
    error.map_or(Ok(()), |(_, error)| Err(error.into_owned()))
}

async fn by_password(scene: &Scene, subject: &subject::Subject) -> Person {
    let person = Person::new();
    let begun = scene.app.begin(PASSWORD);
    let page = person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a step");
    let page = subject
        .identify(&person, page)
        .await
        .expect("the password is asked");
    let form = page.form_with("password").expect("a form");
    let arrival = person
        .submit(form.fill("password", &subject.password))
        .await;
    let back = subject::allow(&person, arrival.expect("an answer"))
        .await
        .expect("admitted");
    let login = scene.app.finish(begun, &back).await.expect("signed in");
    assert_eq!(login.amr(), ["pwd"]);
    person
}

on_both_backends! {
    async fn a_raised_demand_counts_for_the_next_login(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let known = by_password(&scene, &ada).await;
        let begun = scene.app.begin(PASSWORD);
        // This one is under way when the policy changes.
        let half_way = Person::new();
        let page = half_way.open(&begun.url).await.expect("an answer").page().expect("a step");
        let page = ada.identify(&half_way, page).await.expect("the password is asked");

        let text = raised(&scene.owner).await;
        let tried: PolicySimulation = scene.owner.post(paths::POLICY_SIMULATE, Some(&json!({ "text": text }))).await.expect("tried");
        assert_eq!((tried.all.logins, tried.all.of("stepped_up"), tried.people), (1, 1, 1), "{tried:?}");
        let new = json!({ "text": text, "note": "two factors for all" });
        let (status, body) = change(&scene.server, &scene.owner, Method::PUT, 0, Some(new)).await;
        assert_eq!(status, StatusCode::OK, "{body}");

        let form = page.form_with("password").expect("a form").fill("password", &ada.password);
        let page = half_way.submit(form).await.expect("an answer").page().expect("one factor more");
        let otp = ada.otp().await.expect("a password");
        let form = page.form_with("otp").expect("the one-time password is asked for");
        let arrival = half_way.submit(form.fill("otp", &otp)).await.expect("an answer");
        let back = subject::allow(&half_way, arrival).await.expect("admitted");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert!(login.amr().contains(&"otp".to_owned()), "{:?}", login.amr());
        let asked = silently(&scene, &known, &scene.server.issuer).await;
        assert_eq!(asked.err().as_deref(), Some("login_required"), "a password is no more enough");

        // The commands of the server say which policy they look at.
        let output = scene.server.whorl(&["policy", "check", "--json"]).expect("runs");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(said["revision"], 1, "{said}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("policy revision 1, by olivia"), "{output:?}");
        let shown = ["policy", "explain", "urn:whorl:acr:password", "--shown", "password", "--json"];
        let output = scene.server.whorl(&shown).expect("runs");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&said["verdict"], &said["missing"]), (&"step_up".into(), &json!([["totp"]])), "{said}");
        // What is typed in elsewhere follows from the policy that counts too.
        let guid = "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f";
        let connect = ["connect", "entra", "--app-id", guid, "--tenant", guid];
        let output = scene.server.whorl(&connect).expect("runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let rules: String = said.lines().map(|line| format!("{}\n", line.trim())).collect();
        let rules = rules.split_once("name = \"urn:whorl:acr:password\"").expect("the rule").1;
        let rule = rules.split_once("\n[[").expect("another table").0;
        assert!(rule.contains("\"totp\""), "the file's rule asks for the password alone: {said}");
        assert!(said.contains("policy revision 1"), "{said}");
        let output = scene.server.whorl(&["policy", "check", "--file", "--json"]).expect("runs");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(said.get("revision").is_none(), "{said}");

        let (status, body) = change(&scene.server, &scene.owner, Method::DELETE, 1, None).await;
        assert_eq!((status, &body["origin"]), (StatusCode::OK, &"file".into()), "{body}");
        silently(&scene, &known, &scene.server.issuer).await.expect("a password is enough again");
        let output = scene.server.whorl(&connect).expect("runs");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("policy revision"), "{output:?}");
        let events = scene.owner.audit().await.expect("the trail");
        let changed: Vec<_> = events.iter().filter(|e| e.kind == "policy.changed").collect();
        assert_eq!(changed.len(), 2);
        assert!(changed.iter().all(|e| e.operator.as_ref().is_some_and(|o| o.as_str() == "olivia")));
    }

    async fn scripts_look_check_try_apply_and_go_back(scene: Scene) {
        let (_, ada) = scene.enrol("ada").await.expect("enrolled");
        by_password(&scene, &ada).await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path.display().to_string()
        };
        let admin = |operator: &Operator, arguments: &[&str]| {
            let output = Command::new(program::binary("whorl-admin"))
                .env("WHORL_ADMIN_SERVER", &scene.server.issuer)
                .env("WHORL_ADMIN_TOKEN", operator.token())
                .arg("policy")
                .args(arguments)
                .output()
                .expect("runs");
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        let json = |operator: &Operator, arguments: &[&str]| {
            let (status, out, said) = admin(operator, arguments);
            assert_eq!(status, Some(0), "{said}");
            serde_json::from_str::<Value>(&out).expect("JSON")
        };
        let owner = &scene.owner;

        // What is shown can be applied as it is.
        let (status, first, said) = admin(owner, &["show", "--text"]);
        assert_eq!(status, Some(0), "{said}");
        let same = file("same.toml", &first);
        let (status, table, said) = admin(owner, &["check", &same]);
        assert!(status == Some(0) && table.contains(PASSWORD.acr[0]), "{table}{said}");

        let text = raised(owner).await;
        let faulty = file("faulty.toml", &text.replace("\"totp\"", "\"face\""));
        let (status, faults, _) = admin(owner, &["check", &faulty]);
        let line = faults.lines().next().and_then(|line| line.strip_prefix(&format!("{faulty}:"))).expect("a fault");
        assert!(status == Some(1) && line.split(':').next().is_some_and(|at| at.parse::<u32>().is_ok()), "{faults}");
        for task in ["simulate", "apply"] {
            let (status, _, said) = admin(owner, &[task, &faulty]);
            assert!(status == Some(1) && said.contains(&format!("{faulty}:")), "{task}: {said}");
        }

        let right = file("right.toml", &text);
        let tried = json(owner, &["simulate", &right, "--json"]);
        assert_eq!((&tried["logins"], &tried["turns"]["stepped_up"]), (&1.into(), &1.into()), "{tried}");
        let now = json(owner, &["apply", &right, "--note", "two factors", "--revision", "0", "--json"]);
        assert_eq!((&now["revision"], &now["note"]), (&1.into(), &"two factors".into()), "{now}");
        let (status, _, said) = admin(owner, &["apply", &right, "--revision", "0"]);
        assert!(status == Some(1) && said.contains("revision 1"), "{said}");
        assert_eq!(admin(owner, &["apply", &same]).0, Some(0));
        assert_eq!(admin(owner, &["restore", "1", "--yes"]).0, Some(0));
        let (status, back, said) = admin(owner, &["show", "--text"]);
        assert!(status == Some(0) && back == text, "{said}");
        assert_eq!(admin(owner, &["reset", "--yes"]).0, Some(0));

        let viewer = Operator::of(&scene.server, "vera", Role::Viewer).expect("a token");
        let history = json(&viewer, &["history", "--json"]);
        let notes: Vec<_> = history.as_array().expect("changes").iter().map(|it| it["note"].as_str()).collect();
        assert_eq!(notes, [None, Some("as revision 1"), None, Some("two factors")], "{history}");
        let past = json(&viewer, &["show", "--revision", "1", "--json"]);
        assert_eq!(past["text"].as_str(), Some(text.as_str()));
        for arguments in [&["apply", &right][..], &["restore", "1", "--yes"], &["reset", "--yes"]] {
            let (status, _, said) = admin(&viewer, arguments);
            assert!(status == Some(1) && said.contains("role"), "{arguments:?}: {said}");
        }
        assert_eq!(admin(owner, &["restore", "4", "--yes"]).0, Some(1), "that was the configuration's");
    }

    async fn a_policy_with_faults_is_refused_and_changes_nothing(scene: Scene) {
        let (_, ada) = scene.enrol("ada").await.expect("enrolled");
        let faulty = raised(&scene.owner).await.replace("\"totp\"", "\"face\"");
        let (status, body) = change(&scene.server, &scene.owner, Method::PUT, 0, Some(json!({ "text": faulty }))).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &"invalid_request".into()), "{body}");
        let checked: PolicyCheck = scene.owner.post(paths::POLICY_CHECK, Some(&json!({ "text": faulty }))).await.expect("checked");
        assert!(checked.faults[0].line.is_some(), "{:?}", checked.faults);
        let viewer = Operator::of(&scene.server, "vera", Role::Viewer).expect("a token");
        let right = json!({ "text": raised(&scene.owner).await });
        let (status, _) = change(&scene.server, &viewer, Method::PUT, 0, Some(right)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        by_password(&scene, &ada).await;
        let now: PolicyInForce = viewer.get(paths::POLICY).await.expect("the policy");
        assert_eq!(now.revision, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_on_the_other_replica_within_seconds() {
    let scene = need!(Scene::plain(Backend::Production).await);
    let replica = scene.server.replica().await.expect("a second server");
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    let person = by_password(&scene, &ada).await;
    silently(&scene, &person, &replica.base)
        .await
        .expect("the session is enough");
    let text = raised(&scene.owner).await;
    let new = || Some(json!({ "text": text }));

    // Two operators at once: one wins, and the other is told.
    let olga = Operator::of(&scene.server, "olga", Role::Owner).expect("a token");
    let (one, other) = tokio::join!(
        change(&scene.server, &scene.owner, Method::PUT, 0, new()),
        change(&scene.server, &olga, Method::PUT, 0, new()),
    );
    let mut statuses = [one.0.as_u16(), other.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{} {}", one.1, other.1);

    let asked = async || silently(&scene, &person, &replica.base).await.err();
    let followed = timeout(PATIENCE, async {
        while asked().await.is_none() {
            sleep(GLANCE).await;
        }
    });
    followed.await.expect("the replica follows");
    assert_eq!(asked().await.as_deref(), Some("login_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_goes_on_after_the_editor_and_applies_what_it_left() {
    let scene = need!(Scene::plain(Backend::Embedded).await);
    let opened = Terminal::open(
        &program::binary("whorl-admin"),
        &[
            ("WHORL_ADMIN_SERVER", &scene.server.issuer),
            ("WHORL_ADMIN_TOKEN", scene.owner.token()),
            ("VISUAL", "sed -i s/history_days.*/history_days=45/"),
        ],
    );
    let mut terminal = need!(opened);
    for (keys, answer) in [
        ("", "Subjects"),
        ("6", "never changed here"),
        ("e", "It can be used"),
        ("a", "may be left empty"),
        ("for less to keep\r", "is in force"),
    ] {
        terminal.press(keys).expect("it listens");
        terminal.shows(answer).await.expect("the console goes on");
    }
    terminal.press("\u{3}").expect("it listens");
    let ended = terminal.ended().await.expect("it ends");
    assert!(ended.success(), "{ended}");
    let now: PolicyInForce = scene.owner.get(paths::POLICY).await.expect("the policy");
    assert_eq!(
        (now.revision, now.note.as_deref()),
        (1, Some("for less to keep"))
    );
    assert!(now.text.contains("history_days=45"), "{}", now.text);
}

/// A replica looks every three seconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(100);
