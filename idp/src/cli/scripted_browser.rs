//! A browser as far as a login needs one: cookies, redirects followed by hand, forms read from the page.

use anyhow::{Context as _, bail};
use reqwest::multipart::{Form as Multipart, Part};
use reqwest::{Client, Response};
use scraper::{Html, Selector};
use url::Url;

/// A browser with its own cookies.
pub struct Browser {
    http: Client,
}

/// A page, where it was, and what is on it.
pub struct Page {
    pub url: Url,
    pub status: u16,
    html: String,
}

impl Browser {
    pub fn new() -> anyhow::Result<Self> {
        let http = Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http })
    }

    /// Goes to an address, and on as far as the redirects lead; to `stop_at` it does not go.
    pub async fn get(&self, url: Url, stop_at: &str) -> anyhow::Result<Page> {
        let response = self.http.get(url).send().await?;
        self.follow(response, stop_at).await
    }

    /// Submits the form of a page whose address ends so, with these fields over its own.
    pub async fn submit(
        &self,
        page: &Page,
        action: &str,
        fields: &[(&str, &str)],
        stop_at: &str,
    ) -> anyhow::Result<Page> {
        let (url, mut own) = page.form(action)?;
        own.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        own.extend(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let response = self.http.post(url).form(&own).send().await?;
        self.follow(response, stop_at).await
    }

    /// Submits files in a form of a page whose address ends so.
    pub async fn upload(
        &self,
        page: &Page,
        action: &str,
        files: &[Vec<u8>],
        dpi: Option<f64>,
        stop_at: &str,
    ) -> anyhow::Result<Page> {
        let (url, _) = page.form(action)?;
        let mut form = Multipart::new();
        if let Some(dpi) = dpi {
            form = form.text("dpi", dpi.to_string());
        }
        for (number, bytes) in files.iter().enumerate() {
            form = form.part(
                "sample",
                Part::bytes(bytes.clone()).file_name(format!("sample-{number}")),
            );
        }
        let response = self.http.post(url).multipart(form).send().await?;
        self.follow(response, stop_at).await
    }

    async fn follow(&self, mut response: Response, stop_at: &str) -> anyhow::Result<Page> {
        for _ in 0..10 {
            if !response.status().is_redirection() {
                let (url, status) = (response.url().clone(), response.status().as_u16());
                return Ok(Page {
                    url,
                    status,
                    html: response.text().await?,
                });
            }
            let location = response
                .headers()
                .get("location")
                .context("a redirect to nowhere")?
                .to_str()?;
            let url = response.url().join(location)?;
            if url.as_str().starts_with(stop_at) {
                return Ok(Page {
                    url,
                    status: response.status().as_u16(),
                    html: String::new(),
                });
            }
            response = self.http.get(url).send().await?;
        }
        bail!("too many redirects")
    }
}

impl Page {
    /// The first heading, for messages.
    pub fn heading(&self) -> String {
        let document = Html::parse_document(&self.html);
        let selector = Selector::parse("h1").ok();
        let first = selector.and_then(|h1| {
            document
                .select(&h1)
                .next()
                .map(|h1| h1.text().collect::<String>())
        });
        first.map_or_else(
            || format!("status {}", self.status),
            |text| text.trim().to_owned(),
        )
    }

    /// What the page says is wrong and what to do, where it says so.
    pub fn problem(&self) -> Option<String> {
        let document = Html::parse_document(&self.html);
        let advice = Selector::parse("#problem p").ok()?;
        let text: String = document.select(&advice).next()?.text().collect();
        Some(text.trim().to_owned())
    }

    /// Whether it has a form whose address ends so.
    pub fn has_form(&self, action: &str) -> bool {
        self.form(action).is_ok()
    }

    /// Where a form goes and what it holds by itself.
    fn form(&self, action: &str) -> anyhow::Result<(Url, Vec<(String, String)>)> {
        let document = Html::parse_document(&self.html);
        let selector =
            |text| Selector::parse(text).map_err(|_| anyhow::anyhow!("not a selector: {text}"));
        let (forms, inputs) = (selector("form")?, selector("input[type=hidden][name]")?);
        let form = document
            .select(&forms)
            .find(|form| {
                form.value()
                    .attr("action")
                    .is_some_and(|found| found.ends_with(action))
            })
            .with_context(|| {
                format!(
                    "the page '{}' ({}) has no form for {action}",
                    self.heading(),
                    self.url.path()
                )
            })?;
        let url = self
            .url
            .join(form.value().attr("action").unwrap_or_default())?;
        let own = form.select(&inputs).filter_map(|input| {
            let name = input.value().attr("name")?.to_owned();
            Some((
                name,
                input.value().attr("value").unwrap_or_default().to_owned(),
            ))
        });
        Ok((url, own.collect()))
    }
}
