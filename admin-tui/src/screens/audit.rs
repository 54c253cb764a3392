//! The audit feed, and one event in full.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use wire::AuditEvent;

use super::widgets::{self, Rows, fact, factor_name, input_line, outcome, panel, table};
use crate::app::App;
use crate::theme::Tone;
use crate::when;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let feed = &app.audit;
    let [bar, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let visible = feed.visible();
    draw_bar(frame, bar, app, visible.len());
    if visible.is_empty() {
        let line = if !feed.is_loaded {
            format!("{} loading the feed", super::chrome::spinner(app.ticks))
        } else if feed.is_empty() {
            "Nothing has happened yet; what happens appears here by itself.".to_owned()
        } else {
            "No event passes the filter. Esc shows all again.".to_owned()
        };
        return widgets::message(frame, body, vec![Line::styled(line, app.theme.quiet())]);
    }
    let row = feed.row(&visible);
    let is_wide = area.width >= ROOM_FOR_SIDE;
    let (rows, detail) = match (feed.shows_detail, is_wide) {
        (false, _) => (body, None),
        (true, true) => {
            let [rows, detail] =
                Layout::horizontal([Constraint::Fill(1), Constraint::Length(SIDE_WIDTH)])
                    .areas(body);
            (rows, Some(detail))
        }
        (true, false) => {
            let height = (body.height / 2).min(DETAIL_HEIGHT);
            let [rows, detail] =
                Layout::vertical([Constraint::Fill(1), Constraint::Length(height)]).areas(body);
            (rows, Some(detail))
        }
    };
    let is_beside = is_wide && feed.shows_detail;
    draw_rows(frame, rows, app, &visible, row, is_beside);
    if let (Some(area), Some(event)) = (detail, visible.get(row)) {
        draw_detail(frame, area, app, event, is_wide);
    }
}

/// What an event is about, in a few words: the factor, the client, the operator, and what else it tells.
pub(crate) fn what(event: &AuditEvent) -> String {
    let mut words = Vec::new();
    if let Some(factor) = event.factor {
        words.push(factor_name(factor).to_owned());
    }
    if let Some(client) = &event.client {
        words.push(format!("→ {client}"));
    }
    // What is done comes before who did it: a narrow screen cuts the end off.
    let is_about_operator = event.kind.starts_with("operator.");
    let is_of_policy = event.kind == "policy.changed";
    let detail = |name: &str| event.detail.get(name);
    if let Some(name) = detail("name").filter(|_| is_about_operator) {
        words.push(format!("about {name}"));
    }
    if let Some(number) = detail("revision").filter(|_| is_of_policy) {
        words.push(format!("revision {number}"));
    }
    // Who acts at the server's command line is no operator, and is named in the detail.
    let by = event.operator.as_ref().map(|operator| operator.as_str());
    if let Some(by) = by.or(event.detail.get("by").map(String::as_str)) {
        words.push(format!("by {by}"));
    }
    words.extend(
        event
            .detail
            .iter()
            .filter_map(|(name, value)| match name.as_str() {
                "by" => None,
                "name" if is_about_operator => None,
                "revision" if is_of_policy => None,
                "origin" if is_of_policy && value == "revision" => None,
                "origin" if is_of_policy => Some("back to the configuration's".to_owned()),
                "note" if is_of_policy => Some(format!("“{value}”")),
                _ => Some(format!("{name}={value}")),
            }),
    );
    words.join(" ")
}

/// Whether the feed runs, and what is filtered out.
fn draw_bar(frame: &mut Frame<'_>, area: Rect, app: &App, shown: usize) {
    let (feed, theme) = (&app.audit, app.theme);
    let (state, tone) = if !app.link.is_up() {
        (widgets::last_answer(feed.at), Tone::Quiet)
    } else if feed.is_paused {
        let unseen = match feed.unseen {
            0 => String::new(),
            count => format!(", {count} new"),
        };
        (format!(" ‖ held{unseen}"), Tone::Warn)
    } else {
        (" ● live".to_owned(), Tone::Good)
    };
    let mut spans = vec![Span::styled(state, theme.tone(tone))];
    if feed.problems_only {
        spans.push(Span::styled("  problems only", theme.tone(Tone::Warn)));
    }
    let has_filter = feed.is_filtering || !feed.filter.is_empty();
    if has_filter {
        spans.push(Span::styled("  / ", theme.key()));
    }
    let line = Line::from(spans);
    let used = u16::try_from(line.width()).unwrap_or(area.width);
    let [left, text, right] = Layout::horizontal([
        Constraint::Length(used),
        Constraint::Fill(1),
        Constraint::Length(16),
    ])
    .areas(area);
    frame.render_widget(line, left);
    if has_filter {
        let columns = usize::from(text.width);
        frame.render_widget(input_line(&feed.filter, columns, feed.is_filtering), text);
    }
    let count = if shown == feed.len() {
        format!("{shown} events ")
    } else {
        format!("{shown} of {} ", feed.len())
    };
    frame.render_widget(Line::styled(count, theme.quiet()).right_aligned(), right);
}

fn draw_rows(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    visible: &[&AuditEvent],
    selected: usize,
    is_beside_detail: bool,
) {
    let theme = app.theme;
    let kind_width = match is_beside_detail || area.width >= ROOM_FOR_NAMES {
        true => LONGEST_KIND,
        false => 22,
    };
    let mut columns = vec![
        ("TIME", Constraint::Length(8)),
        ("OUTCOME", Constraint::Length(10)),
        ("EVENT", Constraint::Length(kind_width)),
    ];
    if is_beside_detail && area.width < ROOM_FOR_NAMES {
        // The detail says the rest.
        columns.push(("SUBJECT", Constraint::Fill(1)));
    } else if area.width >= ROOM_FOR_NAMES {
        columns.push(("SUBJECT", Constraint::Length(20)));
        columns.push(("WHAT", Constraint::Fill(1)));
    } else {
        columns.push(("SUBJECT", Constraint::Fill(1)));
        columns.push(("WHAT", Constraint::Fill(2)));
    }
    let row = |at: usize| {
        let Some(event) = visible.get(at) else {
            return Vec::new();
        };
        let is_today = when::date(event.at) == when::date(app.now);
        let time = if is_today {
            when::time_of_day(event.at)
        } else {
            when::ago(app.now, event.at)
        };
        vec![
            Span::styled(time, theme.quiet()),
            outcome(theme, event),
            Span::styled(event.kind.as_str(), theme.strong()),
            Span::raw(event.username.as_deref().unwrap_or("–")),
            Span::raw(what(event)),
        ]
    };
    table(
        frame,
        area,
        theme,
        &columns,
        Rows {
            len: visible.len(),
            selected: Some(selected),
            row,
        },
    );
}

fn draw_detail(frame: &mut Frame<'_>, area: Rect, app: &App, event: &AuditEvent, is_side: bool) {
    let theme = app.theme;
    let title = Line::from(vec![
        Span::raw(" "),
        Span::styled(event.kind.clone(), theme.strong()),
        Span::raw(" "),
        outcome(theme, event),
        Span::raw(" "),
    ]);
    let inner = panel(frame, area, title, theme.frame());
    let mut named = vec![
        ("at", when::stamp(event.at)),
        ("number", event.seq.to_string()),
    ];
    let optional = [
        ("username", event.username.clone()),
        ("client", event.client.as_ref().map(ToString::to_string)),
        ("operator", event.operator.as_ref().map(ToString::to_string)),
        ("factor", event.factor.map(|f| factor_name(f).to_owned())),
        ("subject", event.subject.map(|id| id.to_string())),
        ("attempt", event.attempt.map(|id| id.to_string())),
    ];
    named.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let mut lines: Vec<Line<'_>> = named
        .into_iter()
        .map(|(name, value)| fact(theme, name, value))
        .collect();
    lines.extend(
        event
            .detail
            .iter()
            .map(|(name, value)| fact(theme, name, value.as_str())),
    );
    if is_side || lines.len() <= usize::from(inner.height) || inner.width < ROOM_FOR_TWO {
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
        return;
    }
    let half = lines.len().div_ceil(2);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(inner);
    let rest = lines.split_off(half);
    frame.render_widget(Paragraph::new(lines), left);
    frame.render_widget(Paragraph::new(rest), right);
}

/// As wide as `biometric_consent.decided`.
const LONGEST_KIND: u16 = 25;
const ROOM_FOR_SIDE: u16 = 118;
const ROOM_FOR_NAMES: u16 = 100;
const ROOM_FOR_TWO: u16 = 70;
const SIDE_WIDTH: u16 = 54;
const DETAIL_HEIGHT: u16 = 10;
