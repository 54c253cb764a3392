//! A token is exchanged for another one (RFC 8693): for a subject, or by an actor for a subject.
//!
//! Nobody may exchange anything unless the operator wrote a rule for that client: whose tokens it may bring, for
//! which resources and scopes it gets one, and whether it becomes the subject or acts for it.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde::Deserialize;
use thiserror::Error;

use super::required;
use crate::oidc::access_token::{AccessToken, Actor};
use crate::oidc::client::{Client, ClientId, GrantType};
use crate::oidc::confirmation::Confirmation;
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::grant::Grant;
use crate::oidc::parameters::Parameters;
use crate::oidc::resource::ResourceUri;
use crate::oidc::scope::{self, Scopes};
use crate::oidc::subject::SubjectIdentifier;

/// `urn:ietf:params:oauth:token-type:access_token` (RFC 8693 §3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// The longest chain of actors.
const MOST_ACTORS: usize = 4;

/// What one client may exchange.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRule {
    /// Who.
    pub client: ClientId,
    /// The clients whose access tokens and ID tokens it may bring.
    pub from: BTreeSet<ClientId>,
    /// The resources that it may get tokens for; none is none but userinfo.
    #[serde(default)]
    pub resources: BTreeSet<ResourceUri>,
    /// The scopes that it may get, as far as the subject's token has them.
    #[serde(default)]
    pub scopes: Scopes,
    /// Whether it may become the subject, with no sign of who it is but the client (RFC 8693 §1.1).
    #[serde(default)]
    pub impersonate: bool,
    /// Whether it may act for the subject, named in the token.
    #[serde(default)]
    pub delegate: bool,
}

/// All rules.
#[derive(Clone, Debug, Default)]
pub struct ExchangeRules(pub Vec<ExchangeRule>);

/// What kind of token is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroughtType {
    /// One of our access tokens.
    AccessToken,
    /// One of our ID tokens.
    IdToken,
}

/// A token that is brought. It is a credential, and is not printed.
pub struct Brought {
    /// What it is said to be.
    pub kind: BroughtType,
    /// The token.
    pub token: SecretString,
}

/// A request to exchange.
pub struct ExchangeRequest {
    /// About whom.
    pub subject: Brought,
    /// Who acts, where that is told.
    pub actor: Option<Brought>,
    /// What the new token should be good for.
    pub scopes: Option<Scopes>,
}

impl ExchangeRequest {
    pub(super) fn parse(form: &Parameters) -> Result<Self, TokenError> {
        let invalid = |says| TokenError::new(TokenErrorCode::InvalidRequest, says);
        // RFC 8693 §2.1: `resource` is served, names of audiences are not.
        if form.all("audience").next().is_some() {
            return Err(TokenError::new(
                TokenErrorCode::InvalidTarget,
                "use resource to name where the token is for",
            ));
        }
        match form.get("requested_token_type") {
            None | Some(ACCESS_TOKEN | JWT) => {}
            Some(_) => return Err(invalid("the requested_token_type is not served")),
        }
        let subject = Brought {
            kind: kind(required(
                form,
                "subject_token_type",
                "subject_token_type is missing",
            )?)?,
            token: required(form, "subject_token", "subject_token is missing")?.into(),
        };
        let actor = match (form.get("actor_token"), form.get("actor_token_type")) {
            (Some(token), Some(of)) => Some(Brought {
                kind: kind(of)?,
                token: token.into(),
            }),
            (None, None) => None,
            // RFC 8693 §2.1: the type goes with the token, and not without it.
            (Some(_), None) => return Err(invalid("actor_token_type is missing")),
            (None, Some(_)) => return Err(invalid("actor_token is missing")),
        };
        Ok(Self {
            subject,
            actor,
            scopes: super::scopes(form)?,
        })
    }
}

fn kind(text: &str) -> Result<BroughtType, TokenError> {
    match text {
        ACCESS_TOKEN | JWT => Ok(BroughtType::AccessToken),
        ID_TOKEN => Ok(BroughtType::IdToken),
        _ => Err(TokenError::new(
            TokenErrorCode::InvalidRequest,
            "the token type is not served",
        )),
    }
}

/// What a brought token says, verified, current and not revoked.
#[derive(Clone, Debug)]
pub struct Known {
    /// About whom.
    pub sub: SubjectIdentifier,
    /// The client that it was issued to.
    pub client_id: ClientId,
    /// What it is good for; of an ID token, what the login was for.
    pub scopes: Scopes,
    /// What it is bound to.
    pub cnf: Confirmation,
    /// Who acts already.
    pub act: Option<Actor>,
    /// The grant that it follows from; none where it is a client's own.
    pub grant: Option<Grant>,
}

impl Known {
    /// What an access token says.
    pub fn of(token: &AccessToken, grant: Option<Grant>) -> Self {
        Self {
            sub: token.sub.clone(),
            client_id: token.client_id.clone(),
            scopes: token.scope.clone(),
            cnf: token.cnf.clone().unwrap_or_default(),
            act: token.act.clone(),
            grant,
        }
    }
}

/// Why nothing is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExchangeRefusal {
    /// There is no rule for anybody.
    #[error("no client may exchange tokens here")]
    NotServed,
    /// The client may not use this grant, or there is no rule for it.
    #[error("the client may not exchange tokens")]
    NotAllowed,
    /// A token that is not ours, expired, revoked, or bound to what was not proved.
    #[error("a token cannot be exchanged")]
    Token,
    /// A token of a client that the rule does not name, or one without a subject.
    #[error("the token's client is not one of the rule's")]
    From,
    /// Without an actor the client would be the subject, which the rule does not let it; or the reverse.
    #[error("the rule does not let the client become, or act for, the subject")]
    Manner,
    /// Too many act for one another.
    #[error("too many act for one another")]
    Chain,
    /// A scope that the token, or the rule, does not have.
    #[error("a scope is beyond the token or the rule")]
    Scope,
    /// A resource that the rule does not have.
    #[error("a resource is beyond the rule")]
    Target,
}

impl From<ExchangeRefusal> for TokenError {
    fn from(refusal: ExchangeRefusal) -> Self {
        use TokenErrorCode as E;
        let (code, description) = match refusal {
            ExchangeRefusal::NotServed => {
                (E::UnsupportedGrantType, "the grant_type is not supported")
            }
            ExchangeRefusal::NotAllowed => (
                E::UnauthorizedClient,
                "the client may not use this grant_type",
            ),
            // RFC 8693 §2.2.2: an invalid subject or actor token is `invalid_request`.
            ExchangeRefusal::Token
            | ExchangeRefusal::From
            | ExchangeRefusal::Manner
            | ExchangeRefusal::Chain => (
                E::InvalidRequest,
                "the token is not valid, or not one that this client may exchange",
            ),
            ExchangeRefusal::Scope => (E::InvalidScope, "the scope is beyond what may be had"),
            ExchangeRefusal::Target => (E::InvalidTarget, "the resource is beyond what may be had"),
        };
        Self::new(code, description)
    }
}

/// What is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// What it is good for.
    pub scopes: Scopes,
    /// Where.
    pub resources: BTreeSet<ResourceUri>,
    /// Who acts.
    pub act: Option<Actor>,
}

impl ExchangeRules {
    /// Whether this client may exchange anything.
    ///
    /// # Errors
    /// When it may not.
    pub fn is_open_to(&self, client: &Client) -> Result<&ExchangeRule, ExchangeRefusal> {
        // RFC 6749 §5.2 `unsupported_grant_type`: as discovery says, which announces it where there is a rule.
        if self.0.is_empty() {
            return Err(ExchangeRefusal::NotServed);
        }
        let may = client.grant_types.contains(&GrantType::TokenExchange) && !client.is_public();
        let rule = self.0.iter().find(|rule| rule.client == client.id);
        rule.filter(|_| may).ok_or(ExchangeRefusal::NotAllowed)
    }

    /// Whether the client may exchange these tokens, and what it gets. `proved` is what the request proved.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(
        &self,
        client: &Client,
        subject: &Known,
        actor: Option<&Known>,
        asked: (&Option<Scopes>, &BTreeSet<ResourceUri>),
        proved: &Confirmation,
    ) -> Result<Exchanged, ExchangeRefusal> {
        let rule = self.is_open_to(client)?;
        // A bound token is of no use to whoever lacks its key, here as everywhere.
        let held = |known: &Known| known.cnf.is_met_by(proved);
        if !held(subject) || !actor.is_none_or(held) {
            return Err(ExchangeRefusal::Token);
        }
        let is_named = |id: &ClientId| *id == client.id || rule.from.contains(id);
        if subject.grant.is_none() || !is_named(&subject.client_id) {
            return Err(ExchangeRefusal::From);
        }
        let act = match actor {
            None if rule.impersonate => subject.act.clone(),
            Some(actor) if rule.delegate => {
                if !is_named(&actor.client_id) {
                    return Err(ExchangeRefusal::From);
                }
                let act = Actor {
                    sub: actor.sub.clone(),
                    client_id: Some(actor.client_id.clone()),
                    // RFC 8693 §4.1: the earlier actor within the present one.
                    act: subject.act.clone().map(Box::new),
                };
                Some(act)
            }
            None | Some(_) => return Err(ExchangeRefusal::Manner),
        };
        if act.as_ref().is_some_and(|act| act.depth() > MOST_ACTORS) {
            return Err(ExchangeRefusal::Chain);
        }
        let (scopes, resources) = asked;
        let most = subject.scopes.intersection(&rule.scopes);
        let scopes = scopes.as_ref().unwrap_or(&most);
        if !scopes.is_subset(&most) {
            return Err(ExchangeRefusal::Scope);
        }
        if !resources.is_subset(&rule.resources) {
            return Err(ExchangeRefusal::Target);
        }
        Ok(Exchanged {
            scopes: scopes.all_but(&[scope::OFFLINE_ACCESS]),
            resources: resources.clone(),
            act,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::confirmation::Thumbprint;
    use crate::oidc::fixtures::{changed, confidential_client, grant};

    fn id(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    fn api() -> BTreeSet<ResourceUri> {
        [ResourceUri::parse("urn:api").unwrap()].into()
    }

    struct Case {
        rule: ExchangeRule,
        client: Client,
        subject: Known,
        actor: Option<Known>,
        scopes: Option<Scopes>,
        resources: BTreeSet<ResourceUri>,
        proved: Confirmation,
    }

    fn known(client: &str, of_subject: bool) -> Known {
        Known {
            sub: SubjectIdentifier::parse(client).unwrap(),
            client_id: id(client),
            scopes: Scopes::parse("openid read write").unwrap(),
            cnf: Confirmation::default(),
            act: None,
            grant: of_subject.then(|| grant(&confidential_client())),
        }
    }

    fn good() -> Case {
        Case {
            rule: ExchangeRule {
                client: id("gateway"),
                from: [id("app")].into(),
                resources: api(),
                scopes: Scopes::parse("read").unwrap(),
                impersonate: false,
                delegate: true,
            },
            client: Client {
                id: id("gateway"),
                grant_types: [GrantType::TokenExchange].into(),
                ..confidential_client()
            },
            subject: known("app", true),
            actor: Some(known("gateway", false)),
            scopes: None,
            resources: api(),
            proved: Confirmation::default(),
        }
    }

    fn run(case: &Case) -> Result<Exchanged, ExchangeRefusal> {
        ExchangeRules(vec![case.rule.clone()]).check(
            &case.client,
            &case.subject,
            case.actor.as_ref(),
            (&case.scopes, &case.resources),
            &case.proved,
        )
    }

    #[test]
    fn an_actor_is_named_and_the_earlier_one_within_it() {
        let mut case = good();
        let first = run(&case).unwrap();
        assert_eq!(first.scopes.to_string(), "read");
        let act = first.act.unwrap();
        assert_eq!((act.sub.as_str(), act.depth()), ("gateway", 1));
        case.subject.act = Some(act);
        assert_eq!(run(&case).unwrap().act.map(|it| it.depth()), Some(2));
    }

    #[test]
    fn a_client_becomes_the_subject_where_its_rule_lets_it() {
        let mut case = good();
        case.actor = None;
        assert_eq!(run(&case), Err(ExchangeRefusal::Manner));
        case.rule.impersonate = true;
        assert_eq!(run(&case).unwrap().act, None);
    }

    #[test]
    fn every_refusal_of_an_exchange() {
        use ExchangeRefusal as R;
        let key = || Confirmation {
            jkt: Some(Thumbprint::of_certificate(b"a")),
            certificate: None,
        };
        assert!(key().jkt.is_some());
        type Mutation = fn(&mut Case);
        let table: [(Mutation, R); 11] = [
            (|c| c.client.grant_types.clear(), R::NotAllowed),
            (|c| c.rule.client = id("other"), R::NotAllowed),
            (
                |c| c.client.auth_method = crate::oidc::client::TokenEndpointAuthMethod::None,
                R::NotAllowed,
            ),
            (
                |c| c.subject.cnf.jkt = Some(Thumbprint::of_certificate(b"a")),
                R::Token,
            ),
            (|c| c.subject.client_id = id("stranger"), R::From),
            (|c| c.subject.grant = None, R::From),
            (|c| c.actor = Some(known("stranger", false)), R::From),
            (|c| c.rule.delegate = false, R::Manner),
            (
                |c| {
                    let mut act = Actor {
                        sub: SubjectIdentifier::parse("a").unwrap(),
                        client_id: None,
                        act: None,
                    };
                    for _ in 0..3 {
                        act = Actor {
                            act: Some(Box::new(act.clone())),
                            ..act
                        };
                    }
                    c.subject.act = Some(act);
                },
                R::Chain,
            ),
            (|c| c.scopes = Scopes::parse("read write"), R::Scope),
            (
                |c| c.resources = [ResourceUri::parse("urn:other").unwrap()].into(),
                R::Target,
            ),
        ];
        for (index, (mutate, expected)) in table.into_iter().enumerate() {
            let mut case = good();
            mutate(&mut case);
            assert_eq!(run(&case), Err(expected), "case {index}");
        }
        let nobody = ExchangeRules::default();
        assert_eq!(nobody.is_open_to(&good().client).err(), Some(R::NotServed));
        assert_eq!(
            TokenError::from(R::NotServed).code(),
            "unsupported_grant_type"
        );
        assert_eq!(TokenError::from(R::Token).code(), "invalid_request");
        assert_eq!(TokenError::from(R::Target).code(), "invalid_target");
    }

    #[test]
    fn every_refusal_of_its_form() {
        let good = [
            ("subject_token", "s"),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", "a"),
            ("actor_token_type", ID_TOKEN),
        ];
        let run = |name: &str, value: Option<&str>| {
            let form = changed(&good, name, value);
            ExchangeRequest::parse(&form)
                .map(|_| ())
                .map_err(|it| it.code())
        };
        assert_eq!(run("", None), Ok(()));
        for (name, value, expected) in [
            ("subject_token", None, "invalid_request"),
            ("subject_token_type", None, "invalid_request"),
            ("subject_token_type", Some("urn:x"), "invalid_request"),
            ("actor_token", None, "invalid_request"),
            ("actor_token_type", None, "invalid_request"),
            ("requested_token_type", Some(ID_TOKEN), "invalid_request"),
            ("audience", Some("api"), "invalid_target"),
            ("scope", Some("a\"b"), "invalid_scope"),
        ] {
            assert_eq!(run(name, value), Err(expected), "{name}={value:?}");
        }
    }
}
