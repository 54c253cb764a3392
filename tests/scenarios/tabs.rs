//! Several logins in one browser: a request that another site posts takes nothing from the other tabs.

use reqwest::{Client, Response, header, redirect::Policy};
use tests::{on_both_backends, relying_party::Ask};

fn browser() -> Client {
    let builder = Client::builder().cookie_store(true);
    builder.redirect(Policy::none()).build().expect("a client")
}

async fn get(browser: &Client, url: impl reqwest::IntoUrl) -> Response {
    browser.get(url).send().await.expect("an answer")
}

on_both_backends! {
    async fn a_posted_request_leaves_other_tabs_alone(scene: Scene) {
        let url = |response: &Response| {
            let location = response.headers()[header::LOCATION].to_str().expect("text");
            scene.server.url(location)
        };
        let first_tab = browser();
        let began = get(&first_tab, scene.app.begin(Ask::default()).url).await;
        assert!(began.headers().contains_key(header::SET_COOKIE));
        let first = url(&began);
        assert_eq!(get(&first_tab, first.clone()).await.status(), 200);

        // Another site's form: cookies do not travel with it (SameSite=Lax), and none comes back.
        let request = scene.app.begin(Ask::default()).url;
        let posted = browser()
            .post(scene.server.url("/authorize"))
            .header("origin", "https://elsewhere.example")
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(request.query().expect("a query").to_owned());
        let posted = posted.send().await.expect("an answer");
        assert_eq!(posted.status(), 303);
        assert!(!posted.headers().contains_key(header::SET_COOKIE), "{posted:?}");

        // They travel with the page that it leads to, which belongs to this browser from then on.
        let second = url(&posted);
        assert_eq!(get(&first_tab, second.clone()).await.status(), 200);
        assert_eq!(get(&first_tab, second.clone()).await.status(), 200);
        assert_eq!(get(&browser(), second).await.status(), 403, "another browser");
        assert_eq!(get(&first_tab, first.clone()).await.status(), 200, "the first tab goes on");
        assert_eq!(get(&browser(), first).await.status(), 403, "another browser");
    }

    async fn a_form_cannot_take_what_no_browser_has(scene: Scene) {
        let request = scene.app.begin(Ask::default()).url;
        let browser = browser();
        let posted = browser
            .post(scene.server.url("/authorize"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(request.query().expect("a query").to_owned());
        let posted = posted.send().await.expect("an answer");
        let location = posted.headers()[header::LOCATION].to_str().expect("text");
        let form = browser.post(scene.server.url(&format!("{location}/identify")));
        let form = form.form(&[("username", "ada")]).send().await.expect("an answer");
        assert_eq!(form.status(), 403, "the page was not shown");
    }
}
