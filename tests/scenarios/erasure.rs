//! Erased biometrics: nothing of what was measured of the person is left in the database, and nothing comes anew.

use std::path::Path;

use serde_json::{Value, json};
use tests::{
    on_both_backends,
    person::{Page, Person},
    postgres::Cluster,
    relying_party::Ask,
    scene::Scene,
    subject::{Subject, form_to},
};

use crate::risk::{self, USUAL};

/// What a page counts of keys and pointer, each to be found again wherever it is kept.
const RHYTHM: &str = "hold:12,97,20;flight:11,143,60;pointer:33,517,100;time:1,5329,0";
const MEASURES: [(&str, u32); 4] = [
    ("key_hold_ms", 97),
    ("key_flight_ms", 143),
    ("pointer_px_per_s", 517),
    ("filled_in_ms", 5329),
];

/// Signs in at the own account, by pages that say how they were filled in.
async fn sign_in(scene: &Scene, person: &Person, ada: &mut Subject) -> Page {
    let page = person
        .open(scene.server.url("/me"))
        .await
        .expect("an answer");
    let page = page.page().expect("a page");
    let page = ada
        .identify(person, page)
        .await
        .expect("the password is asked");
    let form = page.form_with("password").expect("a form");
    let form = form.fill("password", &ada.password).fill("rhythm", RHYTHM);
    let page = person
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("more is asked");
    let page = match form_to(&page, "/choose") {
        Ok(other) if page.form_with("recovery_code").is_err() => {
            let other = person.submit(other.fill("factor", "recovery_code")).await;
            other.expect("an answer").page().expect("a page")
        }
        _ => page,
    };
    let code = ada.recovery_codes.pop().expect("a code");
    let form = page
        .form_with("recovery_code")
        .expect("a form")
        .fill("recovery_code", &code);
    let page = person
        .submit(form.fill("rhythm", RHYTHM))
        .await
        .expect("an answer");
    let page = page.page().expect("the account");
    assert_eq!(page.url.path(), "/me", "{page}");
    page
}

/// All that the database keeps of profiles and logins, as bytes.
fn kept(scene: &Scene) -> Vec<u8> {
    let Some(production) = &scene.server.production else {
        return files(scene.server.folder());
    };
    let cluster = Cluster::shared().expect("PostgreSQL");
    let mut all = Vec::new();
    for (table, column) in [
        ("decision", "past"),
        ("session", "evidence"),
        ("attempt", "state"),
        ("audit_event", "detail"),
    ] {
        let rows = cluster.sql(
            &production.database,
            &format!("SELECT {column} FROM {table}"),
        );
        all.extend(rows.expect("rows").into_bytes());
    }
    let rows = cluster.sql(
        &production.database,
        "SELECT encode(profile, 'hex') FROM risk_profile",
    );
    for row in rows.expect("rows").lines() {
        let digits = row
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).expect("hex"));
        all.extend(digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")));
    }
    all
}

/// SQLite's files, free pages and write-ahead log with them.
fn files(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            all.extend(files(&path));
        } else if name.contains("sqlite") || name.contains(".db") {
            all.extend(std::fs::read(&path).expect("reads"));
        }
    }
    all
}

/// Which measures are there: as a login is kept, and as a profile has them, the mean of logarithms without any spread.
fn found(all: &[u8]) -> Vec<String> {
    let has = |what: &[u8]| all.windows(what.len()).any(|window| window == what);
    let mut found = Vec::new();
    for (name, measure) in MEASURES {
        for text in [
            format!("\"{name}\":{measure}"),
            format!("\"{name}\": {measure}"),
        ] {
            if has(text.as_bytes()) {
                found.push(format!("login {name}"));
            }
        }
        let mean = f64::from(measure).ln() as f32;
        let mut gauge = mean.to_le_bytes().to_vec();
        gauge.extend(0f32.to_le_bytes());
        if has(&gauge) {
            found.push(format!("profile {name}"));
        }
    }
    found
}

async fn data(scene: &Scene, person: &Person) -> Value {
    let page = person
        .open(scene.server.url("/me/data"))
        .await
        .expect("an answer");
    let page = page.page().expect("a page");
    let form = form_to(&page, "/me/data").expect("a form");
    let file = person.submit_once(form).await.expect("an answer");
    serde_json::from_str(&file.body).expect("JSON")
}

on_both_backends! { with &USUAL.1;
    async fn nothing_of_how_somebody_types_is_left_nor_kept_again(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut bob) = scene.enrol("bob").await.expect("enrolled");
        let (person, bobs) = (Person::new(), Person::new());
        sign_in(&scene, &person, &mut ada).await;
        // A login that is under way elsewhere, and has said how its page was filled in.
        let half = Person::new();
        let begun = scene.app.begin(Ask::default());
        let first = half.open(&begun.url).await.expect("an answer").page().expect("a page");
        let page = ada.identify(&half, first).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form");
        let form = form.fill("password", &ada.password).fill("rhythm", RHYTHM);
        let halfway = half.submit(form).await.expect("an answer").page().expect("more is asked");

        let before = found(&kept(&scene));
        for (name, _) in MEASURES {
            for of in ["login", "profile"] {
                assert!(before.contains(&format!("{of} {name}")), "{of} {name}: {before:?}");
            }
        }
        let told = data(&scene, &person).await;
        assert!(told["habits"]["page"]["key_hold_ms"].is_number(), "{told:#}");
        let logins = told["habits"]["logins"].as_f64().expect("a number");

        let home = person.open(scene.server.url("/me")).await.expect("an answer").page().expect("a page");
        assert!(home.body.contains("how you type and move the pointer"), "{home}");
        let erase = home.attribute("#data ~ a", "href");
        assert_eq!(erase.as_deref(), Some("/me/biometrics/erase"), "{home}");
        let page = person.open(scene.server.url("/me/biometrics/erase")).await.expect("an answer").page().expect("a page");
        assert!(page.body.contains("how you type and move the pointer is deleted too"), "{page}");
        let page = person.submit(form_to(&page, "/erase").expect("a form")).await.expect("an answer").page().expect("a page");
        assert!(page.texts("[role=status]").concat().contains("erased"), "{page}");
        assert_eq!(page.attribute("#data ~ a", "href").as_deref(), Some("/me/data"), "nothing is left to erase: {page}");
        assert_eq!(found(&kept(&scene)), Vec::<String>::new());
        let event = risk::last_of(&scene, "biometrics.erased").await;
        assert_eq!(event.detail.get("logins").map(String::as_str), Some("1"), "{event:?}");

        // The rest of the habits is there as it was, and so is the login.
        let told = data(&scene, &person).await;
        assert_eq!(told["habits"]["page"]["key_hold_ms"], Value::Null, "{told:#}");
        let since = told["habits"]["logins"].as_f64().expect("a number");
        assert!((since - logins).abs() < 0.01, "{since} of {logins}");
        assert_eq!(told["logins"].as_array().map(Vec::len), Some(1), "{told:#}");
        // What was under way begins anew.
        let over = half.submit_once(halfway.form_with("otp").or_else(|_| halfway.form_with("recovery_code")).expect("a form"));
        assert!(over.await.expect("an answer").status.is_client_error());

        // Later logins are kept without it; other people's with it.
        let again = Person::new();
        sign_in(&scene, &again, &mut ada).await;
        let told = data(&scene, &again).await;
        assert!(told["habits"]["logins"].as_f64().is_some_and(|it| it > logins), "{told:#}");
        assert_eq!(told["logins"][0]["page"]["key_hold_ms"], json!(null), "{told:#}");
        // SQLite's log has what a login held while it was under way, until it is written over.
        if scene.server.production.is_some() {
            assert_eq!(found(&kept(&scene)), Vec::<String>::new());
        }
        sign_in(&scene, &bobs, &mut bob).await;
        assert!(found(&kept(&scene)).contains(&"profile key_hold_ms".to_owned()));
    }
}
