//! The screens: they draw the state and change nothing.
//!
//! Every screen has the same frame: the header with the tabs and who we are, a rule that says where we are, the body,
//! a line for what there is to say, and the footer with the keys that mean something now.

mod audit;
mod chrome;
mod clients;
mod duplicates;
mod form;
mod health;
mod help;
mod overlay;
mod policy;
mod qr;
mod subject;
mod subjects;
mod widgets;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

pub(crate) use audit::what;
pub use help::lines as help_lines;
pub use policy::count as policy_lines;

use crate::app::{App, Link, Overlay, Tab};
use crate::theme::Tone;

/// Draws the console.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area);
    }
    let [header, rule, body, status, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    chrome::header(frame, header, app);
    chrome::rule(frame, rule, app);
    draw_body(frame, body, app);
    chrome::status(frame, status, app);
    chrome::footer(frame, footer, app);
    let above = Rect {
        height: area.height - 1,
        ..area
    };
    match &app.overlay {
        Some(Overlay::Help { scroll }) => help::draw(frame, above, app, *scroll),
        Some(Overlay::Question(question)) => overlay::question(frame, above, app, question),
        Some(Overlay::Once(once)) => overlay::once(frame, above, app, once),
        None => {}
    }
}

fn draw_body(frame: &mut Frame<'_>, area: Rect, app: &App) {
    if let Link::SignedOut { reason } = &app.link {
        return widgets::message(
            frame,
            area,
            vec![
                Line::styled(
                    "The operator token is not accepted",
                    app.theme.tone(Tone::Bad),
                ),
                Line::raw(reason.as_str()),
                Line::raw(""),
                Line::raw("A new one is made on the server with `whorl admin token`"),
                Line::raw("or by an owner. Leave with q and start again with it."),
            ],
        );
    }
    if let Some(form) = &app.form {
        return form::draw(frame, area, app, form);
    }
    if app.operator.is_none() {
        return connecting(frame, area, app);
    }
    match app.tab {
        Tab::Subjects => match &app.subjects.open {
            Some(view) => subject::draw(frame, area, app, view),
            None => subjects::draw(frame, area, app),
        },
        Tab::Clients => match &app.clients.open {
            Some(view) => clients::draw_detail(frame, area, app, view),
            None => clients::draw_list(frame, area, app),
        },
        Tab::Audit => audit::draw(frame, area, app),
        Tab::Health => health::draw(frame, area, app),
        Tab::Duplicates => duplicates::draw(frame, area, app),
        Tab::Policy => policy::draw(frame, area, app),
    }
}

fn connecting(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let lines = match &app.link {
        Link::Away { reason, .. } => vec![
            Line::styled("The server does not answer", app.theme.tone(Tone::Bad)),
            Line::raw(app.server.as_str()),
            Line::styled(reason.as_str(), app.theme.quiet()),
            Line::raw(""),
            Line::raw("It is tried again by itself; r tries at once, q leaves."),
        ],
        Link::Connecting | Link::Up | Link::SignedOut { .. } => vec![Line::raw(format!(
            "{} connecting to {}",
            chrome::spinner(app.ticks),
            app.server
        ))],
    };
    widgets::message(frame, area, lines);
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = format!(
        "This terminal has {}×{} characters; the console needs {}×{}. Make it larger, or leave with q.",
        area.width, area.height, LEAST.0, LEAST.1
    );
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}

/// The least columns and rows with which the screens still say something.
const LEAST: (u16, u16) = (40, 12);
