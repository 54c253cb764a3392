//! `[notices]`: whether people hear of changes to their accounts, and how.

use std::net::IpAddr;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::ConfigError;
use crate::store::Channel;

/// `[notices]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notices {
    mail_server: String,
    pub mail_port: u16,
    pub mail_tls: MailTls,
    pub mail_username: String,
    pub mail_password: SecretString,
    pub mail_from: String,
    webhook: String,
}

/// How the connection to the mail server is protected.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// From the first byte (RFC 8314 §3.3).
    Implicit,
    /// By STARTTLS, and not at all where the server does not offer it (RFC 3207).
    Starttls,
    /// Not: for a server on this machine.
    None,
}

impl Notices {
    /// The mail server's name, where mail is on.
    #[must_use]
    pub fn mail_server(&self) -> Option<&str> {
        Some(self.mail_server.as_str()).filter(|name| !name.is_empty())
    }

    /// The webhook's address, where there is one.
    #[must_use]
    pub fn webhook(&self) -> Option<&str> {
        Some(self.webhook.as_str()).filter(|url| !url.is_empty())
    }

    /// The ways that are on.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        let mail = self.mail_server().map(|_| Channel::Mail);
        let webhook = self.webhook().map(|_| Channel::Webhook);
        mail.into_iter().chain(webhook).collect()
    }

    /// Whether it can work.
    ///
    /// # Errors
    /// [`ConfigError::Notices`] says what to write instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        let problem = if self.mail_server().is_some() && self.mail_from.is_empty() {
            "mail_server wants a mail_from"
        } else if self.mail_tls == MailTls::None
            && self.mail_server().is_some_and(|name| !is_here(name))
        {
            "mail_tls = \"none\" is for a server on this machine: use \"implicit\" or \"starttls\""
        } else if self.mail_tls == MailTls::None && !self.mail_username.is_empty() {
            "mail_username wants mail_tls"
        } else if self.webhook().is_some_and(|url| Url::parse(url).is_err()) {
            "webhook is not a web address"
        } else {
            return Ok(());
        };
        Err(ConfigError::Notices(problem))
    }
}

fn is_here(name: &str) -> bool {
    let address: Result<IpAddr, _> = name.parse();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::store::Channel;

    fn check(toml: &str) -> Result<Vec<Channel>, String> {
        let config = Config::from_toml(&format!("[notices]\n{toml}"));
        let config = config.map_err(|error| error.to_string())?;
        Ok(config.notices.channels())
    }

    #[test]
    fn notices_are_off_until_somebody_says_where_to() {
        assert_eq!(check(""), Ok(vec![]));
        let hook = "webhook = \"https://hooks.example/\"";
        assert_eq!(check(hook), Ok(vec![Channel::Webhook]));
        let mail = "mail_server = \"mail.example\"\nmail_from = \"a@example.org\"";
        assert_eq!(check(mail), Ok(vec![Channel::Mail]));
        let here =
            "mail_server = \"127.0.0.1\"\nmail_from = \"a@example.org\"\nmail_tls = \"none\"";
        assert_eq!(check(here), Ok(vec![Channel::Mail]));
    }

    #[test]
    fn what_would_send_in_the_clear_or_nothing_is_refused() {
        for (toml, says) in [
            ("mail_server = \"mail.example\"", "mail_from"),
            (
                "mail_server = \"mail.example\"\nmail_from = \"a@example.org\"\nmail_tls = \"none\"",
                "this machine",
            ),
            (
                "mail_server = \"127.0.0.1\"\nmail_from = \"a@example.org\"\nmail_tls = \"none\"\nmail_username = \"a\"",
                "mail_username wants",
            ),
            ("webhook = \"hooks\"", "web address"),
            ("mail_tls = \"maybe\"", "maybe"),
        ] {
            let refused = check(toml).expect_err(toml);
            assert!(refused.contains(says), "{toml}: {refused}");
        }
    }
}
