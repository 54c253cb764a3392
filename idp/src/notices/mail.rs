//! Mail by SMTP (RFC 5321), over TLS by rustls; in the clear to this machine alone.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::Unsent;
use super::letter::Letter;
use crate::config::notices::{MailTls, Notices};

/// Sends mail through the configured server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// The mail server's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    #[error("[notices] mail_from is no mail address")]
    From,
    #[error("[outbound] ca_file {0} cannot be read")]
    CaFile(PathBuf, #[source] std::io::Error),
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

impl Mailer {
    /// A mailer, where a server is configured. Nothing is connected yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: &Notices, ca_file: Option<PathBuf>) -> Result<Option<Self>, MailerError> {
        let Some(server) = settings.mail_server() else {
            return Ok(None);
        };
        let from = settings.mail_from.parse().map_err(|_| MailerError::From)?;
        let parameters = || tls(server, ca_file.clone());
        let tls = match settings.mail_tls {
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::Starttls => Tls::Required(parameters()?),
            MailTls::None => Tls::None,
        };
        let domain = ours(&from);
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(settings.mail_port)
            .tls(tls)
            .hello_name(ClientId::Domain(domain))
            .timeout(Some(LONGEST));
        if !settings.mail_username.is_empty() {
            transport = transport.credentials(Credentials::new(
                settings.mail_username.clone(),
                settings.mail_password.expose_secret().to_owned(),
            ));
        }
        Ok(Some(Self {
            transport: transport.build(),
            from,
        }))
    }

    /// Sends one letter.
    pub(super) async fn send(&self, to: &str, letter: &Letter) -> Result<(), Unsent> {
        let never = |what: &str| Unsent::Never(what.to_owned());
        let to: Mailbox = to.parse().map_err(|_| never("the address is none"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|_| never("the message cannot be written"))?;
        let sent = tokio::time::timeout(LONGEST, self.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            // What a server says can name the person: the code alone is told.
            Ok(Err(error)) => {
                let code = error.status().map_or(0, u16::from);
                let what = format!("the mail server did not take it (code {code})");
                match error.is_permanent() && !OURS.contains(&code) {
                    true => Err(Unsent::Never(what)),
                    false => Err(Unsent::Later(what)),
                }
            }
            Err(_) => Err(Unsent::Later("the mail server took too long".into())),
        }
    }
}

fn tls(server: &str, ca_file: Option<PathBuf>) -> Result<TlsParameters, MailerError> {
    let mut builder = TlsParameters::builder(server.to_owned());
    if let Some(path) = ca_file {
        let pem = std::fs::read(&path).map_err(|error| MailerError::CaFile(path, error))?;
        let certificate = Certificate::from_pem(&pem).map_err(MailerError::Tls)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(MailerError::Tls)
}

/// What we call ourselves to the server: the domain that the mail comes from, since this machine's name says too much.
fn ours(from: &Mailbox) -> String {
    from.email.domain().to_owned()
}

/// "No" to us and not to the mail: a password that is not known (yet), TLS that is missing (RFC 4954 §6). An operator mends
/// that, and what waits is sent then.
const OURS: [u16; 4] = [530, 534, 535, 538];
/// How long one mail may take.
const LONGEST: Duration = Duration::from_secs(30);
