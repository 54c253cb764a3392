//! Every screen as it looks, at 80x24, at 120x40 and at a size that is too small for comfort.

use admin_tui::api::ApiError;
use admin_tui::event::Reply;
use admin_tui::theme::Theme;
use crossterm::event::KeyCode;
use time::Duration;
use wire::{CreatedClient, Invitation, Problem, ProblemCode, Role};

use crate::sample::{self, Driver, NOW};

const SIZES: [(u16, u16, &str); 3] = [(80, 24, "80x24"), (120, 40, "120x40"), (46, 14, "46x14")];

/// Holds the screen at each size against its snapshot, after the driver was brought there.
fn check(name: &str, role: Role, bring: impl Fn(&mut Driver)) {
    for (columns, rows, size) in SIZES {
        let mut driver = Driver::connected(columns, rows, role);
        bring(&mut driver);
        insta::assert_snapshot!(format!("{name}_{size}"), driver.screen());
    }
}

fn invitation() -> Invitation {
    let link = "https://id.example.org/enrol/Jx0nPq3vQ8uY2m5tR7wZ1aB4cD6eF9gH0iK3lM5nO8p";
    Invitation {
        url: link.to_owned().into(),
        expires_at: NOW + Duration::hours(24),
    }
}

#[test]
fn the_subjects_list() {
    check("subjects", Role::Owner, |_| {});
}

#[test]
fn a_search_in_the_subjects_list() {
    check("subjects_search", Role::Owner, |driver| {
        driver.keys("/al").wait(Duration::seconds(1)).answer_all();
    });
}

#[test]
fn a_subject() {
    check("subject", Role::Enroller, |driver| {
        driver.press(KeyCode::Enter).answer_all();
    });
}

#[test]
fn the_sessions_consents_and_activity_of_a_subject() {
    for (pane, steps) in [("sessions", 1), ("consents", 2), ("activity", 3)] {
        let mut driver = Driver::connected(80, 24, Role::Owner);
        driver.press(KeyCode::Enter).answer_all();
        for _ in 0..steps {
            driver.press(KeyCode::Right);
        }
        insta::assert_snapshot!(format!("subject_{pane}_80x24"), driver.screen());
    }
}

#[test]
fn an_invitation_with_its_qr_code() {
    check("invitation", Role::Enroller, |driver| {
        driver.keys("iy");
        driver.reply(Reply::Invited("ada".to_owned(), Ok(invitation())));
    });
}

#[test]
fn a_question_before_a_change() {
    check("suspend", Role::Owner, |driver| {
        driver.keys("s");
    });
    check("erase", Role::Owner, |driver| {
        driver.keys("Dad");
    });
}

#[test]
fn the_form_for_a_subject_with_what_is_wrong() {
    check("subject_form", Role::Owner, |driver| {
        driver.keys("nada").press(KeyCode::Tab).keys("Ada");
        driver.control('s');
        let problem = Problem::new(ProblemCode::NameTaken).with_field("username", "is taken");
        driver.reply(Reply::SubjectCreated(Err(ApiError::Refused(Box::new(
            problem,
        )))));
    });
}

#[test]
fn the_clients() {
    check("clients", Role::Owner, |driver| {
        driver.keys("2").answer_all();
    });
    check("client", Role::Viewer, |driver| {
        driver.keys("2").answer_all();
        driver.press(KeyCode::Enter).answer_all();
    });
}

#[test]
fn the_form_for_a_client() {
    check("client_form", Role::Owner, |driver| {
        driver.keys("2n").keys("App").press(KeyCode::Tab).keys(" ");
    });
}

#[test]
fn a_new_clients_secret() {
    check("client_secret", Role::Owner, |driver| {
        driver.keys("2").answer_all();
        driver.reply(Reply::ClientCreated(Ok(Box::new(CreatedClient {
            client: sample::client(),
            secret: Some("wcs_not-a-real-secret-0123456789".to_owned().into()),
        }))));
    });
}

#[test]
fn the_audit_feed() {
    check("audit", Role::Viewer, |driver| {
        driver.keys("3").answer_all();
    });
}

#[test]
fn an_event_in_full_while_the_feed_is_held() {
    check("audit_detail", Role::Viewer, |driver| {
        driver.keys("3k").press(KeyCode::Enter);
        let mut page = sample::audit();
        page.events = vec![sample::event(
            6,
            1,
            "login.started",
            wire::AuditOutcome::Success,
            None,
        )];
        page.last_seq = 6;
        driver.reply(Reply::Followed(Ok(page)));
    });
}

#[test]
fn the_health_board() {
    check("health", Role::Viewer, |driver| {
        driver.keys("4").answer_all();
        for _ in 0..5 {
            driver.wait(Duration::seconds(3)).answer_all();
        }
        driver.keys("j");
    });
}

#[test]
fn the_pairs_that_may_be_one_person() {
    check("duplicates", Role::Owner, |driver| {
        driver.keys("5").answer_all();
    });
    check("duplicates_decide", Role::Enroller, |driver| {
        driver.keys("5").answer_all();
        driver.keys("d");
    });
}

#[test]
fn a_search_for_duplicates_before_while_and_when_it_fails() {
    let show = |name: &str, newest: Vec<wire::DuplicateSearch>| {
        let mut driver = Driver::connected(80, 24, Role::Owner);
        driver.keys("5");
        let page = wire::Page {
            items: newest,
            next: None,
        };
        driver.reply(Reply::NewestSearch(Ok(page)));
        let nothing = wire::Page {
            items: Vec::new(),
            next: None,
        };
        driver.reply(Reply::Duplicates {
            generation: 1,
            goes: admin_tui::app::Goes::Anew,
            result: Ok(nothing),
        });
        insta::assert_snapshot!(format!("duplicates_{name}_80x24"), driver.screen());
    };
    show("none", Vec::new());
    show("running", vec![sample::running_search()]);
    let problem = "with 412 people a rate of 0.0001 takes comparisons beyond what the model mobilefacenet-foamliu-1 is \
                   validated to: ask for 8.2e-3 or more";
    let failed = wire::DuplicateSearch {
        status: wire::DuplicateSearchStatus::Failed,
        problem: Some(problem.to_owned()),
        ..sample::running_search()
    };
    show("failed", vec![failed]);
}

#[test]
fn the_form_for_a_search() {
    check("duplicates_form", Role::Owner, |driver| {
        driver.keys("5").answer_all();
        driver.keys("n");
    });
}

#[test]
fn the_policy() {
    check("policy", Role::Viewer, |driver| {
        driver.keys("6").answer_all();
    });
}

#[test]
fn the_policys_text_and_its_history() {
    check("policy_text", Role::Owner, |driver| {
        driver.keys("6").answer_all().keys("t");
    });
    check("policy_history", Role::Viewer, |driver| {
        driver.keys("6").answer_all().keys("h").answer_all();
    });
    for (number, downs) in [(3, ""), (2, "j"), (1, "jj")] {
        let mut driver = Driver::connected(80, 24, Role::Owner);
        driver
            .keys("6")
            .answer_all()
            .keys("h")
            .answer_all()
            .keys(downs);
        driver.press(KeyCode::Enter).answer_all();
        insta::assert_snapshot!(format!("policy_revision_{number}_80x24"), driver.screen());
    }
}

/// Brings the console to an edited policy.
fn edited(driver: &mut Driver) -> String {
    driver.keys("6").answer_all().keys("e");
    let text = sample::POLICY.replace("[\"password\", \"totp\"]", "[\"password\", \"face\"]");
    driver.reply(Reply::Edited(Ok(text.clone())));
    text
}

#[test]
fn an_edited_policy_with_its_faults_or_its_effects() {
    let said = |driver: &mut Driver, said| {
        let text = edited(driver);
        driver.reply(Reply::PolicyTried(text, Ok(said)));
    };
    check("policy_faults", Role::Owner, |driver| {
        said(driver, sample::faulty());
    });
    check("policy_draft", Role::Owner, |driver| {
        said(driver, sample::judged());
    });
    check("policy_apply", Role::Owner, |driver| {
        said(driver, sample::judged());
        driver.keys("a").keys("a face for those at home");
    });
    check("policy_overtaken", Role::Owner, |driver| {
        said(driver, sample::judged());
        driver.reply(Reply::Policy(Ok(Box::new(wire::PolicyInForce {
            revision: 4,
            changed_by: Some("olga".to_owned()),
            text: sample::older_policy(),
            ..sample::policy()
        }))));
        driver.keys("a");
    });
    check("policy_unsaid", Role::Owner, |driver| {
        let text = edited(driver);
        let away = ApiError::Refused(Box::new(Problem::new(ProblemCode::Internal)));
        driver.reply(Reply::PolicyTried(text, Err(away)));
    });
    check("policy_leave", Role::Owner, |driver| {
        edited(driver);
        driver.keys("q");
    });
}

#[test]
fn the_help_marks_what_the_role_does_not_allow() {
    check("help", Role::Enroller, |driver| {
        driver.keys("?");
    });
}

#[test]
fn a_server_that_is_away() {
    let mut driver = Driver::connected(80, 24, Role::Owner);
    let refused = || ApiError::Away("connection refused".to_owned());
    driver.reply(Reply::Followed(Err(refused())));
    insta::assert_snapshot!("away_80x24", driver.screen());
    let mut driver = Driver::new(80, 24);
    insta::assert_snapshot!("connecting_80x24", driver.screen());
    driver.reply(Reply::Whoami(Err(refused())));
    insta::assert_snapshot!("never_connected_80x24", driver.screen());
}

#[test]
fn a_token_that_is_not_accepted() {
    let mut driver = Driver::new(80, 24);
    let problem = Problem::new(ProblemCode::InvalidToken).with_detail("it expired an hour ago");
    driver.reply(Reply::Whoami(Err(ApiError::Refused(Box::new(problem)))));
    insta::assert_snapshot!("signed_out_80x24", driver.screen());
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    let driver = Driver::connected(30, 8, Role::Owner);
    insta::assert_snapshot!("too_small_30x8", driver.screen());
}

#[test]
fn no_screen_fails_at_any_size() {
    for columns in (1..130).step_by(16) {
        for rows in (2..45).step_by(6) {
            let mut driver = Driver::connected(columns, rows, Role::Owner);
            driver.screen();
            for keys in ["?", "s", "n", "5", "5d", "4", "3", "3k", "2"] {
                driver.keys(keys).answer_all();
                driver.screen();
                driver.press(KeyCode::Esc);
            }
            driver.keys("1").press(KeyCode::Enter).answer_all();
            driver.screen();
            driver.reply(Reply::Invited("ada".to_owned(), Ok(invitation())));
            driver.screen();
        }
    }
}

#[test]
fn no_color_draws_no_colour() {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;
    let mut driver = Driver::connected(100, 30, Role::Viewer);
    driver.app.theme = Theme::MONO;
    let check = |driver: &mut Driver| {
        let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
        terminal
            .draw(|frame| admin_tui::screens::draw(frame, &driver.app))
            .unwrap();
        for cell in terminal.backend().buffer().content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        }
    };
    check(&mut driver);
    for keys in ["?", "2", "3", "4", "5"] {
        driver.press(KeyCode::Esc).keys(keys).answer_all();
        check(&mut driver);
    }
    driver.reply(Reply::Invited("ada".to_owned(), Ok(invitation())));
    check(&mut driver);
}
