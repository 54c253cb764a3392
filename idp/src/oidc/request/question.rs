//! Requests of our own: a person is asked something although no client's redirect waits for the answer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AuthorizationRequest, Display, ResponseMode, ResponseType};
use crate::oidc::acr::AcrRequest;
use crate::oidc::authorization_details::AuthorizationDetails;
use crate::oidc::claims_request::ClaimsRequest;
use crate::oidc::client::ClientId;
use crate::oidc::prompt::Prompts;
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::resource::ResourceUri;
use crate::oidc::scope::Scopes;
use crate::oidc::subject::SubjectId;

/// What the answer is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Errand {
    /// A device waits (RFC 8628); its code's digest.
    Device {
        /// Of its device code.
        digest: String,
    },
    /// A client waits (CIBA Core); its request's digest.
    Backchannel {
        /// Of its `auth_req_id`.
        digest: String,
    },
    /// Nobody waits: the person wants to see who does.
    Requests,
    /// Nobody waits: the person proves a possession factor, to add another factor to the account.
    AddFactor {
        /// Which is to be added.
        factor: wire::FactorKind,
    },
    /// Nobody waits: the person looks after the account.
    Portal {
        /// Where to go on: a path of ours.
        page: String,
        /// Whether another way to sign in is bound there.
        #[serde(default)]
        binds: bool,
    },
}

/// What the person is asked.
pub struct Question {
    /// For whom.
    pub client_id: ClientId,
    /// For what.
    pub scopes: Scopes,
    /// Where it is to be good.
    pub resources: BTreeSet<ResourceUri>,
    /// In detail.
    pub details: AuthorizationDetails,
    /// The assurance.
    pub acr: AcrRequest,
    /// How old the authentication may be, seconds.
    pub max_age: Option<u32>,
    /// Whom it must be.
    pub subject: Option<SubjectId>,
    /// What the answer is for.
    pub errand: Errand,
    /// A page of ours.
    pub page: String,
}

impl Errand {
    /// Whether what the person allows is kept for somebody.
    #[must_use]
    pub fn grants(&self) -> bool {
        match self {
            Self::Device { .. } | Self::Backchannel { .. } => true,
            Self::Requests | Self::AddFactor { .. } | Self::Portal { .. } => false,
        }
    }
}

impl AuthorizationRequest {
    /// The request that a login attempt is made of, where we ask ourselves.
    pub fn of_our_own(question: Question) -> Self {
        Self {
            client_id: question.client_id,
            redirect_uri: RedirectUri::new(question.page),
            response_type: ResponseType::Code,
            response_mode: ResponseMode::Query,
            scopes: question.scopes,
            state: None,
            nonce: None,
            code_challenge: None,
            prompt: Prompts::default(),
            max_age: question.max_age,
            acr: question.acr,
            login_hint: None,
            id_token_hint: None,
            hinted_subject: question.subject,
            ui_locales: Vec::new(),
            claims_locales: Vec::new(),
            pushed: None,
            display: Display::default(),
            claims: ClaimsRequest::default(),
            resources: question.resources,
            details: question.details,
            dpop_jkt: None,
            errand: Some(question.errand),
        }
    }
}
