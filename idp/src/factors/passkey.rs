//! Passkeys (WebAuthn Level 3): several a subject, discoverable, user verification always required.
//!
//! A credential's id is derived from WebAuthn's own, so that one authenticator's credential can belong to
//! one subject only, whatever races. The signature counter is the credential's counter and only goes up;
//! the rest of what changes (backup state) lies in `public`. What a challenge remembers names its subject,
//! except for the discoverable one, where the answer says who it is.

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn,
    WebauthnBuilder, WebauthnError,
};
use wire::{CredentialId, SubjectId};

use super::{
    Answer, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind, Issued,
    recall, remember,
};
use crate::oidc::amr::Amr;
use crate::store::{Credential, CredentialChange, NewCredential, Store};

/// The passkey factor.
pub struct Passkeys {
    store: Store,
    /// None where the issuer is an address: WebAuthn wants a domain.
    webauthn: Option<Webauthn>,
    /// Makes up credentials for names that have none.
    decoys: [u8; 32],
}

/// What a challenge remembers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    /// Whose challenge it is; nobody's where the answer is to say.
    subject: Option<SubjectId>,
    asked: Asked,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Asked {
    Registration(Box<PasskeyRegistration>),
    Named(Box<PasskeyAuthentication>),
    Discoverable(Box<DiscoverableAuthentication>),
}

impl Passkeys {
    /// The factor. `issuer` gives origin and relying party id, `name` is shown by some browsers.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn new(store: Store, issuer: &Url, name: &str) -> Result<Self, FactorError> {
        let mut decoys = [0; 32];
        aws_lc_rs::rand::fill(&mut decoys)
            .map_err(|_| fault(anyhow::anyhow!("no random bytes")))?;
        let webauthn = issuer.domain().and_then(|domain| {
            let origin = Url::parse(&issuer.origin().ascii_serialization()).ok()?;
            WebauthnBuilder::new(domain, &origin)
                .ok()?
                .rp_name(name)
                .build()
                .ok()
        });
        Ok(Self {
            store,
            webauthn,
            decoys,
        })
    }

    /// Makes up credentials for names that have none from this seed, so that they stay the same across
    /// restarts and replicas, as real ones do.
    #[must_use]
    pub fn with_decoys(self, seed: [u8; 32]) -> Self {
        Self {
            decoys: seed,
            ..self
        }
    }

    /// Whether this issuer can have passkeys: its host is a name.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.webauthn.is_some()
    }

    /// A challenge that any passkey of this issuer may answer; who answered is [`Passkeys::identify`]'s.
    ///
    /// # Errors
    /// [`FactorError::NotAvailable`] where the issuer cannot have passkeys.
    pub fn discoverable_challenge(&self) -> Result<Issued, FactorError> {
        let (options, state) = self
            .webauthn()?
            .start_discoverable_authentication()
            .map_err(|error| fault(error.into()))?;
        let waiting = Waiting {
            subject: None,
            asked: Asked::Discoverable(Box::new(state)),
        };
        Ok(issued(&options, &waiting))
    }

    /// Whose passkey answered a discoverable challenge, by its user handle. It is a claim until
    /// [`Factor::verify`] has matched it against that subject.
    #[must_use]
    pub fn identify(&self, credential: &Value) -> Option<SubjectId> {
        let credential = PublicKeyCredential::deserialize(credential).ok()?;
        let (subject, _) = self
            .webauthn
            .as_ref()?
            .identify_discoverable_authentication(&credential)
            .ok()?;
        Some(SubjectId(subject))
    }

    fn webauthn(&self) -> Result<&Webauthn, FactorError> {
        self.webauthn
            .as_ref()
            .ok_or(FactorError::NotAvailable(KIND))
    }

    /// A credential that nobody has, always the same for a name.
    fn decoy(&self, username: &str) -> Value {
        let made_up = digest(&SHA256, &[&self.decoys, username.as_bytes()].concat());
        let id = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, made_up);
        json!({ "type": "public-key", "id": id })
    }

    fn judge(
        &self,
        answer: &PublicKeyCredential,
        passkey: &Passkey,
        asked: Asked,
    ) -> Result<Result<AuthenticationResult, WebauthnError>, FactorError> {
        let webauthn = self.webauthn()?;
        match asked {
            Asked::Named(state) => Ok(webauthn.finish_passkey_authentication(answer, &state)),
            Asked::Discoverable(state) => {
                Ok(webauthn.finish_discoverable_authentication_v2(answer, *state, passkey))
            }
            Asked::Registration(_) => Err(FactorError::Malformed("the steps came out of order")),
        }
    }
}

#[async_trait]
impl Factor for Passkeys {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError> {
        let subject = ceremony.subject;
        let exclude = passkeys(&ceremony)?
            .into_iter()
            .map(|(_, passkey)| passkey.cred_id().clone())
            .collect();
        let (options, state) = self
            .webauthn()?
            .start_passkey_registration(
                subject.id.0,
                &subject.username,
                &subject.display_name,
                Some(exclude),
            )
            .map_err(|error| fault(error.into()))?;
        let waiting = Waiting {
            subject: Some(subject.id),
            asked: Asked::Registration(Box::new(state)),
        };
        let mut issued = issued(&options, &waiting);
        if let Challenge::Passkey { options } = &mut issued.challenge {
            // The library asks for one that is discoverable only where it may waste an authenticator's
            // room; here the sign-in without a name depends on it.
            options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
            options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
        }
        Ok(issued)
    }

    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        remembered: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        let Answer::Credential { json, label } = answer else {
            return Err(FactorError::Malformed(
                "a passkey answers with a credential",
            ));
        };
        let answer: RegisterPublicKeyCredential = parse(json)?;
        let waiting: Waiting = recall(remembered)?;
        let Asked::Registration(state) = waiting.asked else {
            return Err(FactorError::Malformed("the steps came out of order"));
        };
        if waiting.subject != Some(ceremony.subject.id) {
            return Err(FactorError::Malformed("this enrolment was begun elsewhere"));
        }
        let passkey = self
            .webauthn()?
            .finish_passkey_registration(&answer, &state)
            .map_err(refusal)?;
        let id = credential_id(passkey.cred_id());
        if self.store.credential(id).await?.is_some() {
            return Err(FactorError::Refused(
                "This passkey is registered already. Choose another one.".into(),
            ));
        }
        let credential = NewCredential {
            id,
            factor: KIND,
            label: named(label),
            model: None,
            blob_digest: None,
            sealed: None,
            public: Some(to_json(&passkey)),
            counter: 0,
            recovery: Vec::new(),
        };
        Ok(Enrolled {
            credential,
            several: true,
        })
    }

    async fn challenge(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError> {
        let known: Vec<Passkey> = passkeys(&ceremony)?
            .into_iter()
            .map(|(_, passkey)| passkey)
            .collect();
        if known.is_empty() {
            let mut issued = self.discoverable_challenge()?;
            if let Challenge::Passkey { options } = &mut issued.challenge {
                options["publicKey"]["allowCredentials"] =
                    json!([self.decoy(&ceremony.subject.username)]);
                // The same keys as where there are passkeys, or the page would tell the two apart.
                if let Some(options) = options.as_object_mut() {
                    options.remove("mediation");
                }
                if let Some(asked) = options["publicKey"].as_object_mut() {
                    asked.remove("extensions");
                }
            }
            return Ok(issued);
        }
        let (options, state) = self
            .webauthn()?
            .start_passkey_authentication(&known)
            .map_err(|error| fault(error.into()))?;
        let waiting = Waiting {
            subject: Some(ceremony.subject.id),
            asked: Asked::Named(Box::new(state)),
        };
        Ok(issued(&options, &waiting))
    }

    async fn verify(
        &self,
        ceremony: Ceremony<'_>,
        remembered: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError> {
        let Answer::Credential { json, label: _ } = answer else {
            return Err(FactorError::Malformed(
                "a passkey answers with a credential",
            ));
        };
        let answer: PublicKeyCredential = parse(json)?;
        let waiting: Waiting = recall(remembered)?;
        let no_match = Evidence::no_match(KIND, ceremony.now);
        let subject = ceremony.subject.id;
        let claimed = answer.get_user_unique_id();
        if waiting.subject.is_some_and(|whose| whose != subject)
            || claimed.is_some_and(|handle| handle != subject.0.as_bytes())
        {
            return Ok(no_match);
        }
        let id = credential_id(answer.get_credential_id());
        let Some(known) = ceremony.of(KIND).find(|known| known.id == id) else {
            return Ok(no_match);
        };
        let mut passkey = passkey(known)?;
        let result = match self.judge(&answer, &passkey, waiting.asked)? {
            Ok(result) if result.user_verified() => result,
            Ok(_) => return Ok(no_match),
            Err(error) => {
                tracing::info!(credential = %known.id.0, %error, "passkey_refused");
                return Ok(no_match);
            }
        };
        // The library compared with the counter that was read; the store decides between two at once.
        // Authenticators that do not count answer 0 (WebAuthn §6.1.1).
        let counter = (result.counter() > 0).then(|| i64::from(result.counter()));
        if !self
            .store
            .use_credential(known.id, counter, ceremony.now)
            .await?
        {
            return Ok(no_match);
        }
        if passkey.update_credential(&result) == Some(true) {
            let public = Some(to_json(&passkey));
            // Whoever loses this race has the same to write.
            self.store
                .change_credential(
                    known,
                    CredentialChange {
                        blob_digest: None,
                        public,
                        model: None,
                    },
                )
                .await?;
        }
        // A key that may be copied to other devices is one in software (RFC 8176 §2).
        let key = if result.backup_eligible() || result.backup_state() {
            Amr::Swk
        } else {
            Amr::Hwk
        };
        Ok(Evidence::matched(
            KIND,
            [key, Amr::User],
            known.id,
            ceremony.now,
        ))
    }
}

/// The subject's passkeys and their rows.
fn passkeys<'a>(ceremony: &Ceremony<'a>) -> Result<Vec<(&'a Credential, Passkey)>, FactorError> {
    ceremony
        .credentials
        .iter()
        .filter(|known| known.factor == KIND)
        .map(|known| Ok((known, passkey(known)?)))
        .collect()
}

fn passkey(known: &Credential) -> Result<Passkey, FactorError> {
    let public = known.public.as_ref().unwrap_or(&Value::Null);
    Passkey::deserialize(public)
        .map_err(|error| fault(anyhow::Error::new(error).context("a stored passkey")))
}

/// Our id of a credential that WebAuthn names so.
fn credential_id(webauthns: &[u8]) -> CredentialId {
    let hash = digest(&SHA256, webauthns);
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.as_ref()) {
        *byte = *hashed;
    }
    CredentialId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn issued(options: &impl Serialize, waiting: &Waiting) -> Issued {
    Issued {
        challenge: Challenge::Passkey {
            options: to_json(options),
        },
        remember: remember(waiting),
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: Value) -> Result<T, FactorError> {
    serde_json::from_value(json)
        .map_err(|_| FactorError::Malformed("this is no answer of a passkey"))
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("invariant: WebAuthn's types are plain JSON")
}

/// Why a registration was refused, for the person.
fn refusal(error: WebauthnError) -> FactorError {
    tracing::info!(%error, "passkey_not_registered");
    let advice = match error {
        WebauthnError::UserNotVerified => {
            "This device did not check that it is you. Set up its PIN, fingerprint or face, and try again."
        }
        WebauthnError::CredentialInsecureCryptography | WebauthnError::COSEKeyInvalidAlgorithm => {
            "This device's keys are of a kind that is not safe any more. Use another one."
        }
        _ => "The answer of this device was refused. Please try again.",
    };
    FactorError::Refused(advice.into())
}

fn named(label: Option<String>) -> String {
    let label: String = label
        .unwrap_or_default()
        .trim()
        .chars()
        .take(MOST_LABEL_CHARACTERS)
        .collect();
    if label.is_empty() {
        "Passkey".into()
    } else {
        label
    }
}

fn fault(error: anyhow::Error) -> FactorError {
    FactorError::Internal(KIND, error)
}

const KIND: FactorKind = FactorKind::Passkey;
const MOST_LABEL_CHARACTERS: usize = 64;
