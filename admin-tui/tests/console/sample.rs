//! A small deployment to look at, and a console that is driven as its operator would.

use std::time::Duration;

use admin_tui::api::ApiError;
use admin_tui::app::{App, Command};
use admin_tui::event::{Judged, Message, Reply, TwoRevisions};
use admin_tui::theme::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;
use wire::{
    AttemptId, AuditEvent, AuditOutcome, AuditPage, BiometricConsent, ClientAuthMethod,
    ClientDetail, ClientId, ClientKind, ClientSummary, ConsentSummary, CredentialId,
    CredentialSummary, DuplicatePair, DuplicatePairId, DuplicateSearch, DuplicateSearchId,
    DuplicateSearchStatus, FactorKind, Health, HealthStatus, Operator, OperatorName, Page,
    PairedSubject, PartHealth, PolicyAcr, PolicyCheck, PolicyCondition, PolicyFault, PolicyInForce,
    PolicyOrigin, PolicyRevision, PolicyRevisionDetail, PolicySimulation, PolicyTable, PolicyTally,
    Problem, ProblemCode, Role, SessionId, SessionSummary, SubjectDetail, SubjectId, SubjectStatus,
    SubjectSummary,
};

pub const NOW: OffsetDateTime = datetime!(2026-03-14 15:09:26 UTC);

/// A console and what it last asked for.
pub struct Driver {
    pub app: App,
    pub asked: Vec<Command>,
}

impl Driver {
    /// A console that has not connected.
    pub fn new(columns: u16, rows: u16) -> Self {
        let app = App::new(
            "id.example.org".to_owned(),
            Theme::COLOR,
            NOW,
            (columns, rows),
        );
        let asked = app.start();
        Self { app, asked }
    }

    /// A console that is connected and shows the sample's subjects.
    pub fn connected(columns: u16, rows: u16, role: Role) -> Self {
        let mut driver = Self::new(columns, rows);
        driver.reply(Reply::Whoami(Ok(operator(role))));
        driver.answer_all();
        driver
    }

    pub fn send(&mut self, message: Message) -> &mut Self {
        self.asked = self.app.update(message);
        self
    }

    pub fn reply(&mut self, reply: Reply) -> &mut Self {
        self.send(Message::Reply(reply))
    }

    pub fn press(&mut self, code: KeyCode) -> &mut Self {
        self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    pub fn control(&mut self, c: char) -> &mut Self {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        self.send(Message::Key(key))
    }

    /// Presses the key of each character.
    pub fn keys(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
        self
    }

    /// Lets so much time pass in one tick.
    pub fn wait(&mut self, span: time::Duration) -> &mut Self {
        self.send(Message::Tick(self.app.now + span))
    }

    /// Answers what was asked from the sample, and what is asked then, until nothing is.
    pub fn answer_all(&mut self) -> &mut Self {
        let mut waiting = std::mem::take(&mut self.asked);
        while let Some(command) = waiting.pop() {
            if let Some(reply) = answer(&command) {
                waiting.extend(self.app.update(Message::Reply(reply)));
            }
        }
        self
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        let (columns, rows) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal
            .draw(|frame| admin_tui::screens::draw(frame, &self.app))
            .unwrap();
        terminal.backend().to_string()
    }
}

fn answer(command: &Command) -> Option<Reply> {
    Some(match command {
        Command::Whoami => Reply::Whoami(Ok(operator(Role::Owner))),
        Command::ListSubjects {
            generation,
            goes,
            query,
        } => {
            let search = query.search.clone().unwrap_or_default();
            let mut items = subjects();
            items.retain(|subject| subject.username.contains(&search));
            Reply::Subjects {
                generation: *generation,
                goes: *goes,
                result: Ok(Page { items, next: None }),
            }
        }
        Command::LoadSubject(id) => Reply::Subject(*id, Ok(Box::new(subject()))),
        Command::LoadActivity(id) => Reply::Activity(*id, Ok(audit())),
        Command::ListClients {
            generation, goes, ..
        } => Reply::Clients {
            generation: *generation,
            goes: *goes,
            result: Ok(Page {
                items: clients(),
                next: None,
            }),
        },
        Command::LoadClient(id) => Reply::Client(id.clone(), Ok(Box::new(client()))),
        Command::ListDuplicates {
            generation, goes, ..
        } => Reply::Duplicates {
            generation: *generation,
            goes: *goes,
            result: Ok(Page {
                items: pairs(),
                next: None,
            }),
        },
        Command::NewestSearch => Reply::NewestSearch(Ok(Page {
            items: vec![search()],
            next: None,
        })),
        Command::LoadPolicy => Reply::Policy(Ok(Box::new(policy()))),
        Command::ListPolicyRevisions {
            generation, goes, ..
        } => Reply::PolicyRevisions {
            generation: *generation,
            goes: *goes,
            result: Ok(policy_revisions()),
        },
        Command::LoadPolicyRevision(number) => {
            Reply::PolicyRevision(*number, policy_revision(*number))
        }
        Command::FollowAudit(_) => Reply::Followed(Ok(audit())),
        Command::Health => Reply::Health(Ok(health()), Duration::from_micros(2_300)),
        Command::CreateSubject(_)
        | Command::Invite { .. }
        | Command::Change(_)
        | Command::CreateClient(_)
        | Command::StartSearch(_)
        | Command::EditPolicy(_)
        | Command::TryPolicy(_)
        | Command::OlderAudit(_)
        | Command::CopySecret => return None,
    })
}

pub fn operator(role: Role) -> Operator {
    Operator {
        name: OperatorName::from("grete"),
        role,
        expires_at: datetime!(2026-03-15 0:00 UTC),
    }
}

pub fn subject_id(n: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(
        0x018f_2f5e_0000_7000_8000_0000_0000_0000 + n,
    ))
}

pub fn subjects() -> Vec<SubjectSummary> {
    use FactorKind::{Face, Fingerprint, Passkey, Password, RecoveryCode, Totp};
    let all = [Password, Passkey, Face, Fingerprint, RecoveryCode];
    vec![
        summary(1, "ada", "Ada Lovelace", SubjectStatus::Active, &all),
        summary(
            2,
            "alan",
            "Alan Turing",
            SubjectStatus::Active,
            &[Password, Totp],
        ),
        summary(3, "grace", "Grace Hopper", SubjectStatus::Invited, &[]),
        summary(
            4,
            "tanaka",
            "田中 太郎",
            SubjectStatus::Suspended,
            &[Passkey, Face],
        ),
    ]
}

fn summary(
    n: u128,
    username: &str,
    name: &str,
    status: SubjectStatus,
    factors: &[FactorKind],
) -> SubjectSummary {
    SubjectSummary {
        id: subject_id(n),
        username: username.to_owned(),
        display_name: name.to_owned(),
        email: Some(format!("{username}@example.org")),
        status,
        factors: factors.to_vec(),
        created_at: datetime!(2026-01-02 3:04:05 UTC),
        last_login_at: (!factors.is_empty()).then(|| NOW - time::Duration::minutes(7)),
    }
}

/// The first of the subjects, in full.
pub fn subject() -> SubjectDetail {
    let mut summary = subjects();
    SubjectDetail {
        summary: summary.swap_remove(0),
        credentials: vec![
            credential(1, FactorKind::Password, None, None),
            credential(2, FactorKind::Passkey, Some("Ada's phone"), None),
            credential(3, FactorKind::Face, None, Some("whorl-face 1")),
            credential(
                4,
                FactorKind::Fingerprint,
                Some("right index finger"),
                Some("minutiae 1"),
            ),
        ],
        consents: vec![ConsentSummary {
            client: ClientId::from("demo"),
            client_name: "Demonstration application".to_owned(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            given_at: datetime!(2026-01-05 0:00 UTC),
        }],
        biometric_consent: Some(BiometricConsent {
            version: "1".to_owned(),
            given_at: datetime!(2026-01-03 0:00 UTC),
            withdrawn_at: None,
        }),
        sessions: vec![SessionSummary {
            id: SessionId(Uuid::from_u128(9)),
            auth_time: NOW - time::Duration::minutes(7),
            expires_at: NOW + time::Duration::hours(8),
            acr: "urn:whorl:acr:two-factor".to_owned(),
            amr: vec!["face".to_owned(), "hwk".to_owned()],
            clients: vec![ClientId::from("demo")],
        }],
        failures: 5,
        blocked_until: Some(NOW + time::Duration::seconds(30)),
    }
}

fn credential(
    n: u128,
    factor: FactorKind,
    label: Option<&str>,
    model: Option<&str>,
) -> CredentialSummary {
    CredentialSummary {
        id: CredentialId(Uuid::from_u128(n)),
        factor,
        label: label.map(str::to_owned),
        model: model.map(str::to_owned),
        version: 1,
        created_at: datetime!(2026-01-03 0:00 UTC),
        last_used_at: model.map(|_| NOW - time::Duration::minutes(7)),
    }
}

pub fn clients() -> Vec<ClientSummary> {
    vec![
        ClientSummary {
            id: ClientId::from("demo"),
            name: "Demonstration application".to_owned(),
            kind: ClientKind::Confidential,
            created_at: datetime!(2026-01-02 3:04:05 UTC),
        },
        ClientSummary {
            id: ClientId::from("field-app"),
            name: "Field app".to_owned(),
            kind: ClientKind::Public,
            created_at: datetime!(2026-02-01 0:00 UTC),
        },
    ]
}

/// A search that has ended.
pub fn search() -> DuplicateSearch {
    DuplicateSearch {
        id: DuplicateSearchId(Uuid::from_u128(70)),
        factor: FactorKind::Face,
        false_positive_identification_rate: 0.01,
        status: DuplicateSearchStatus::Finished,
        started_by: OperatorName::from("olivia"),
        started_at: datetime!(2026-03-14 15:01:00 UTC),
        ended_at: Some(datetime!(2026-03-14 15:02:00 UTC)),
        people: 412,
        left_out: 3,
        compared: 84_666,
        comparisons: 84_666,
        false_match_rate: Some(2.445e-5),
        alike: 3,
        raised: 2,
        problem: None,
    }
}

/// The same while it runs.
pub fn running_search() -> DuplicateSearch {
    DuplicateSearch {
        status: DuplicateSearchStatus::Running,
        ended_at: None,
        compared: 31_000,
        false_match_rate: None,
        alike: 0,
        raised: 0,
        ..search()
    }
}

/// What it raised.
pub fn pairs() -> Vec<DuplicatePair> {
    let pair = |n: u128, one: (u128, &str), other: (u128, &str)| DuplicatePair {
        id: DuplicatePairId(Uuid::from_u128(n)),
        search: DuplicateSearchId(Uuid::from_u128(70)),
        factor: FactorKind::Face,
        one: PairedSubject {
            id: subject_id(one.0),
            username: one.1.to_owned(),
        },
        other: PairedSubject {
            id: subject_id(other.0),
            username: other.1.to_owned(),
        },
        found_at: datetime!(2026-03-14 15:02:00 UTC),
        decision: None,
        decided_by: None,
        decided_at: None,
    };
    vec![
        pair(81, (1, "ada"), (9, "adeline.k")),
        pair(82, (2, "alan"), (3, "grace")),
    ]
}

/// The first of the clients, in full.
pub fn client() -> ClientDetail {
    let mut summary = clients();
    ClientDetail {
        summary: summary.swap_remove(0),
        auth_method: ClientAuthMethod::ClientSecretBasic,
        redirect_uris: vec!["https://app.example.org/callback".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        grant_types: vec!["authorization_code".to_owned()],
        metadata: serde_json::Map::new(),
    }
}

pub fn audit() -> AuditPage {
    use AuditOutcome::{Fault, Refused, Success, Unusable};
    let events = vec![
        event(1, 600, "login.started", Success, None),
        event(2, 590, "factor.verified", Unusable, Some(FactorKind::Face)),
        event(
            3,
            570,
            "factor.verified",
            Refused,
            Some(FactorKind::Fingerprint),
        ),
        event(4, 420, "login.finished", Success, None),
        event(5, 60, "vault.opened", Fault, None),
    ];
    AuditPage {
        last_seq: 5,
        events,
    }
}

pub fn event(
    seq: i64,
    age_s: i64,
    kind: &str,
    outcome: AuditOutcome,
    factor: Option<FactorKind>,
) -> AuditEvent {
    let reason = match outcome {
        AuditOutcome::Unusable => Some("face_too_small"),
        AuditOutcome::Fault => Some("the key service did not answer"),
        AuditOutcome::Success | AuditOutcome::Refused | AuditOutcome::Unknown => None,
    };
    AuditEvent {
        seq,
        at: NOW - time::Duration::seconds(age_s),
        kind: kind.to_owned(),
        outcome,
        subject: Some(subject_id(1)),
        username: Some("ada".to_owned()),
        client: kind.starts_with("login").then(|| ClientId::from("demo")),
        attempt: Some(AttemptId(Uuid::from_u128(77))),
        operator: None,
        factor,
        detail: reason
            .map(|text| ("reason".to_owned(), text.to_owned()))
            .into_iter()
            .collect(),
    }
}

pub fn health() -> Health {
    let part = |name: &str, status, detail: &str, latency_ms| PartHealth {
        name: name.to_owned(),
        status,
        detail: Some(detail.to_owned()),
        latency_ms,
    };
    Health {
        status: HealthStatus::Degraded,
        version: "0.1.0".to_owned(),
        issuer: "https://id.example.org".to_owned(),
        uptime_s: 266_400,
        parts: vec![
            part("database", HealthStatus::Up, "PostgreSQL 15.18", Some(0.8)),
            part(
                "vault",
                HealthStatus::Degraded,
                "the bucket answers slowly: look at its region and at the network between",
                Some(912.0),
            ),
            part("models", HealthStatus::Up, "3 models, verified", None),
            part(
                "keys",
                HealthStatus::Down,
                "no signing key is active",
                Some(3.1),
            ),
        ],
    }
}

/// What the policy said before.
pub fn older_policy() -> String {
    POLICY.replace("[[\"passkey\"], ", "[")
}

pub fn policy_revision(number: i64) -> Result<Box<TwoRevisions>, ApiError> {
    let of = |number: i64| {
        let change = policy_revisions()
            .items
            .into_iter()
            .find(|it| it.revision == number)?;
        let text = match number {
            1 => Some(older_policy()),
            2 => None,
            _ => Some(POLICY.to_owned()),
        };
        Some(PolicyRevisionDetail { change, text })
    };
    let it = of(number)
        .ok_or_else(|| ApiError::Refused(Box::new(Problem::new(ProblemCode::NotFound))))?;
    Ok(Box::new((it, of(number - 1))))
}

/// What the server says of a policy that it would take.
pub fn judged() -> Box<Judged> {
    let check = PolicyCheck {
        faults: Vec::new(),
        table: Some(policy().table),
    };
    let tally = |logins, same, stepped_up, refused| PolicyTally {
        logins,
        turns: [
            ("same", same),
            ("stepped_up", stepped_up),
            ("refused", refused),
        ]
        .map(|(turn, count)| (turn.to_owned(), count))
        .into(),
    };
    let tried = PolicySimulation {
        all: tally(1234, 1219, 12, 3),
        people: 7,
        clients: [
            ("payroll".to_owned(), tally(34, 20, 11, 3)),
            ("wiki".to_owned(), tally(1200, 1199, 1, 0)),
        ]
        .into(),
        unreadable: 0,
        days: 30,
        is_complete: true,
    };
    Box::new((check, Some(tried)))
}

/// What it says of one with faults.
pub fn faulty() -> Box<Judged> {
    let fault = |message: &str, line| PolicyFault {
        message: message.to_owned(),
        line,
    };
    let faults = vec![
        fault(
            "acr urn:whorl:acr:mfa accepts a biometric beside no possession factor: add a passkey, or say biometric_alone = true",
            Some(5),
        ),
        fault("there are more than 256 groups", None),
    ];
    let check = PolicyCheck {
        faults,
        table: None,
    };
    Box::new((check, None))
}

pub const POLICY: &str = "[policy]\ndefault_acr = \"urn:whorl:acr:mfa\"\n\n[[policy.acr]]\nname = \"urn:whorl:acr:mfa\"\n\
                          any_of = [[\"passkey\"], [\"password\", \"totp\"]]\n";

pub fn policy() -> PolicyInForce {
    let acr = |name: &str, ways: &[&str], aal| PolicyAcr {
        name: name.into(),
        names: Vec::new(),
        ways: ways.iter().map(|way| (*way).to_owned()).collect(),
        aal,
        phishing_resistant: false,
        capture: None,
        false_match_rate: None,
        fused_false_match_rate: None,
        max_age_s: Default::default(),
    };
    PolicyInForce {
        revision: 3,
        origin: PolicyOrigin::Revision,
        changed_by: Some("grete".into()),
        changed_at: Some(NOW - time::Duration::hours(2)),
        note: Some("passkeys for the administrators".into()),
        text: POLICY.into(),
        table: PolicyTable {
            default_acr: "urn:whorl:acr:mfa".into(),
            acr: vec![
                acr("urn:whorl:acr:password", &["password"], 1),
                PolicyAcr {
                    max_age_s: [(FactorKind::Totp, 3600)].into(),
                    names: vec!["http://idmanagement.gov/ns/assurance/aal/2".into()],
                    ..acr("urn:whorl:acr:mfa", &["passkey", "password + totp"], 2)
                },
                PolicyAcr {
                    phishing_resistant: true,
                    capture: Some("live browser".into()),
                    false_match_rate: Some(5e-5),
                    fused_false_match_rate: Some(1e-6),
                    ..acr("urn:whorl:acr:both", &["passkey + face + fingerprint"], 2)
                },
            ],
            conditions: vec![PolicyCondition {
                name: "administrators".into(),
                applies: "groups admins; outside 10.0.0.0/8".into(),
                low: "step up".into(),
                medium: "step up".into(),
                high: "deny".into(),
                step_up_to: Some("urn:whorl:acr:both".into()),
                max_age_s: Some(600),
            }],
            notes: vec!["a login of which no risk is known counts as medium risk".into()],
        },
    }
}

pub fn policy_revisions() -> Page<PolicyRevision> {
    let change = |revision, origin, note: Option<&str>, hours| PolicyRevision {
        revision,
        origin,
        changed_by: "grete".into(),
        changed_at: NOW - time::Duration::hours(hours),
        note: note.map(str::to_owned),
    };
    let items = vec![
        change(
            3,
            PolicyOrigin::Revision,
            Some("passkeys for the administrators"),
            2,
        ),
        change(2, PolicyOrigin::File, None, 20),
        change(1, PolicyOrigin::Revision, None, 21),
    ];
    Page { items, next: None }
}
