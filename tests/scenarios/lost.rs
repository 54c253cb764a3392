//! Whoever lost a device gets in by what is left, and takes away at once what the device could do; no more than each removal
//! alone could, and not the last way in.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tests::{
    on_both_backends,
    person::{Form, Page, Person},
    relying_party::Ask,
    scene::{Scene, refreshed},
    subject::{Subject, allow, form_to},
};
use url::Url;

use crate::{
    ciba::{self, CLIENT as TILL},
    risk,
};

async fn open(scene: &Scene, person: &Person, path: &str) -> Page {
    let arrival = person.open(scene.server.url(path)).await;
    arrival.expect("an answer").page().expect("a page")
}

/// The own account after a login with password and recovery code.
async fn account(scene: &Scene, person: &Person, subject: &mut Subject) -> Page {
    let first = open(scene, person, "/me").await;
    subject.prove(person, first).await.expect("signed in")
}

/// Signs in to the application with the password and a recovery code, by the way that whoever lost a device is shown.
async fn without_the_device(scene: &Scene, person: &Person, subject: &mut Subject) -> Url {
    let begun = scene.app.begin(Ask::default());
    let first = person.open(&begun.url).await.expect("an answer");
    let first = first.page().expect("a page");
    let asked = subject
        .give_password(person, first)
        .await
        .expect("more is asked");
    let lost = form_to(&asked, "/choose").expect("a way for whoever lost it");
    assert_eq!(lost.value("factor"), Some(""), "{asked}");
    let ways = person
        .submit(lost)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let told = ways.texts("details").concat();
    for said in [
        "recovery codes",
        "I lost a device",
        "new invitation",
        "Get help",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert_eq!(
        ways.attribute("details a", "href").as_deref(),
        Some("mailto:help@example.org")
    );
    let code = form_to(&ways, "/choose")
        .expect("ways")
        .fill("factor", "recovery_code");
    let page = person
        .submit(code)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let code = subject.recovery_codes.pop().expect("a code");
    let form = page
        .form_with("recovery_code")
        .expect("a form")
        .fill("recovery_code", &code);
    let arrival = person.submit(form).await.expect("an answer");
    let back = allow(person, arrival).await.expect("admitted");
    scene.app.finish(begun, &back).await.expect("signed in");
    back
}

/// The fields of the page's form, by what they are of.
fn fields(page: &Page, of: &str) -> Vec<String> {
    let named = page
        .body
        .split("name=\"")
        .filter_map(|rest| rest.split('"').next());
    let named = named.filter(|name| name.strip_prefix(of).is_some_and(|id| id.starts_with('-')));
    named.map(str::to_owned).collect()
}

async fn lose(scene: &Scene, person: &Person, names: &[String]) -> Page {
    let ticked: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "lost")).collect();
    let form = Form::forged(scene.server.url("/me/lost"), &ticked);
    person
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page")
}

async fn told(scene: &Scene, kind: &str) -> usize {
    let audit = scene.owner.audit().await.expect("the trail");
    audit.iter().filter(|event| event.kind == kind).count()
}

/// Leaves the browser's session behind, as one that has run out is.
/// Sessions that end soon: nobody signs out, which would end what applications were granted in them.
fn short() -> String {
    format!("{TILL}\n[session]\nlifetime_s = 25\n")
}

/// Waits until a session is over.
async fn outlive(scene: &Scene, person: &Person) {
    let until = Instant::now() + Duration::from_secs(60);
    while open(scene, person, "/me")
        .await
        .form_with("username")
        .is_err()
    {
        assert!(Instant::now() < until, "the session goes on");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The refresh token to use after this one.
async fn next(scene: &Scene, token: &str) -> Option<String> {
    let answer = scene.app.refresh(token).await.ok()?;
    // A client with a secret keeps its own.
    Some(refreshed(&answer).1.unwrap_or_else(|| token.to_owned()))
}

const HELP: &str = "[people]\nhelp_url = \"mailto:help@example.org\"\n";

on_both_backends! { with HELP;
    async fn what_a_lost_device_could_do_ends_at_once(scene: Scene) {
        let (phone, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let ask = Ask { scopes: &["offline_access"], ..Ask::default() };
        let begun = scene.app.begin(ask);
        let back = ada.sign_in(&phone, &begun.url).await.expect("signed in");
        let phones = scene.app.finish(begun, &back).await.expect("signed in");
        let elsewhere = Person::new();
        account(&scene, &elsewhere, &mut ada).await;
        assert!(scene.is_live(&phones.access_token).await.expect("userinfo"));

        let laptop = Person::new();
        without_the_device(&scene, &laptop, &mut ada).await;
        let home = open(&scene, &laptop, "/me").await;
        assert!(home.body.contains("You used a recovery code"), "{home}");
        assert_eq!(home.attribute(".note a", "href").as_deref(), Some("/me/lost"));
        let page = open(&scene, &laptop, "/me/lost").await;
        // The app; neither the password nor the codes are on a device.
        let (factors, sessions) = (fields(&page, "factor"), fields(&page, "session"));
        assert_eq!((factors.len(), sessions.len()), (1, 2), "{page}");

        // Nothing ticked, and what is no name of the page's.
        for nothing in [vec![], vec!["factor-x".to_owned(), "password".to_owned()]] {
            let page = lose(&scene, &laptop, &nothing).await;
            assert!(page.texts("#problem").concat().contains("Nothing is ticked"), "{page}");
        }
        let page = lose(&scene, &laptop, &factors).await;
        assert!(page.texts("[role=status]").concat().contains("removed and signed out"), "{page}");
        // With the app went the session that it opened, and all that it granted; the one by a code is there still.
        assert!(!scene.is_live(&phones.access_token).await.expect("userinfo"));
        assert!(scene.app.refresh(phones.refresh_token.as_deref().expect("a token")).await.is_err());
        assert!(open(&scene, &phone, "/me").await.form_with("username").is_ok());
        assert_eq!(open(&scene, &elsewhere, "/me").await.url.path(), "/me");
        // Both names of sessions were on the page: one has ended, the other ends now.
        let page = lose(&scene, &laptop, &sessions).await;
        assert!(page.texts("[role=status]").concat().contains("removed and signed out"), "{page}");
        assert!(open(&scene, &elsewhere, "/me").await.form_with("username").is_ok());
        assert_eq!(open(&scene, &laptop, "/me").await.url.path(), "/me");
        let page = lose(&scene, &laptop, &[factors, sessions].concat()).await;
        assert!(page.body.contains("That was done already"), "{page}");
        assert_eq!((told(&scene, "credential.removed").await, told(&scene, "session.revoked").await), (1, 1));

        // The app's digits open nothing any more, and a new app takes its place.
        let thief = Person::new();
        let first = open(&scene, &thief, "/me").await;
        let page = ada.give_password(&thief, first).await.expect("more is asked");
        assert!(page.form_with("otp").is_err() && page.form_with("recovery_code").is_ok(), "{page}");
        let page = open(&scene, &laptop, "/me/factors/add?factor=totp").await;
        assert!(page.form_with("otp").is_ok(), "{page}");
    }

    async fn nothing_goes_without_a_fresh_proof_a_way_that_is_left_or_of_somebody_else(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut bob) = scene.enrol("bob").await.expect("enrolled");
        let (adas, bobs) = (Person::new(), Person::new());
        account(&scene, &adas, &mut ada).await;
        account(&scene, &bobs, &mut bob).await;
        let page = open(&scene, &adas, "/me/lost").await;
        let app = fields(&page, "factor");

        // Somebody else's, with his own proof; and nobody's, without any.
        let page = lose(&scene, &bobs, &app).await;
        assert!(page.body.contains("That was done already"), "{page}");
        let stranger = Person::new();
        let page = lose(&scene, &stranger, &app).await;
        assert!(page.form_with("username").is_ok(), "{page}");
        assert_eq!(told(&scene, "credential.removed").await, 0);
        let foreign = adas.http().post(scene.server.url("/me/lost")).header("origin", "https://evil.example");
        let cookies = adas.cookies(&scene.server.url("/")).join("; ");
        let foreign = foreign.header("cookie", cookies).form(&[(app[0].as_str(), "lost")]).send();
        assert_eq!(foreign.await.expect("an answer").status(), StatusCode::FORBIDDEN);

        // Once the password alone was given, more is asked before anything goes, and the page is come back to.
        let weak = Person::new();
        let begun = scene.app.begin(Ask { acr: &["urn:whorl:acr:password"], ..Ask::default() });
        let first = weak.open(&begun.url).await.expect("an answer").page().expect("a page");
        let page = ada.identify(&weak, first).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &ada.password);
        let arrival = weak.submit(form).await.expect("an answer");
        allow(&weak, arrival).await.expect("admitted");
        let page = lose(&scene, &weak, &app).await;
        assert!(page.form_with("otp").is_ok(), "{page}");
        assert_eq!(told(&scene, "credential.removed").await, 0);
        let otp = ada.otp().await.expect("a password");
        let form = page.form_with("otp").expect("a form").fill("otp", &otp);
        let page = weak.submit(form).await.expect("an answer").page().expect("a page");
        assert_eq!(page.url.path(), "/me/lost", "{page}");
        assert_eq!(fields(&page, "factor"), app, "nothing was removed on the way: {page}");

        // Codes that are all spent are no way in that is left: the app stays, and so do the sessions that were ticked with it.
        while ada.recovery_codes.len() > 1 {
            let begun = scene.app.begin(Ask::default());
            ada.sign_in_with_recovery_code(&Person::new(), &begun.url).await.expect("signed in");
        }
        let last = Person::new();
        account(&scene, &last, &mut ada).await;
        assert!(ada.recovery_codes.is_empty());
        let page = open(&scene, &last, "/me/lost").await;
        let sessions = fields(&page, "session");
        assert!(!sessions.is_empty(), "{page}");
        let page = lose(&scene, &last, &[app.clone(), sessions.clone()].concat()).await;
        assert!(page.texts("#problem").concat().contains("Add another way first"), "{page}");
        assert_eq!((fields(&page, "factor"), fields(&page, "session")), (app.clone(), sessions));
        let id = app[0].trim_start_matches("factor-");
        let alone = open(&scene, &last, &format!("/me/factors/{id}/remove")).await;
        assert!(alone.body.contains("This one has to stay"), "{alone}");
        assert_eq!(told(&scene, "credential.removed").await, 0);
    }
}

on_both_backends! { with &short();
    async fn what_applications_were_granted_ends_though_its_session_is_over(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let ask = || Ask { scopes: &["offline_access"], ..Ask::default() };
        let phone = Person::new();
        let phones = scene.sign_in(&phone, &mut ada, ask()).await.expect("signed in");
        // A code that nobody has redeemed, a request that was allowed and not fetched, and one that nobody has answered.
        let begun = scene.app.begin(ask());
        let arrival = phone.open(&begun.url).await.expect("an answer");
        let back = allow(&phone, arrival).await.expect("admitted by the session");
        let till = ciba::till(&scene);
        let allowed = ciba::ask(&till, "ada").await;
        let page = ciba::requests(&scene, &phone, &mut ada).await;
        assert!(ciba::answer(&phone, &page, "approve").await.body.contains("Approved"));
        outlive(&scene, &phone).await;
        let token = phones.refresh_token.expect("a token");
        let token = next(&scene, &token).await.expect("an application goes on without a session");
        let waiting = ciba::ask(&till, "ada").await;
        assert_eq!(ciba::poll(&till, &waiting).await.refusal(), (400, "authorization_pending"));
        // Somebody else's stays.
        let (bobs, mut bob) = scene.enrol("bob").await.expect("enrolled");
        let his = scene.sign_in(&bobs, &mut bob, ask()).await.expect("signed in").refresh_token;

        let laptop = Person::new();
        account(&scene, &laptop, &mut ada).await;
        let page = open(&scene, &laptop, "/me/lost").await;
        assert!(page.body.contains("All applications are signed out too"), "{page}");
        assert!(fields(&page, "session").is_empty(), "{page}");
        // More than a request of a client may have parameters.
        let mut names = fields(&page, "factor");
        names.extend((0..80).map(|n| format!("browser-{}", uuid::Uuid::from_u128(n))));
        let page = lose(&scene, &laptop, &names).await;
        assert!(page.texts("[role=status]").concat().contains("removed and signed out"), "{page}");
        assert_eq!(next(&scene, &token).await, None);
        assert!(scene.app.finish(begun, &back).await.is_err(), "the code is worth nothing");
        assert_eq!(ciba::poll(&till, &allowed).await.refusal(), (400, "invalid_grant"));
        assert_eq!(ciba::poll(&till, &waiting).await.refusal(), (400, "access_denied"));
        assert!(next(&scene, &his.expect("a token")).await.is_some());
        let event = risk::last_of(&scene, "grants.revoked").await;
        let told = ["revoked", "refused"].map(|name| event.detail.get(name).map(String::as_str));
        assert_eq!(told, [Some("3"), Some("1")], "{event:?}");
        let history = open(&scene, &laptop, "/me/history").await;
        assert!(history.body.contains("All applications were signed out"), "{history}");

        // Nothing is left that could be ticked, and applications that have a grant: they are signed out by themselves.
        assert!(!open(&scene, &laptop, "/me/lost").await.body.contains("Sign out all applications"));
        let begun = scene.app.begin(ask());
        let arrival = laptop.open(&begun.url).await.expect("an answer");
        let back = allow(&laptop, arrival).await.expect("admitted by the session");
        let own = scene.app.finish(begun, &back).await.expect("signed in").refresh_token;
        let own = next(&scene, &own.expect("a token")).await.expect("it is good");
        let page = open(&scene, &laptop, "/me/lost").await;
        let only = form_to(&page, "/me/lost").expect("a form");
        assert_eq!(only.value("applications"), Some("lost"), "{page}");
        laptop.submit(only).await.expect("an answer").page().expect("a page");
        assert_eq!(next(&scene, &own).await, None);
    }

    async fn who_ends_all_other_sessions_ends_what_was_granted_in_such_as_are_over(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let ask = || Ask { scopes: &["offline_access"], ..Ask::default() };
        let (phone, laptop) = (Person::new(), Person::new());
        let phones = scene.sign_in(&phone, &mut ada, ask()).await.expect("signed in").refresh_token;
        outlive(&scene, &phone).await;
        let phones = next(&scene, &phones.expect("a token")).await.expect("it is good");
        account(&scene, &laptop, &mut ada).await;
        let begun = scene.app.begin(ask());
        let arrival = laptop.open(&begun.url).await.expect("an answer");
        let back = allow(&laptop, arrival).await.expect("admitted by the session");
        let own = scene.app.finish(begun, &back).await.expect("signed in").refresh_token;
        let waiting = ciba::ask(&ciba::till(&scene), "ada").await;
        let others = Form::forged(scene.server.url("/me/sessions/end"), &[("sid", "others")]);
        laptop.submit(others).await.expect("an answer").page().expect("a page");
        assert_eq!(next(&scene, &phones).await, None);
        assert!(next(&scene, &own.expect("a token")).await.is_some(), "this browser's own stays");
        let polled = ciba::poll(&ciba::till(&scene), &waiting).await;
        assert_eq!(polled.refusal(), (400, "access_denied"));
    }
}
