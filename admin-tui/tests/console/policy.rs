//! The policy's way from the editor to the server: nothing is lost, and nothing is put in force that was not looked at.

use admin_tui::api::ApiError;
use admin_tui::app::{Change, Command, Judgement, Link, Overlay};
use admin_tui::event::{Message, Reply};
use crossterm::event::{KeyCode, KeyEvent};
use proptest::prelude::*;
use wire::{AuditPage, NewPolicy, PolicyInForce, PolicyOrigin, Problem, ProblemCode, Role};

use crate::sample::{self, Driver};

fn refused(code: ProblemCode) -> ApiError {
    ApiError::Refused(Box::new(Problem::new(code)))
}

fn away() -> ApiError {
    ApiError::Away("connection refused".to_owned())
}

fn notice(driver: &Driver) -> &str {
    let notice = driver.app.notice.as_ref();
    notice.map_or("", |notice| &notice.text)
}

fn other() -> String {
    format!("{}# other\n", sample::POLICY)
}

/// What counts once somebody else changed it.
fn theirs() -> PolicyInForce {
    PolicyInForce {
        revision: 4,
        changed_by: Some("olga".to_owned()),
        text: sample::older_policy(),
        ..sample::policy()
    }
}

fn owner() -> Driver {
    let mut driver = Driver::connected(80, 24, Role::Owner);
    driver.keys("6").answer_all();
    driver
}

/// An owner whose edited policy the server would take.
fn with_draft() -> Driver {
    let mut driver = owner();
    driver.keys("e").reply(Reply::Edited(Ok(other())));
    assert_eq!(driver.asked, [Command::TryPolicy(other())]);
    driver.reply(Reply::PolicyTried(other(), Ok(sample::judged())));
    driver
}

fn apply(note: Option<&str>) -> Change {
    let new = NewPolicy {
        text: other(),
        note: note.map(str::to_owned),
    };
    Change::ApplyPolicy(3, new)
}

fn is_kept(driver: &Driver) -> bool {
    let draft = driver.app.policy.draft.as_ref();
    draft.is_some_and(|draft| draft.text == other())
}

#[test]
fn the_editor_is_given_what_counts_and_may_leave_it_as_it_is() {
    let mut driver = owner();
    driver.keys("e");
    assert_eq!(driver.asked, [Command::EditPolicy(sample::POLICY.into())]);
    driver.reply(Reply::Edited(Ok(sample::POLICY.into())));
    assert!(driver.asked.is_empty() && driver.app.policy.draft.is_none());
    for left in [Err("vi failed".to_owned()), Ok("  \n".to_owned())] {
        driver.keys("e").reply(Reply::Edited(left));
        assert!(driver.app.policy.draft.is_none() && driver.asked.is_empty());
        assert!(!notice(&driver).is_empty());
    }
    // An answer of an editor that was never opened is none.
    driver.reply(Reply::Edited(Ok(other())));
    assert!(driver.app.policy.draft.is_none() && driver.asked.is_empty());
}

#[test]
fn a_policy_is_put_in_force_once_the_server_would_take_it() {
    let mut driver = owner();
    driver.keys("e").reply(Reply::Edited(Ok(other())));
    driver.keys("a");
    assert!(driver.app.form.is_none(), "nothing is said of it yet");
    driver.reply(Reply::PolicyTried(
        "an older text".into(),
        Ok(sample::judged()),
    ));
    driver.keys("a");
    assert!(driver.app.form.is_none(), "that was of another text");
    driver.reply(Reply::PolicyTried(other(), Ok(sample::faulty())));
    driver.keys("a");
    assert!(driver.app.form.is_none(), "it has faults");

    let mut driver = with_draft();
    driver.keys("a").keys("for all").press(KeyCode::Enter);
    let change = apply(Some("for all"));
    assert_eq!(driver.asked, [Command::Change(change.clone())]);
    driver.reply(Reply::Changed(change, Ok(())));
    assert!(driver.app.policy.draft.is_none() && driver.app.form.is_none());
    assert_eq!(driver.asked, [Command::LoadPolicy]);
    assert_eq!(notice(&driver), "revision 4 is in force");
}

#[test]
fn the_editor_shows_the_faults_above_their_lines_and_they_are_taken_out_again() {
    let mut driver = owner();
    driver.keys("e").reply(Reply::Edited(Ok(other())));
    driver.reply(Reply::PolicyTried(other(), Ok(sample::faulty())));
    driver.keys("e");
    let [Command::EditPolicy(text)] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with("name ="))
        .expect("the rule");
    assert!(
        lines[at - 1].starts_with("#! acr urn:whorl:acr:mfa accepts"),
        "{text}"
    );
    assert!(lines[1].contains("256 groups"), "{text}");
    // As it was left it has the same faults: it is not asked for again.
    let text = text.clone();
    driver.reply(Reply::Edited(Ok(text.clone())));
    assert!(driver.asked.is_empty() && is_kept(&driver));
    driver.keys("e").reply(Reply::Edited(Ok(text + "# more\n")));
    let more = format!("{}# more\n", other());
    assert_eq!(driver.asked, [Command::TryPolicy(more)]);
}

#[test]
fn of_two_operators_the_slower_sees_what_the_faster_changed_and_keeps_their_own() {
    let mut driver = with_draft();
    driver.keys("a").press(KeyCode::Enter);
    driver.reply(Reply::Changed(
        apply(None),
        Err(refused(ProblemCode::StateConflict)),
    ));
    assert_eq!(driver.asked, [Command::LoadPolicy]);
    driver.reply(Reply::Policy(Ok(Box::new(theirs()))));
    assert!(is_kept(&driver) && driver.app.form.is_none());
    driver.keys("a");
    assert!(driver.app.form.is_none(), "theirs would be undone unseen");
    assert!(
        notice(&driver).contains("somebody else"),
        "{}",
        notice(&driver)
    );
    driver.keys("e");
    let [Command::EditPolicy(text)] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    assert!(
        text.starts_with("#! olga changed the policy meanwhile, to revision 4."),
        "{text}"
    );
    assert!(text.contains("#! - any_of = [[\"passkey\"]"), "{text}");
    // Left as it is it is their operator's word that it is to be so: it is looked at as a change of theirs.
    driver.reply(Reply::Edited(Ok(text.clone())));
    assert_eq!(driver.asked, [Command::TryPolicy(other())]);
    driver.reply(Reply::PolicyTried(other(), Ok(sample::judged())));
    driver.keys("a").press(KeyCode::Enter);
    let Some(Command::Change(Change::ApplyPolicy(4, new))) = driver.asked.first() else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!(new.text, other());
}

#[test]
fn a_change_of_somebody_else_is_loaded_as_soon_as_the_trail_tells_of_it() {
    let mut driver = with_draft();
    let mut event = sample::audit().events.remove(0);
    event.kind = "policy.changed".to_owned();
    event.subject = None;
    event.seq = 9_999;
    driver.reply(Reply::Followed(Ok(AuditPage {
        last_seq: event.seq,
        events: vec![event],
    })));
    assert_eq!(driver.asked, [Command::LoadPolicy]);
}

#[test]
fn an_answer_that_was_lost_is_found_when_the_server_is_back() {
    // It was put in force, and the answer did not come.
    let mut driver = with_draft();
    driver.keys("a").press(KeyCode::Enter);
    driver.reply(Reply::Changed(apply(None), Err(away())));
    assert!(is_kept(&driver) && driver.app.form.is_some());
    assert!(matches!(driver.app.link, Link::Away { .. }));
    driver.reply(Reply::Whoami(Ok(sample::operator(Role::Owner))));
    assert!(
        driver.asked.contains(&Command::LoadPolicy),
        "{:?}",
        driver.asked
    );
    driver.reply(Reply::Policy(Ok(Box::new(PolicyInForce {
        revision: 4,
        text: other(),
        ..sample::policy()
    }))));
    assert!(driver.app.policy.draft.is_none() && driver.app.form.is_none());
    assert!(
        notice(&driver).contains("revision 4"),
        "{}",
        notice(&driver)
    );

    // The server went while it was to judge: it is asked again by itself.
    let mut driver = owner();
    driver.keys("e").reply(Reply::Edited(Ok(other())));
    driver.reply(Reply::PolicyTried(other(), Err(away())));
    driver.keys("a");
    assert!(driver.app.form.is_none() && is_kept(&driver));
    driver.reply(Reply::Whoami(Ok(sample::operator(Role::Owner))));
    assert!(
        driver.asked.contains(&Command::TryPolicy(other())),
        "{:?}",
        driver.asked
    );
}

#[test]
fn a_note_that_is_refused_is_told_at_its_field() {
    let mut driver = with_draft();
    driver.keys("a").press(KeyCode::Enter);
    let mut problem = Problem::new(ProblemCode::InvalidRequest);
    problem
        .fields
        .insert("note".to_owned(), "has more than 200 characters".to_owned());
    driver.reply(Reply::Changed(
        apply(None),
        Err(ApiError::Refused(Box::new(problem))),
    ));
    let form = driver.app.form.as_ref().expect("it stays open");
    assert!(form.fields[0].error.is_some() && is_kept(&driver));
}

#[test]
fn what_was_edited_is_not_forgotten_by_one_key() {
    let mut driver = with_draft();
    for key in ["q", "\u{1b}"] {
        match key {
            "q" => driver.keys(key),
            _ => driver.press(KeyCode::Esc),
        };
        assert!(
            matches!(driver.app.overlay, Some(Overlay::Question(_))),
            "{key}"
        );
        driver.keys("n");
        assert!(is_kept(&driver) && !driver.app.is_over, "{key}");
    }
    driver.press(KeyCode::Esc).keys("y");
    assert!(driver.app.policy.draft.is_none());
    driver.keys("q");
    assert!(driver.app.is_over, "nothing is lost any more");
    let mut driver = with_draft();
    driver.keys("qy");
    assert!(driver.app.is_over);
    let mut driver = with_draft();
    driver.control('c');
    assert!(driver.app.is_over, "at once is at once");
}

#[test]
fn a_change_of_the_past_is_taken_up_as_an_edited_policy() {
    let mut driver = owner();
    driver
        .keys("h")
        .answer_all()
        .keys("jj")
        .press(KeyCode::Enter);
    assert_eq!(driver.asked, [Command::LoadPolicyRevision(1)]);
    driver.answer_all().keys("b");
    let older = sample::older_policy();
    assert_eq!(driver.asked, [Command::TryPolicy(older.clone())]);
    driver.reply(Reply::PolicyTried(older.clone(), Ok(sample::judged())));
    driver.keys("a").press(KeyCode::Enter);
    let new = NewPolicy {
        text: older,
        note: Some("as revision 1".to_owned()),
    };
    assert_eq!(driver.asked, [Command::Change(Change::ApplyPolicy(3, new))]);

    // The one that counts is nothing to go back to; the configuration's is gone back to by itself.
    let mut driver = owner();
    driver
        .keys("h")
        .answer_all()
        .press(KeyCode::Enter)
        .answer_all()
        .keys("b");
    assert!(driver.asked.is_empty() && driver.app.policy.draft.is_none());
    driver
        .press(KeyCode::Esc)
        .keys("j")
        .press(KeyCode::Enter)
        .answer_all()
        .keys("by");
    assert_eq!(driver.asked, [Command::Change(Change::ResetPolicy(3))]);
}

#[test]
fn the_configurations_policy_is_gone_back_to_where_another_counts() {
    let mut driver = owner();
    driver.keys("Dy");
    assert_eq!(driver.asked, [Command::Change(Change::ResetPolicy(3))]);
    driver.reply(Reply::Policy(Ok(Box::new(PolicyInForce {
        origin: PolicyOrigin::File,
        ..sample::policy()
    }))));
    driver.keys("D");
    assert!(driver.app.overlay.is_none());
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    let mut viewer = Driver::connected(80, 24, Role::Viewer);
    viewer.keys("6").answer_all();
    for key in ["e", "a", "D", "b"] {
        viewer.keys(key);
        assert!(
            viewer.asked.is_empty() && viewer.app.overlay.is_none(),
            "{key}"
        );
    }
    viewer
        .keys("h")
        .answer_all()
        .press(KeyCode::Enter)
        .answer_all();
    assert!(
        viewer.screen().contains("What it asked for"),
        "{}",
        viewer.screen()
    );
    viewer.keys("b");
    assert!(viewer.asked.is_empty() && viewer.app.policy.draft.is_none());
}

/// Something that may happen at any time.
#[derive(Clone, Debug)]
enum Step {
    Press(KeyCode),
    Editor(Result<String, String>),
    /// An answer to the oldest request of its kind.
    Judge(u8),
    Applied(u8),
    Now(u8),
    Connected,
    Size(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let key = prop_oneof![
        prop::sample::select("eeaahtbDynqr61jkG".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        prop::sample::select(vec![KeyCode::Enter, KeyCode::Esc, KeyCode::Tab]),
    ];
    let left = prop_oneof![
        Just(Ok(sample::POLICY.to_owned())),
        Just(Ok(other())),
        Just(Ok(sample::older_policy())),
        Just(Ok(String::new())),
        Just(Err("failed".to_owned())),
    ];
    prop_oneof![
        8 => key.prop_map(Step::Press),
        3 => left.prop_map(Step::Editor),
        3 => (0..4_u8).prop_map(Step::Judge),
        2 => (0..4_u8).prop_map(Step::Applied),
        2 => (0..3_u8).prop_map(Step::Now),
        1 => Just(Step::Connected),
        1 => (40..130_u16, 12..40_u16).prop_map(|(columns, rows)| Step::Size(columns, rows)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn in_any_order_only_what_was_judged_and_looked_at_is_put_in_force(
        steps in prop::collection::vec(step(), 0..60),
        is_owner in any::<bool>(),
    ) {
        let role = if is_owner { Role::Owner } else { Role::Viewer };
        let mut driver = Driver::connected(80, 24, role);
        driver.keys("6").answer_all();
        let mut sent: Vec<Change> = Vec::new();
        for step in steps {
            let before = driver.app.policy.draft.clone();
            let was_asked = matches!(driver.app.overlay, Some(Overlay::Question(_)));
            let mut is_of_server = false;
            match &step {
                Step::Press(code) => {
                    driver.send(Message::Key(KeyEvent::from(*code)));
                }
                Step::Editor(left) => {
                    driver.reply(Reply::Edited(left.clone()));
                }
                Step::Judge(how) => {
                    let text = before.as_ref().map_or_else(String::new, |draft| draft.text.clone());
                    let said = match how {
                        0 | 1 => Ok(sample::judged()),
                        2 => Ok(sample::faulty()),
                        _ => Err(away()),
                    };
                    driver.reply(Reply::PolicyTried(text, said));
                }
                Step::Applied(how) => {
                    let Some(change) = sent.pop() else { continue };
                    let result = match how {
                        0 | 1 => Ok(()),
                        2 => Err(refused(ProblemCode::StateConflict)),
                        _ => Err(away()),
                    };
                    is_of_server = true;
                    driver.reply(Reply::Changed(change, result));
                }
                Step::Now(how) => {
                    is_of_server = true;
                    let now = match how {
                        0 => sample::policy(),
                        1 => theirs(),
                        _ => PolicyInForce { revision: 5, text: other(), ..sample::policy() },
                    };
                    driver.reply(Reply::Policy(Ok(Box::new(now))));
                }
                Step::Connected => {
                    driver.reply(Reply::Whoami(Ok(sample::operator(role))));
                }
                Step::Size(columns, rows) => {
                    driver.send(Message::Resize(*columns, *rows));
                }
            }
            prop_assert!(!driver.screen().is_empty());
            for command in &driver.asked {
                match command {
                    Command::Change(change @ Change::ApplyPolicy(of, new)) => {
                        let draft = before.as_ref().expect("there is something to apply");
                        prop_assert!(is_owner);
                        prop_assert_eq!((&draft.text, draft.of), (&new.text, *of));
                        let is_judged = matches!(&draft.judgement, Judgement::Said(check, _) if check.faults.is_empty());
                        prop_assert!(is_judged, "{:?}", draft.judgement);
                        sent.push(change.clone());
                    }
                    Command::Change(change) => {
                        prop_assert!(is_owner && was_asked, "{change:?}");
                        sent.push(change.clone());
                    }
                    Command::EditPolicy(_) | Command::TryPolicy(_) => prop_assert!(is_owner, "{command:?}"),
                    _ => {}
                }
            }
            if before.is_some() && driver.app.policy.draft.is_none() {
                let is_said = is_of_server
                    || (was_asked && matches!(step, Step::Press(KeyCode::Char('y'))))
                    || matches!(&step, Step::Editor(Ok(text)) if !text.is_empty());
                prop_assert!(is_said, "{step:?} lost what was edited");
            }
        }
    }
}
