//! Where most scenarios begin: a server, an owner, a registered application.

use openidconnect::OAuth2TokenResponse as _;
use wire::{ClientKind, Role};

use crate::{
    missing::Missing,
    operator::Operator,
    person::Person,
    relying_party::{Ask, LoggedIn, RelyingParty},
    server::{Backend, Server, Setup},
    subject::Subject,
};

/// A server with its owner and one application.
#[derive(Debug)]
pub struct Scene {
    /// The provider.
    pub server: Server,
    /// Who may do everything.
    pub owner: Operator,
    /// A confidential client.
    pub app: RelyingParty,
}

impl Scene {
    /// A server without models.
    pub async fn plain(backend: Backend) -> Result<Self, Missing> {
        Self::set(Setup::plain(backend)).await
    }

    /// A server without models, with these settings over the usual ones.
    pub async fn with(backend: Backend, toml: &str) -> Result<Self, Missing> {
        let plain = Setup::plain(backend);
        Self::set(Setup { toml, ..plain }).await
    }

    /// A server as `setup` has it.
    ///
    /// # Panics
    /// When the server does not let itself be set up: that is a finding, not a missing part.
    pub async fn set(setup: Setup<'_>) -> Result<Self, Missing> {
        let server = Server::start(setup).await?;
        let owner = Operator::of(&server, "olivia", Role::Owner).expect("an owner's token");
        let app = register(&server, &owner, ClientKind::Confidential)
            .await
            .expect("a client");
        Ok(Self { server, owner, app })
    }

    /// Invites and enrols a subject, in a browser of its own.
    pub async fn enrol(&self, username: &str) -> anyhow::Result<(Person, Subject)> {
        let (_, invitation) = self.owner.invite(username).await?;
        let person = Person::new();
        let subject = Subject::enrol(&person, username, &invitation).await?;
        Ok((person, subject))
    }

    /// Registers a further application.
    pub async fn register(&self, kind: ClientKind) -> anyhow::Result<RelyingParty> {
        register(&self.server, &self.owner, kind).await
    }

    /// Signs a subject in to the application with password and one-time password.
    pub async fn sign_in(
        &self,
        person: &Person,
        subject: &mut Subject,
        ask: Ask<'_>,
    ) -> anyhow::Result<LoggedIn> {
        let begun = self.app.begin(ask);
        let back = subject.sign_in(person, &begun.url).await?;
        self.app.finish(begun, &back).await
    }

    /// Whether an access token is good at userinfo.
    pub async fn is_live(&self, access_token: &str) -> anyhow::Result<bool> {
        let request = reqwest::Client::new().get(self.server.url("/userinfo"));
        let response = request.bearer_auth(access_token).send().await?;
        anyhow::ensure!(
            !response.status().is_server_error(),
            "userinfo: {}",
            response.status()
        );
        Ok(response.status().is_success())
    }
}

async fn register(
    server: &Server,
    owner: &Operator,
    kind: ClientKind,
) -> anyhow::Result<RelyingParty> {
    let redirect_uri = "http://localhost:1/callback";
    let scopes = ["openid", "profile", "email", "offline_access"];
    let (id, secret) = owner.register(kind, redirect_uri, &scopes).await?;
    RelyingParty::discover(&server.issuer, &id, secret.as_deref(), redirect_uri).await
}

/// The access token of a refreshed response, and the refresh token that comes with it.
#[must_use]
pub fn refreshed(response: &openidconnect::core::CoreTokenResponse) -> (String, Option<String>) {
    let refresh = response.refresh_token().map(|token| token.secret().clone());
    (response.access_token().secret().clone(), refresh)
}

/// Two tests of one scenario: with the embedded backend and with PostgreSQL, S3 and KMS.
#[macro_export]
macro_rules! on_both_backends {
    ($(async fn $name:ident($scene:ident: Scene) $body:block)+) => {
        $crate::on_both_backends! { with ""; $(async fn $name($scene: Scene) $body)+ }
    };
    // With these settings over those that every test server has.
    (with $toml:expr; $(async fn $name:ident($scene:ident: Scene) $body:block)+) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn scenario($scene: $crate::scene::Scene) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                let scene = $crate::scene::Scene::with($crate::server::Backend::Embedded, $toml).await;
                scenario($crate::need!(scene)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn production() {
                let scene = $crate::scene::Scene::with($crate::server::Backend::Production, $toml).await;
                scenario($crate::need!(scene)).await;
            }
        })+
    };
}
