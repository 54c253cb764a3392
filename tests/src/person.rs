//! A person at a browser without JavaScript: keeps cookies, reads pages, fills in forms, follows redirects.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use reqwest::{
    Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode,
    cookie::{CookieStore, Jar},
    header::{HeaderMap, LOCATION},
    redirect,
};
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// One browser profile: its cookies are its own.
#[derive(Debug, Clone)]
pub struct Person {
    http: Client,
    jar: Arc<Jar>,
}

/// Where a chain of redirects ended.
#[derive(Debug)]
pub enum Arrival {
    /// At a page of the site where it began.
    Page(Page),
    /// On the way to another site, which was not asked: an application's redirect URI.
    Elsewhere(Url),
}

impl Arrival {
    /// The page, where one was reached.
    pub fn page(self) -> anyhow::Result<Page> {
        match self {
            Self::Page(page) => Ok(page),
            Self::Elsewhere(url) => bail!("expected a page, was sent to {url}"),
        }
    }

    /// The other site's URL, where the browser was sent away.
    pub fn elsewhere(self) -> anyhow::Result<Url> {
        match self {
            Self::Elsewhere(url) => Ok(url),
            Self::Page(page) => bail!("expected a redirect to another site, got {page}"),
        }
    }
}

/// A response as a person gets it.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it came from.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// A form of a page, to be filled in and submitted.
#[derive(Debug, Clone)]
pub struct Form {
    action: Url,
    method: Method,
    fields: Vec<(String, String)>,
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

impl Person {
    /// A new profile, without a cookie.
    ///
    /// # Panics
    /// Never on a machine where reqwest works at all.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Client::builder())
    }

    /// A new profile on connections of this kind.
    ///
    /// # Panics
    /// When they cannot be made.
    #[must_use]
    pub fn on(connections: ClientBuilder) -> Self {
        let jar = Arc::new(Jar::default());
        let http = connections
            .cookie_provider(Arc::clone(&jar))
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("invariant: these settings make a client");
        Self { http, jar }
    }

    /// Opens a URL and follows redirects within its site.
    pub async fn open(&self, url: impl AsRef<str>) -> anyhow::Result<Arrival> {
        let url = Url::parse(url.as_ref())?;
        self.follow(self.http.get(url)).await
    }

    /// Submits a form as its only button would, and follows redirects within the site.
    pub async fn submit(&self, form: Form) -> anyhow::Result<Arrival> {
        self.follow(form.request(&self.http)).await
    }

    /// Submits a form and takes the first response as it comes.
    pub async fn submit_once(&self, form: Form) -> anyhow::Result<Page> {
        Page::read(form.request(&self.http).send().await?).await
    }

    /// Opens a URL and takes the first response as it comes.
    pub async fn open_once(&self, url: impl AsRef<str>) -> anyhow::Result<Page> {
        Page::read(self.http.get(url.as_ref()).send().await?).await
    }

    /// The client underneath, with this profile's cookies, for requests that no page makes.
    #[must_use]
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// The cookies that would go to `url`, as `name=value` pairs.
    #[must_use]
    pub fn cookies(&self, url: &Url) -> Vec<String> {
        let header = self.jar.cookies(url);
        let text = header
            .as_ref()
            .and_then(|h| h.to_str().ok())
            .unwrap_or_default();
        text.split("; ")
            .filter(|pair| !pair.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Puts a cookie into the profile, as a `Set-Cookie` header of `url` would.
    pub fn set_cookie(&self, cookie: &str, url: &Url) {
        self.jar.add_cookie_str(cookie, url);
    }

    async fn follow(&self, first: RequestBuilder) -> anyhow::Result<Arrival> {
        let mut response = first.send().await?;
        let site = response.url().origin();
        for _ in 0..MOST_REDIRECTS {
            if !response.status().is_redirection() {
                return Ok(Arrival::Page(Page::read(response).await?));
            }
            // A body would be sent again: with a password in it, to wherever that leads (RFC 9700 §4.12).
            let status = response.status();
            ensure!(
                status != 307 && status != 308,
                "{status} from {}",
                response.url()
            );
            let to = location(&response)?;
            if to.origin() != site {
                return Ok(Arrival::Elsewhere(to));
            }
            response = self.http.get(to).send().await?;
        }
        bail!(
            "more than {MOST_REDIRECTS} redirects, at {}",
            response.url()
        );
    }
}

fn location(response: &Response) -> anyhow::Result<Url> {
    let header = response
        .headers()
        .get(LOCATION)
        .context("a redirect without Location")?;
    Ok(response.url().join(header.to_str()?)?)
}

impl Page {
    async fn read(response: Response) -> anyhow::Result<Self> {
        let (url, status, headers) = (
            response.url().clone(),
            response.status(),
            response.headers().clone(),
        );
        Ok(Self {
            url,
            status,
            headers,
            body: response.text().await?,
        })
    }

    /// The form that has a field of this name.
    pub fn form_with(&self, field: &str) -> anyhow::Result<Form> {
        let forms = self.forms();
        let found = forms.into_iter().find(|form| form.value(field).is_some());
        found.with_context(|| format!("no form with a field {field} in {self}"))
    }

    /// Every form of the page, in order.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        let html = Html::parse_document(&self.body);
        html.select(&selector("form"))
            .filter_map(|form| Form::read(form, &self.url))
            .collect()
    }

    /// The text of every element that `css` selects, white space folded.
    #[must_use]
    pub fn texts(&self, css: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let fold = |e: ElementRef<'_>| {
            e.text()
                .flat_map(str::split_whitespace)
                .collect::<Vec<_>>()
                .join(" ")
        };
        html.select(&selector(css)).map(fold).collect()
    }

    /// An attribute of the first element that `css` selects.
    #[must_use]
    pub fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let html = Html::parse_document(&self.body);
        html.select(&selector(css))
            .find_map(|e| e.attr(name).map(str::to_owned))
    }

    /// A header as text; empty where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// The `Set-Cookie` headers.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .collect()
    }
}

impl std::fmt::Display for Page {
    /// What to print when a test did not get what it expected.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self
            .texts("main, body")
            .into_iter()
            .next()
            .unwrap_or_default();
        let text = if text.is_empty() { &self.body } else { &text };
        let shown: String = text.chars().take(SHOWN).collect();
        write!(f, "{} {}: {shown}", self.status, self.url)
    }
}

impl Form {
    /// A form with no page behind it: what an attacker's page would submit.
    #[must_use]
    pub fn forged(action: Url, fields: &[(&str, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        Self {
            action,
            method: Method::POST,
            fields,
        }
    }

    fn read(form: ElementRef<'_>, page: &Url) -> Option<Self> {
        let action = page.join(form.attr("action").unwrap_or_default()).ok()?;
        let post = form
            .attr("method")
            .is_some_and(|m| m.eq_ignore_ascii_case("post"));
        let method = if post { Method::POST } else { Method::GET };
        let mut fields = Vec::new();
        for field in form.select(&selector("input, select, textarea, button")) {
            let (Some(name), None) = (field.attr("name"), field.attr("disabled")) else {
                continue;
            };
            let value = field.attr("value").unwrap_or_default().to_owned();
            let kind = field.attr("type").unwrap_or_default();
            let ticked = field.attr("checked").is_some();
            let value = match (field.value().name(), kind) {
                ("input", "checkbox" | "radio") if !ticked => continue,
                ("input", "checkbox") if value.is_empty() => "on".to_owned(),
                ("input", "submit" | "image" | "reset" | "button") | ("button", _) => continue,
                ("textarea", _) => field.text().collect(),
                ("select", _) => chosen(field),
                _ => value,
            };
            fields.push((name.to_owned(), value));
        }
        Some(Self {
            action,
            method,
            fields,
        })
    }

    /// What a field holds.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Fills a field in; one that the form lacks is added, as the name and value of a pressed button are.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(n, _)| n != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a field away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(n, _)| n != name);
        self
    }

    /// All of its fields.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// Where it goes.
    #[must_use]
    pub fn action(&self) -> &Url {
        &self.action
    }

    fn request(&self, http: &Client) -> RequestBuilder {
        let request = http.request(self.method.clone(), self.action.clone());
        if self.method == Method::POST {
            request
                .header("origin", self.action.origin().ascii_serialization())
                .form(&self.fields)
        } else {
            request.query(&self.fields)
        }
    }
}

fn chosen(select: ElementRef<'_>) -> String {
    let value = |o: ElementRef<'_>| o.attr("value").unwrap_or_default().to_owned();
    let first = |css: &str| select.select(&selector(css)).next().map(value);
    first("option[selected]")
        .or_else(|| first("option"))
        .unwrap_or_default()
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|e| panic!("{css}: {e}"))
}

/// Longer than any answer takes, the comparison of a face on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// As browsers have it.
const MOST_REDIRECTS: usize = 20;

/// Characters of a page that a failed expectation prints.
const SHOWN: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            url: Url::parse("http://localhost:1/login?x=1").expect("a URL"),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_form_is_read_as_a_browser_would_send_it() {
        let page = page(
            r#"<form action="/search"><input name=q></form>
            <form method=post action="step"><input type=hidden name=csrf value=abc><input name=username>
            <input type=checkbox name=agree><input type=checkbox name=stay checked>
            <select name=how><option value=a>A<option value=b selected>B</select>
            <button name=go value=1>Go</button></form>"#,
        );
        let form = page.form_with("username").expect("the second form");
        assert_eq!(form.action().as_str(), "http://localhost:1/step");
        assert_eq!(form.method, Method::POST);
        let form = form.fill("username", "ada").fill("go", "1");
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        assert_eq!(
            fields,
            ["csrf=abc", "stay=on", "how=b", "username=ada", "go=1"]
        );
        assert!(page.form_with("password").is_err());
    }

    #[test]
    fn text_is_folded_and_cookies_stay_in_their_profile() {
        let page = page("<main><p role=alert>Wrong\n  password</p></main>");
        assert_eq!(page.texts("[role=alert]"), ["Wrong password"]);
        let (one, other) = (Person::new(), Person::new());
        one.set_cookie("a=b; Path=/", &page.url);
        assert_eq!(one.cookies(&page.url), ["a=b"]);
        assert!(other.cookies(&page.url).is_empty());
    }
}
