//! What the console does about what happens.

use admin_tui::api::ApiError;
use admin_tui::app::{App, Change, Command, Goes, Link, Overlay, Tab};
use admin_tui::event::{Message, Reply};
use crossterm::event::KeyCode;
use time::Duration;
use wire::{
    AuditOutcome, AuditPage, CredentialId, FactorKind, Page, Problem, ProblemCode, Role,
    SubjectQuery,
};

use crate::sample::{self, Driver};

fn owner() -> Driver {
    Driver::connected(80, 24, Role::Owner)
}

fn away() -> ApiError {
    ApiError::Away("connection refused".to_owned())
}

fn refused(code: ProblemCode) -> ApiError {
    ApiError::Refused(Box::new(Problem::new(code)))
}

fn notice(app: &App) -> &str {
    app.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn it_asks_who_we_are_and_then_loads_what_is_shown() {
    let mut driver = Driver::new(80, 24);
    assert_eq!(driver.asked, [Command::Whoami]);
    driver.reply(Reply::Whoami(Ok(sample::operator(Role::Viewer))));
    assert!(matches!(
        driver.asked.as_slice(),
        [Command::FollowAudit(_), Command::ListSubjects { .. }]
    ));
    assert!(driver.app.link.is_up());
}

#[test]
fn a_search_waits_until_the_typing_rests() {
    let mut driver = owner();
    driver.keys("/gra");
    assert_eq!(driver.asked, []);
    driver.wait(Duration::milliseconds(100));
    assert_eq!(searches(&driver.asked), Vec::<String>::new());
    driver.wait(Duration::milliseconds(100));
    assert_eq!(searches(&driver.asked), ["gra"]);
    driver.answer_all();
    assert_eq!(driver.app.subjects.list.items.len(), 1);
    driver.press(KeyCode::Esc);
    assert_eq!(searches(&driver.asked), [""]);
}

fn searches(commands: &[Command]) -> Vec<String> {
    let search = |command: &Command| match command {
        Command::ListSubjects { query, .. } => Some(query.search.clone().unwrap_or_default()),
        _ => None,
    };
    commands.iter().filter_map(search).collect()
}

#[test]
fn an_answer_to_an_older_search_is_dropped() {
    let mut driver = owner();
    driver.keys("/a").wait(Duration::seconds(1));
    let old = driver.asked.clone();
    driver.keys("da").wait(Duration::seconds(1));
    driver.answer_all();
    let Some(Command::ListSubjects { generation, .. }) = old.first() else {
        panic!("{old:?}");
    };
    driver.reply(Reply::Subjects {
        generation: *generation,
        goes: Goes::Anew,
        result: Ok(Page {
            items: sample::subjects(),
            next: None,
        }),
    });
    assert_eq!(driver.app.subjects.list.items.len(), 1);
}

#[test]
fn a_long_list_is_loaded_as_the_cursor_comes_near_its_end() {
    let mut driver = owner();
    driver.keys("r");
    let [Command::ListSubjects { generation, .. }] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    let items = sample::subjects().into_iter().cycle().take(50).collect();
    driver.reply(Reply::Subjects {
        generation: *generation,
        goes: Goes::Anew,
        result: Ok(Page {
            items,
            next: Some("cursor".to_owned()),
        }),
    });
    driver.keys("G");
    let [Command::ListSubjects { goes, query, .. }] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!((*goes, query.after.as_deref()), (Goes::On, Some("cursor")));
}

#[test]
fn a_viewer_changes_nothing() {
    let mut driver = Driver::connected(80, 24, Role::Viewer);
    for key in ["n", "i", "s", "x", "D"] {
        driver.keys(key);
        assert_eq!(driver.asked, [], "{key}");
        assert!(driver.app.overlay.is_none() && driver.app.form.is_none());
        assert!(notice(&driver.app).contains("viewer"), "{key}");
    }
    driver.press(KeyCode::Enter).answer_all();
    driver.keys("d");
    assert!(driver.app.overlay.is_none());
    driver.keys("2").answer_all();
    driver.keys("nD");
    assert!(driver.app.overlay.is_none() && driver.app.form.is_none());
}

#[test]
fn an_enroller_erases_nobody() {
    let mut driver = Driver::connected(80, 24, Role::Enroller);
    driver.keys("D");
    assert!(driver.app.overlay.is_none());
    driver.keys("s");
    assert!(driver.app.overlay.is_some());
}

#[test]
fn a_change_is_made_only_when_it_is_confirmed() {
    let suspend = Change::Suspend(sample::subject_id(1), "ada".to_owned());
    let mut driver = owner();
    driver.keys("sn");
    assert_eq!(driver.asked, []);
    assert!(driver.app.overlay.is_none());
    driver.keys("sy");
    assert_eq!(driver.asked, [Command::Change(suspend.clone())]);
    driver.reply(Reply::Changed(suspend, Ok(())));
    assert_eq!(notice(&driver.app), "ada is suspended");
    assert!(matches!(
        driver.asked.as_slice(),
        [Command::ListSubjects { .. }]
    ));
}

#[test]
fn an_invitation_is_made_only_when_it_is_confirmed() {
    let mut driver = owner();
    driver.keys("in");
    assert_eq!(driver.asked, []);
    driver.keys("i");
    assert!(matches!(driver.app.overlay, Some(Overlay::Question(_))));
    driver.keys("y");
    let invite = Command::Invite {
        subject: sample::subject_id(1),
        username: "ada".to_owned(),
    };
    assert_eq!(driver.asked, [invite]);
}

#[test]
fn the_list_of_clients_is_loaded_at_each_visit() {
    let mut driver = owner();
    driver.keys("2");
    let is_list = |asked: &[Command]| matches!(asked, [Command::ListClients { .. }]);
    assert!(is_list(&driver.asked), "{:?}", driver.asked);
    driver.answer_all();
    driver.keys("1").answer_all();
    driver.keys("2");
    assert!(is_list(&driver.asked), "{:?}", driver.asked);
}

#[test]
fn a_suspended_subject_is_activated_and_not_invited() {
    let mut driver = owner();
    driver.keys("Gsy");
    let activate = Change::Activate(sample::subject_id(4), "tanaka".to_owned());
    assert_eq!(driver.asked, [Command::Change(activate)]);
    driver.keys("i");
    assert_eq!(driver.asked, []);
    assert!(notice(&driver.app).contains("suspended"));
}

#[test]
fn an_erasure_takes_the_name_typed_in_full() {
    let mut driver = owner();
    driver.keys("Dad").press(KeyCode::Enter);
    assert_eq!(driver.asked, []);
    assert!(driver.app.overlay.is_some());
    driver.keys("a").press(KeyCode::Enter);
    let erase = Change::Erase(sample::subject_id(1), "ada".to_owned());
    assert_eq!(driver.asked, [Command::Change(erase.clone())]);
    driver.reply(Reply::Changed(erase, Ok(())));
    assert_eq!(driver.app.subjects.list.items.len(), 3);
}

#[test]
fn the_credential_under_the_cursor_is_removed() {
    let mut driver = owner();
    driver.press(KeyCode::Enter).answer_all();
    driver.keys("jjdy");
    let [Command::Change(Change::RemoveCredential(_, credential, name))] = driver.asked.as_slice()
    else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!(*credential, CredentialId(uuid::Uuid::from_u128(3)));
    assert_eq!(name, "face");
    // In another section the key means nothing.
    driver.press(KeyCode::Right).keys("d");
    assert!(driver.app.overlay.is_none());
}

#[test]
fn a_secret_goes_when_it_is_closed() {
    let mut driver = owner();
    driver.keys("iy");
    assert!(matches!(driver.asked.as_slice(), [Command::Invite { .. }]));
    assert!(driver.app.is_busy());
    driver.reply(Reply::Invited(
        "ada".to_owned(),
        Ok(wire::Invitation {
            url: "https://id.example.org/enrol/x".to_owned().into(),
            expires_at: sample::NOW,
        }),
    ));
    assert!(!driver.app.is_busy());
    driver.keys("c");
    assert_eq!(driver.asked, [Command::CopySecret]);
    assert!(matches!(driver.app.overlay, Some(Overlay::Once(_))));
    driver.press(KeyCode::Esc);
    assert!(driver.app.overlay.is_none());
}

#[test]
fn a_form_says_what_is_wrong_before_it_is_sent() {
    let mut driver = owner();
    driver.keys("n");
    driver.control('s');
    assert_eq!(driver.asked, []);
    let form = driver.app.form.as_ref().unwrap();
    let wrong: Vec<bool> = form
        .fields
        .iter()
        .map(|field| field.error.is_some())
        .collect();
    assert_eq!(wrong, [true, true, false]);
    // Letters that are keys elsewhere are text here.
    driver
        .keys("quinn")
        .press(KeyCode::Enter)
        .keys("Quinn")
        .press(KeyCode::Enter);
    driver.press(KeyCode::Enter);
    let [Command::CreateSubject(new)] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!((new.username.as_str(), &new.email), ("quinn", &None));
    driver.press(KeyCode::Enter);
    assert_eq!(driver.asked, [], "it is sent once");
}

#[test]
fn a_refused_form_stays_and_points_at_the_field() {
    let mut driver = owner();
    driver.keys("nada").press(KeyCode::Tab).keys("Ada");
    driver.control('s');
    let problem = Problem::new(ProblemCode::NameTaken).with_field("username", "is taken");
    let error = ApiError::Refused(Box::new(problem));
    driver.reply(Reply::SubjectCreated(Err(error)));
    let form = driver.app.form.as_ref().unwrap();
    assert_eq!(form.focus, 0);
    assert_eq!(form.fields[0].error.as_deref(), Some("is taken"));
    driver.control('s');
    assert!(matches!(
        driver.asked.as_slice(),
        [Command::CreateSubject(_)]
    ));
    driver.reply(Reply::SubjectCreated(Ok(Box::new(sample::subject()))));
    assert!(driver.app.form.is_none());
    assert!(driver.app.subjects.open.is_some());
}

#[test]
fn a_public_client_has_no_secret_to_show() {
    let mut driver = owner();
    driver.keys("2").answer_all();
    driver
        .keys("nApp")
        .press(KeyCode::Tab)
        .keys(" ")
        .press(KeyCode::Tab);
    driver.keys("not-a-uri");
    driver.control('s');
    assert_eq!(driver.asked, []);
    driver.control('u').keys("https://a.example/cb, app:/cb");
    driver.control('s');
    let [Command::CreateClient(new)] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!(new.kind, wire::ClientKind::Public);
    assert_eq!(new.redirect_uris, ["https://a.example/cb", "app:/cb"]);
    assert_eq!(new.scopes, ["openid", "profile", "email"]);
    driver.reply(Reply::ClientCreated(Ok(Box::new(wire::CreatedClient {
        client: sample::client(),
        secret: None,
    }))));
    assert!(driver.app.overlay.is_none());
    assert!(driver.app.clients.open.is_some());
}

#[test]
fn a_server_that_is_away_is_tried_again_and_everything_resumes() {
    let mut driver = owner();
    driver.reply(Reply::Followed(Err(away())));
    assert!(matches!(driver.app.link, Link::Away { tries: 1, .. }));
    driver.wait(Duration::milliseconds(500));
    assert_eq!(driver.asked, []);
    driver.wait(Duration::milliseconds(500));
    assert_eq!(driver.asked, [Command::Whoami]);
    driver.wait(Duration::seconds(5));
    assert_eq!(driver.asked, [], "one try at a time");
    driver.reply(Reply::Whoami(Err(away())));
    driver.keys("r").wait(Duration::ZERO);
    assert_eq!(driver.asked, [Command::Whoami], "r does not wait");
    driver.reply(Reply::Whoami(Ok(sample::operator(Role::Owner))));
    let [Command::FollowAudit(query), Command::ListSubjects { .. }] = driver.asked.as_slice()
    else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!(query.after, Some(5), "the feed goes on where it stopped");
}

#[test]
fn a_token_that_ends_meanwhile_stops_everything() {
    let mut driver = owner();
    driver.reply(Reply::Followed(Err(refused(ProblemCode::InvalidToken))));
    assert!(matches!(driver.app.link, Link::SignedOut { .. }));
    driver.wait(Duration::hours(1));
    assert_eq!(driver.asked, []);
}

#[test]
fn another_refusal_is_told_and_the_connection_stays() {
    let mut driver = owner();
    driver.keys("iy");
    let error = refused(ProblemCode::StateConflict);
    driver.reply(Reply::Invited("ada".to_owned(), Err(error)));
    assert!(driver.app.link.is_up());
    assert!(notice(&driver.app).contains("present state"));
    driver.wait(Duration::seconds(60));
    assert_eq!(driver.app.notice, None);
}

fn page(seqs: std::ops::RangeInclusive<i64>) -> AuditPage {
    let last_seq = *seqs.end();
    let events = seqs
        .map(|seq| {
            let outcome = if seq % 2 == 0 {
                AuditOutcome::Success
            } else {
                AuditOutcome::Refused
            };
            sample::event(seq, 0, "factor.verified", outcome, Some(FactorKind::Face))
        })
        .collect();
    AuditPage { events, last_seq }
}

#[test]
fn the_feed_asks_on_from_where_it_is() {
    let mut driver = owner();
    driver.wait(Duration::seconds(2));
    let follow = driver.asked.iter().find_map(|command| match command {
        Command::FollowAudit(query) => Some(query.clone()),
        _ => None,
    });
    let query = follow.expect("the feed follows on every tab");
    assert_eq!(query.after, Some(5));
    assert!(query.wait_s.is_some());
    driver.wait(Duration::seconds(9));
    assert!(
        !driver
            .asked
            .iter()
            .any(|c| matches!(c, Command::FollowAudit(_)))
    );
}

#[test]
fn a_feed_that_is_held_keeps_its_place_and_counts() {
    let mut driver = owner();
    driver.keys("3");
    driver.reply(Reply::Followed(Ok(page(6..=7))));
    assert_eq!(driver.app.audit.current().unwrap().seq, 7);
    driver.keys("k");
    driver.reply(Reply::Followed(Ok(page(8..=10))));
    assert_eq!(driver.app.audit.current().unwrap().seq, 6);
    assert_eq!(driver.app.audit.unseen, 3);
    driver.keys(" ");
    assert_eq!(driver.app.audit.current().unwrap().seq, 10);
    assert_eq!(driver.app.audit.unseen, 0);
}

#[test]
fn an_event_is_shown_once_though_it_comes_twice() {
    let mut driver = owner();
    driver.reply(Reply::Followed(Ok(page(4..=7))));
    let seqs: Vec<i64> = driver.app.audit.visible().iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn older_events_are_asked_for_at_the_top_until_there_are_none() {
    let mut driver = owner();
    driver.keys("3");
    driver.reply(Reply::Followed(Ok(page(106..=110))));
    driver.keys("g");
    let [Command::OlderAudit(query)] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!(query.before, Some(1));
    driver.keys("g");
    assert_eq!(driver.asked, []);
    driver.reply(Reply::Older(Ok(AuditPage {
        events: Vec::new(),
        last_seq: 110,
    })));
    driver.keys("g");
    assert_eq!(driver.asked, []);
}

#[test]
fn the_filter_wants_every_word_and_problems_are_what_was_no_success() {
    let mut driver = owner();
    driver.keys("3/FACE small");
    assert_eq!(driver.app.audit.visible().len(), 1);
    driver.press(KeyCode::Esc);
    assert_eq!(driver.app.audit.visible().len(), 5);
    driver.keys("o");
    assert_eq!(driver.app.audit.visible().len(), 3);
}

#[test]
fn an_event_leads_to_its_subject() {
    let mut driver = owner();
    driver.keys("3u");
    assert_eq!(driver.app.tab, Tab::Subjects);
    assert!(
        driver
            .asked
            .contains(&Command::LoadSubject(sample::subject_id(1)))
    );
}

#[test]
fn what_happens_to_the_open_subject_is_shown_at_once() {
    let mut driver = owner();
    driver.press(KeyCode::Enter).answer_all();
    driver.reply(Reply::Followed(Ok(page(6..=6))));
    assert!(
        driver
            .asked
            .contains(&Command::LoadSubject(sample::subject_id(1)))
    );
}

#[test]
fn what_happens_to_somebody_refreshes_the_list_but_not_without_end() {
    let mut driver = owner();
    driver.wait(Duration::seconds(10)).answer_all();
    driver.reply(Reply::Followed(Ok(page(6..=6))));
    driver.wait(Duration::milliseconds(100));
    assert_eq!(searches(&driver.asked), [""]);
    driver.answer_all();
    driver.wait(Duration::seconds(10));
    assert_eq!(searches(&driver.asked), Vec::<String>::new());
}

#[test]
fn control_c_leaves_from_everywhere() {
    for keys in ["", "?", "s", "D", "n", "/", "3/"] {
        let mut driver = owner();
        driver.keys(keys).control('c');
        assert!(driver.app.is_over, "{keys:?}");
    }
    let mut driver = owner();
    driver.send(Message::Terminate);
    assert!(driver.app.is_over);
}

#[test]
fn q_is_a_letter_while_typing_and_no_in_a_question() {
    let mut driver = owner();
    driver.keys("/q");
    assert_eq!(driver.app.subjects.search.text(), "q");
    driver.press(KeyCode::Esc).keys("sq");
    assert!(!driver.app.is_over && driver.app.overlay.is_none());
    driver.keys("q");
    assert!(driver.app.is_over);
}

#[test]
fn tabs_go_round() {
    let mut driver = owner();
    let round = [
        Tab::Clients,
        Tab::Audit,
        Tab::Health,
        Tab::Duplicates,
        Tab::Policy,
        Tab::Subjects,
    ];
    for tab in round {
        driver.press(KeyCode::Tab);
        assert_eq!(driver.app.tab, tab);
    }
    driver.press(KeyCode::BackTab);
    assert_eq!(driver.app.tab, Tab::Policy);
}

#[test]
fn a_search_is_started_with_a_rate_that_is_one_and_followed_to_its_end() {
    let mut driver = owner();
    driver.keys("5").answer_all();
    driver.keys("n").press(KeyCode::Tab);
    for _ in 0..4 {
        driver.press(KeyCode::Backspace);
    }
    driver.keys("2").control('s');
    assert_eq!(driver.asked, [], "no rate");
    driver.press(KeyCode::Backspace).keys("0.02").control('s');
    let new = wire::NewDuplicateSearch {
        factor: FactorKind::Face,
        false_positive_identification_rate: 0.02,
    };
    assert_eq!(driver.asked, [Command::StartSearch(new)]);
    driver.reply(Reply::SearchStarted(Ok(sample::running_search())));
    assert!(driver.app.form.is_none());
    let pairs = |commands: &[Command]| {
        let is_list = |c: &&Command| matches!(c, Command::ListDuplicates { .. });
        commands.iter().filter(is_list).count()
    };
    assert_eq!(pairs(&driver.asked), 1);
    let newest = |search| {
        Reply::NewestSearch(Ok(Page {
            items: vec![search],
            next: None,
        }))
    };
    // While it runs only it is asked about; when it has ended, what it raised.
    driver.reply(newest(sample::running_search()));
    assert_eq!(driver.asked, []);
    driver.wait(Duration::seconds(2));
    assert!(driver.asked.contains(&Command::NewestSearch));
    assert_eq!(pairs(&driver.asked), 0);
    driver.reply(newest(sample::search()));
    assert_eq!(pairs(&driver.asked), 1);
}

#[test]
fn a_pair_is_decided_when_it_is_confirmed_and_leads_to_both_subjects() {
    let mut driver = Driver::connected(80, 24, Role::Enroller);
    driver.keys("5").answer_all();
    driver.keys("dn");
    assert_eq!(driver.asked, []);
    driver.keys("cy");
    let change = Change::DecidePair(
        sample::pairs()[0].id,
        wire::PairDecision::Confirmed,
        "ada and adeline.k".to_owned(),
    );
    assert_eq!(driver.asked, [Command::Change(change.clone())]);
    driver.reply(Reply::Changed(change, Ok(())));
    assert_eq!(notice(&driver.app), "ada and adeline.k: one person");
    driver.keys("u");
    assert_eq!(driver.app.tab, Tab::Subjects);
    let open = driver.app.subjects.open.as_ref();
    assert_eq!(open.map(|view| view.id), Some(sample::subject_id(3)));
    // A viewer looks on.
    let mut viewer = Driver::connected(80, 24, Role::Viewer);
    viewer.keys("5").answer_all();
    for key in ["n", "d", "c"] {
        viewer.keys(key);
        assert!(viewer.app.overlay.is_none() && viewer.app.form.is_none());
        assert!(notice(&viewer.app).contains("viewer"), "{key}");
    }
}

#[test]
fn an_empty_search_asks_for_everything() {
    let mut driver = owner();
    driver.keys("r");
    let [Command::ListSubjects { query, .. }] = driver.asked.as_slice() else {
        panic!("{:?}", driver.asked);
    };
    assert_eq!(*query, SubjectQuery::default());
}

#[test]
fn pairs_are_loaded_anew_whenever_their_tab_is_entered() {
    let mut driver = owner();
    driver.keys("5").answer_all();
    driver.keys("1").answer_all();
    driver.keys("5");
    let is_load = |command: &Command| matches!(command, Command::ListDuplicates { .. });
    assert!(driver.asked.iter().any(is_load), "{:?}", driver.asked);
}

#[test]
fn a_pair_that_is_no_longer_there_leaves_the_list() {
    let mut driver = owner();
    driver.keys("5").answer_all();
    let pairs = driver.app.duplicates.list.items.len();
    let pair = driver.app.duplicates.list.items[0].clone();
    driver.keys("cy");
    let names = format!("{} and {}", pair.one.username, pair.other.username);
    let change = Change::DecidePair(pair.id, wire::PairDecision::Confirmed, names);
    driver.reply(Reply::Changed(change, Err(refused(ProblemCode::NotFound))));
    let left = &driver.app.duplicates.list.items;
    assert_eq!(left.len(), pairs - 1);
    assert!(left.iter().all(|other| other.id != pair.id));
    assert!(notice(&driver.app).contains("no longer there"));
    let is_load = |command: &Command| matches!(command, Command::ListDuplicates { .. });
    assert!(driver.asked.iter().any(is_load), "{:?}", driver.asked);
}

#[test]
fn what_was_true_before_the_server_went_away_is_not_shown_as_true() {
    let mut driver = Driver::connected(120, 40, Role::Owner);
    driver.keys("4").answer_all();
    assert!(driver.screen().contains("● up"));
    driver.wait(Duration::seconds(30));
    driver.reply(Reply::Followed(Err(away())));
    let health = driver.screen();
    assert!(health.contains("away, last answer 15:09:26"), "{health}");
    assert!(health.contains("was ● up"), "{health}");
    assert!(!health.replace("was ● up", "").contains("● up"), "{health}");
    driver.keys("3");
    let audit = driver.screen();
    assert!(audit.contains("away, last answer 15:09:26"), "{audit}");
    assert!(!audit.contains("live"), "{audit}");
}

#[test]
fn the_header_keeps_its_words_apart_when_the_server_is_away() {
    for columns in [40, 60, 68, 70, 75, 80, 90, 100, 160] {
        let mut driver = Driver::connected(columns, 24, Role::Owner);
        driver.reply(Reply::Followed(Err(away())));
        let screen = driver.screen();
        let header = screen.lines().next().expect("a header");
        assert!(header.contains(" ✗ away "), "{columns}: {header}");
        let tabs = header.split("[6]").nth(1).expect("the last tab");
        let word = tabs.split_whitespace().next().unwrap_or_default();
        assert!(
            ["Policy", "✗", "owner", "grete"].contains(&word),
            "{columns}: {header}"
        );
    }
}

#[test]
fn a_key_that_the_role_does_not_allow_is_not_offered() {
    let footer = |role| {
        let driver = Driver::connected(120, 24, role);
        let screen = driver.screen();
        screen.lines().last().expect("a footer").to_owned()
    };
    let (viewer, owner) = (footer(Role::Viewer), footer(Role::Owner));
    for word in ["new", "invite", "suspend", "erase"] {
        assert!(!viewer.contains(word), "{viewer}");
        assert!(owner.contains(word), "{owner}");
    }
    assert!(
        viewer.contains("open") && viewer.contains("help"),
        "{viewer}"
    );
}

#[test]
fn after_a_subject_was_created_the_cursor_is_on_it() {
    let mut driver = owner();
    driver.keys("G");
    let before = driver.app.subjects.list.current().cloned().expect("one");
    let mut bob = sample::subject();
    bob.summary.id = sample::subject_id(77);
    bob.summary.username = "bob".to_owned();
    assert_ne!(before.username, "bob");
    driver.reply(Reply::SubjectCreated(Ok(Box::new(bob))));
    driver.press(KeyCode::Esc);
    let target = driver.app.subjects.target().expect("one");
    assert_eq!(target.username, "bob");
    driver.keys("D");
    let Some(Overlay::Question(question)) = &driver.app.overlay else {
        panic!("a question");
    };
    assert!(question.title.contains("bob"), "{}", question.title);
}

#[test]
fn who_declines_did_nothing_wrong() {
    let mut driver = owner();
    driver.keys("3");
    let declined = sample::event(
        6,
        1,
        "biometric_consent.decided",
        AuditOutcome::Refused,
        None,
    );
    driver.reply(Reply::Followed(Ok(AuditPage {
        events: vec![declined],
        last_seq: 6,
    })));
    assert!(driver.screen().contains("– declined"));
    driver.keys("o");
    assert_eq!(driver.app.audit.visible().len(), 3, "as before");
}

#[test]
fn an_event_is_whole_beside_its_detail_on_a_wide_screen() {
    let mut driver = Driver::connected(160, 40, Role::Owner);
    driver.keys("3");
    let mut event = sample::event(
        6,
        1,
        "biometric_consent.decided",
        AuditOutcome::Success,
        None,
    );
    event
        .detail
        .insert("by".to_owned(), "command line (unix user root)".to_owned());
    driver.reply(Reply::Followed(Ok(AuditPage {
        events: vec![event],
        last_seq: 6,
    })));
    driver.press(KeyCode::Enter);
    let screen = driver.screen();
    let row = screen
        .lines()
        .find(|line| line.contains('▸'))
        .expect("the row");
    for part in ["biometric_consent.decided", "ada", "by command line (unix"] {
        assert!(row.contains(part), "{row}");
    }
}
