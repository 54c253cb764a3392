//! Passkeys (WebAuthn Level 3): several a subject, discoverable, user verification always required.
//!
//! The library checks everything but two things, which WebAuthn leaves to us: a signature counter that does not go up, and
//! a key that says other than before whether it can be backed up (Level 3 §7.2, 18 and 22). Both raise an alarm, once the
//! signature is known to be good: nobody raises one with what they made up.
//!
//! A credential's id is derived from WebAuthn's own, so that one authenticator's credential can belong to
//! one subject only, whatever races. The signature counter is the credential's counter and only goes up;
//! the rest of what changes (the backup state) lies in `public`. What a challenge remembers names its subject,
//! except for the discoverable one, where the answer says who it is.

pub mod attestation;
mod decoys;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;
use webauthn_rs::prelude::{
    AttestedPasskeyRegistration, AuthenticationResult, Credential as WebauthnCredential,
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};
use wire::{CredentialId, SubjectId};

use self::attestation::Trusted;
use super::{
    Alarm, Answer, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind,
    Issued, recall, remember,
};
use crate::oidc::amr::Amr;
use crate::oidc::client::metadata::is_invisible;
use crate::store::{Credential, CredentialChange, NewCredential, Store};

/// The passkey factor.
pub struct Passkeys {
    store: Store,
    /// None where the issuer is an address: WebAuthn wants a domain.
    webauthn: Option<Webauthn>,
    rules: PasskeyRules,
    /// Makes up credentials for names that have none.
    decoys: [u8; 32],
}

/// What this deployment asks of passkeys.
#[derive(Default)]
pub struct PasskeyRules {
    /// Whose word that a key is in hardware is taken.
    pub trusted: Option<Trusted>,
    /// Whether passkeys for which nobody trusted vouches are refused.
    pub requires_attestation: bool,
    /// What becomes of a proof whose counter did not go up.
    pub sign_count: SignCount,
}

/// What becomes of a proof whose signature counter did not go up; an alarm it is in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignCount {
    #[default]
    Refuse,
    Warn,
}

/// Where copies of a passkey may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backup {
    /// It cannot leave its device.
    Impossible,
    /// It could be copied to other devices, and says that it is not.
    Possible,
    /// It is kept elsewhere too.
    Made,
}

impl Backup {
    /// What a passkey said at its last use.
    #[must_use]
    pub fn of(held: &Credential) -> Option<Self> {
        let held = Some(held).filter(|held| held.factor == KIND)?;
        let credential = WebauthnCredential::from(passkey(held).ok()?);
        Some(
            match (credential.backup_eligible, credential.backup_state) {
                (false, _) => Self::Impossible,
                (true, false) => Self::Possible,
                (true, true) => Self::Made,
            },
        )
    }

    /// Its name in data and in the keys of the words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impossible => "impossible",
            Self::Possible => "possible",
            Self::Made => "made",
        }
    }
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
    Attested(Box<AttestedPasskeyRegistration>),
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
            rules: PasskeyRules::default(),
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

    /// Holds passkeys to these rules.
    #[must_use]
    pub fn with_rules(self, rules: PasskeyRules) -> Self {
        Self { rules, ..self }
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

    /// Whether the answer is signed by this passkey, as was asked. What the counter and the backup eligibility mean is left
    /// to [`Passkeys::alarm`].
    fn judge(
        &self,
        answer: &PublicKeyCredential,
        known: &WebauthnCredential,
        asked: Asked,
    ) -> Result<Result<AuthenticationResult, WebauthnError>, FactorError> {
        let Asked::Discoverable(state) = asked else {
            return Err(FactorError::Malformed("the steps came out of order"));
        };
        let flags = answer.response.authenticator_data.get(FLAGS_AT);
        let mut as_said = known.clone();
        as_said.counter = 0;
        as_said.backup_eligible = flags.is_some_and(|flags| flags & BACKUP_ELIGIBLE != 0);
        let webauthn = self.webauthn()?;
        Ok(webauthn.finish_discoverable_authentication_v2(answer, *state, Passkey::from(as_said)))
    }

    /// Notes the use of a passkey whose signature is good, and says what is wrong with it.
    async fn alarm(
        &self,
        held: &Credential,
        known: &WebauthnCredential,
        result: &AuthenticationResult,
        now: OffsetDateTime,
    ) -> Result<Option<Alarm>, FactorError> {
        // WebAuthn Level 3 §7.2, 18: it is fixed for the life of a credential.
        if result.backup_eligible() != known.backup_eligible {
            return Ok(Some(Alarm::BackupEligibility));
        }
        let before = held.counter.max(known.counter.into());
        let counter = i64::from(result.counter());
        // §7.2, 22. Authenticators that do not count answer 0 each time (§6.1.1).
        let counts = counter > 0 || before > 0;
        let goes_up = !counts || counter > before;
        // The store decides between two at once.
        let next = counts.then_some(counter);
        if goes_up && self.store.use_credential(held.id, next, now).await? {
            return Ok(None);
        }
        if self.rules.sign_count == SignCount::Warn {
            self.store.use_credential(held.id, None, now).await?;
        }
        Ok(Some(Alarm::SignCount))
    }

    /// How the key is kept (RFC 8176 §2). Only what an authority vouches for is known to be in hardware, and a key that
    /// can be copied to other devices is not bound to it.
    fn kept(&self, known: &WebauthnCredential) -> Amr {
        let trusted = self.rules.trusted.as_ref();
        match trusted.is_some_and(|trusted| trusted.vouches_for(known)) {
            true if !known.backup_eligible => Amr::Hwk,
            true | false => Amr::Swk,
        }
    }

    /// Whether a passkey that signs in now would be known to be in hardware.
    #[must_use]
    pub fn is_hardware_bound(&self, held: &Credential) -> bool {
        let known = passkey(held).map(WebauthnCredential::from);
        known.is_ok_and(|known| self.kept(&known) == Amr::Hwk)
    }

    fn begin_registration(&self, ceremony: Ceremony<'_>) -> Result<(Value, Asked), FactorError> {
        let subject = ceremony.subject;
        let exclude = passkeys(&ceremony)?
            .into_iter()
            .map(|(_, passkey)| passkey.cred_id().clone())
            .collect();
        let (id, name) = (subject.id.0, &subject.username);
        // WebAuthn wants a name to show, and who registered themselves may have none.
        let shown = match subject.display_name.trim() {
            "" => name,
            _ => &subject.display_name,
        };
        let webauthn = self.webauthn()?;
        match &self.rules.trusted {
            Some(trusted) if self.rules.requires_attestation => webauthn
                .start_attested_passkey_registration(
                    id,
                    name,
                    shown,
                    Some(exclude),
                    trusted.list().clone(),
                    None,
                )
                .map(|(options, state)| (to_json(&options), Asked::Attested(Box::new(state)))),
            Some(_) | None => webauthn
                .start_passkey_registration(id, name, shown, Some(exclude))
                .map(|(options, state)| (to_json(&options), Asked::Registration(Box::new(state)))),
        }
        .map_err(|error| fault(error.into()))
    }
}

#[async_trait]
impl Factor for Passkeys {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError> {
        let (options, asked) = self.begin_registration(ceremony)?;
        let waiting = Waiting {
            subject: Some(ceremony.subject.id),
            asked,
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
        if waiting.subject != Some(ceremony.subject.id) {
            return Err(FactorError::Malformed("this enrolment was begun elsewhere"));
        }
        let webauthn = self.webauthn()?;
        let registered = match waiting.asked {
            Asked::Registration(state) => webauthn.finish_passkey_registration(&answer, &state),
            Asked::Attested(state) => webauthn
                .finish_attested_passkey_registration(&answer, &state)
                .map(Passkey::from),
            Asked::Discoverable(_) => {
                return Err(FactorError::Malformed("the steps came out of order"));
            }
        };
        let passkey = registered.map_err(refusal)?;
        let counter = WebauthnCredential::from(passkey.clone()).counter;
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
            counter: counter.into(),
            recovery: Vec::new(),
        };
        Ok(Enrolled {
            credential,
            several: true,
        })
    }

    async fn challenge(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError> {
        let known = passkeys(&ceremony)?;
        let mut allowed: Vec<Value> = known
            .iter()
            .map(|(_, passkey)| json!({ "type": "public-key", "id": text(passkey.cred_id()) }))
            .collect();
        if allowed.is_empty() {
            allowed = decoys::of(&self.decoys, &ceremony.subject.username);
        }
        let (options, state) = self
            .webauthn()?
            .start_discoverable_authentication()
            .map_err(|error| fault(error.into()))?;
        let waiting = Waiting {
            subject: Some(ceremony.subject.id),
            asked: Asked::Discoverable(Box::new(state)),
        };
        let mut issued = issued(&options, &waiting);
        if let Challenge::Passkey { options } = &mut issued.challenge {
            options["publicKey"]["allowCredentials"] = allowed.into();
            // It is asked for by name, and not among the field's suggestions.
            if let Some(options) = options.as_object_mut() {
                options.remove("mediation");
            }
            if let Some(asked) = options["publicKey"].as_object_mut() {
                asked.remove("extensions");
            }
        }
        Ok(issued)
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
        if is_framed(answer.response.client_data_json.as_ref()) {
            return Ok(no_match);
        }
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
        let registered = WebauthnCredential::from(passkey.clone());
        let result = match self.judge(&answer, &registered, waiting.asked)? {
            Ok(result) if result.user_verified() => result,
            Ok(_) => return Ok(no_match),
            Err(error) => {
                tracing::info!(credential = %known.id.0, %error, "passkey_refused");
                return Ok(no_match);
            }
        };
        let alarm = self
            .alarm(known, &registered, &result, ceremony.now)
            .await?;
        if let Some(alarm) = alarm {
            tracing::warn!(credential = %known.id.0, alarm = alarm.as_str(), "passkey_alarm");
            let is_tolerated =
                alarm == Alarm::SignCount && self.rules.sign_count == SignCount::Warn;
            if !is_tolerated {
                return Ok(Evidence {
                    alarm: Some(alarm),
                    ..no_match
                });
            }
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
        let methods = [self.kept(&registered), Amr::User];
        Ok(Evidence {
            alarm,
            ..Evidence::matched(KIND, methods, known.id, ceremony.now)
        })
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

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
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
        WebauthnError::AttestationNotSupported
        | WebauthnError::AttestationNotVerifiable
        | WebauthnError::AttestationUntrustedAaguid
        | WebauthnError::AttestationFormatMissingAaguid
        | WebauthnError::AttestationTrustFailure
        | WebauthnError::AttestationChainNotTrusted(_)
        | WebauthnError::CredentialMayNotBeHardwareBound => {
            "Only certain models of security keys and devices are taken here, and this is none of them, or its maker \
             could not be told. Use one that you were given for this, let the browser share its make and model when it \
             asks, or ask whoever runs this service which models those are."
        }
        _ => "The answer of this device was refused. Please try again.",
    };
    FactorError::Refused(advice.into())
}

/// Whether a page of another origin framed the one that asked (Web Authentication Level 3 §5.8.1, §7.2): none of ours is to
/// be framed.
fn is_framed(client_data: &[u8]) -> bool {
    // What cannot be read is refused where it is judged.
    serde_json::from_slice::<Value>(client_data).is_ok_and(|told| {
        told.get("crossOrigin") == Some(&Value::Bool(true))
            || told.get("topOrigin").is_some_and(|it| !it.is_null())
    })
}

fn named(label: Option<String>) -> String {
    let label: String = label
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|letter| !letter.is_control() && !is_invisible(*letter))
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
/// Where the flags of authenticator data stand, and which says that it can be backed up (WebAuthn Level 3 §6.1).
const FLAGS_AT: usize = 32;
const BACKUP_ELIGIBLE: u8 = 0x08;
