//! Where the server is and who we are: the settings, the operator token's sources, and the rule that the token travels safely.
//!
//! The token is never an argument: every user of a machine can read another's command line.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;
use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

/// The environment variable that holds the operator token.
pub const TOKEN_VARIABLE: &str = "WHORL_ADMIN_TOKEN";

/// What the console's configuration file may say; the command line goes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the server is.
    pub server: Option<String>,
    /// The file that holds the operator token.
    pub token_file: Option<PathBuf>,
    /// The certificates of the authority that vouches for the server, as PEM.
    pub ca: Option<PathBuf>,
}

/// Why the console cannot begin to talk to a server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file that was named cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration file does not parse.
    #[error("{} is not a valid configuration", path.display())]
    Settings {
        /// Which file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        source: toml::de::Error,
    },
    /// The server's address does not parse, or is not http or https.
    #[error("{0:?} is not the address of a server; one looks like https://id.example.org")]
    Address(String),
    /// The token would cross a network in clear.
    #[error(
        "{0} is not this machine and not https: the operator token would be readable on the way; use https, or a tunnel to a local port"
    )]
    Clear(Url),
    /// There is no token, and nobody to ask for it.
    #[error(
        "no operator token: set {TOKEN_VARIABLE} or give --token-file; `whorl admin token` on the server makes one"
    )]
    NoToken,
    /// What was given as a token is none.
    #[error("the operator token from {0} is empty or has characters that no token has")]
    BadToken(String),
    /// The terminal cannot be asked.
    #[error("cannot ask for the operator token")]
    Prompt(#[source] io::Error),
}

impl Settings {
    /// Reads the configuration file; one that nobody named need not be there.
    ///
    /// # Errors
    /// Where the file cannot be read or does not parse.
    pub fn read(named: Option<&Path>) -> Result<Self, ConnectError> {
        let Some(path) = named.map(Path::to_owned).or_else(Self::default_path) else {
            return Ok(Self::default());
        };
        match fs::read_to_string(&path) {
            Ok(text) => {
                toml::from_str(&text).map_err(|source| ConnectError::Settings { path, source })
            }
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(source) => Err(ConnectError::File { path, source }),
        }
    }

    /// Where the configuration file is looked for: `whorl/admin.toml` in the user's configuration folder.
    pub fn default_path() -> Option<PathBuf> {
        Some(dirs::config_dir()?.join("whorl").join("admin.toml"))
    }
}

/// Parses the server's address, and refuses one that would carry the token in clear across a network.
///
/// # Errors
/// Where the text is no http address, or the address is neither https nor this machine.
pub fn server_address(text: &str) -> Result<Url, ConnectError> {
    let bad = || ConnectError::Address(text.to_owned());
    let url = Url::parse(text.trim()).map_err(|_| bad())?;
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(bad()),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local => Ok(url),
        "http" => Err(ConnectError::Clear(url)),
        _ => Err(bad()),
    }
}

/// Finds the operator token: in the file, in the environment, or by asking.
///
/// # Errors
/// Where the file cannot be read, the text is no token, or there is nobody to ask.
pub fn operator_token(
    file: Option<&Path>,
    variable: Option<String>,
) -> Result<SecretString, ConnectError> {
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|source| ConnectError::File {
            path: path.to_owned(),
            source,
        })?;
        warn_if_others_read(path);
        return parse_token(&text, &path.display().to_string());
    }
    if let Some(text) = variable.filter(|text| !text.trim().is_empty()) {
        return parse_token(&text, TOKEN_VARIABLE);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(ConnectError::NoToken);
    }
    let text = ask("Operator token: ").map_err(ConnectError::Prompt)?;
    parse_token(&text, "the prompt")
}

fn parse_token(text: &str, source: &str) -> Result<SecretString, ConnectError> {
    let text = text.trim();
    // RFC 6750 §2.1: what a bearer token may be made of.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    if text.is_empty() || !text.chars().all(is_token) {
        return Err(ConnectError::BadToken(source.to_owned()));
    }
    Ok(SecretString::from(text))
}

#[cfg(unix)]
fn warn_if_others_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        let path = path.display();
        eprintln!("warning: others on this machine can read {path}; `chmod 600 {path}` mends it");
    }
}

#[cfg(not(unix))]
fn warn_if_others_read(_path: &Path) {}

/// Asks for a line without showing it.
fn ask(prompt: &str) -> io::Result<String> {
    eprint!("{prompt}");
    terminal::enable_raw_mode()?;
    let answer = read_hidden_line();
    terminal::disable_raw_mode()?;
    eprintln!();
    answer
}

fn read_hidden_line() -> io::Result<String> {
    let mut line = String::new();
    loop {
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Ok(line),
            KeyCode::Char('c' | 'd') if control => {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled"));
            }
            KeyCode::Char('u') if control => line.clear(),
            KeyCode::Char(c) if !control => line.push(c),
            KeyCode::Backspace => {
                line.pop();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_travels_only_over_tls_or_within_the_machine() {
        for fine in [
            "https://id.example.org",
            "https://10.0.0.1:8443/idp/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://[::1]:8080",
        ] {
            assert!(server_address(fine).is_ok(), "{fine}");
        }
        for clear in [
            "http://id.example.org",
            "http://10.0.0.1",
            "http://localhost.example.org",
        ] {
            assert!(
                matches!(server_address(clear), Err(ConnectError::Clear(_))),
                "{clear}"
            );
        }
        for bad in ["id.example.org", "ftp://localhost", "", "https://"] {
            assert!(
                matches!(server_address(bad), Err(ConnectError::Address(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_token_is_trimmed_and_nothing_else() {
        let token = operator_token(None, Some(" abc.DEF-_~+/= \n".to_owned())).unwrap();
        assert_eq!(token.expose_secret(), "abc.DEF-_~+/=");
        for bad in ["two words", "café", "a\u{7}b"] {
            assert!(
                matches!(parse_token(bad, "here"), Err(ConnectError::BadToken(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_missing_file_matters_only_where_it_was_named() {
        let missing = Path::new("/nonexistent/admin.toml");
        assert!(matches!(
            Settings::read(Some(missing)),
            Err(ConnectError::File { .. })
        ));
        assert!(matches!(
            operator_token(Some(missing), None),
            Err(ConnectError::File { .. })
        ));
    }

    #[test]
    fn a_setting_that_does_not_exist_is_refused() {
        assert!(toml::from_str::<Settings>("servr = 'x'").is_err());
        let settings: Settings = toml::from_str("server = 'https://x'\nca = '/ca.pem'").unwrap();
        assert_eq!(settings.server.as_deref(), Some("https://x"));
    }
}
