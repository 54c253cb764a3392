//! How the server and its parts are, with how long their checks took lately.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use wire::{Health, HealthStatus, PartHealth};

use super::widgets::{self, Rows, fact, health_status, panel, sparkline, table};
use crate::app::App;
use crate::theme::Tone;
use crate::when;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let Some(health) = &app.health.health else {
        let text = format!("{} asking", super::chrome::spinner(app.ticks));
        return widgets::message(frame, area, vec![Line::raw(text)]);
    };
    let rows = u16::try_from(health.parts.len() + 2).unwrap_or(area.height);
    let [card, parts, detail] = Layout::vertical([
        Constraint::Length(5),
        Constraint::Length(rows),
        Constraint::Min(3),
    ])
    .areas(area);
    draw_card(frame, card, app, health);
    draw_parts(frame, parts, app, health);
    if let Some(part) = health.parts.get(app.health.row) {
        draw_part(frame, detail, app, part);
    }
}

fn draw_card(frame: &mut Frame<'_>, area: Rect, app: &App, health: &Health) {
    let theme = app.theme;
    let title = Line::from(vec![
        Span::raw(" "),
        Span::styled("whorl", theme.strong()),
        Span::raw(format!(" {} ", health.version)),
        as_told(app, health_status(theme, health.status)),
        match app.link.is_up() {
            true => Span::raw(" "),
            false => {
                let text = format!("{} ", widgets::last_answer(app.health.at));
                Span::styled(text, theme.tone(Tone::Warn))
            }
        },
    ]);
    let inner = panel(frame, area, title, theme.frame());
    let trips = &app.health.round_trips;
    let last = trips.last().map(latency).unwrap_or_default();
    let asked = match app.health.at {
        Some(at) => when::ago(app.now, at),
        None => "–".to_owned(),
    };
    let issuer = fact(theme, "issuer", health.issuer.as_str());
    let running = fact(theme, "running for", when::span(health.uptime_s));
    let trip = fact(theme, "round trip", last);
    if inner.width < ROOM_FOR_TWO {
        frame.render_widget(Paragraph::new(vec![issuer, running, trip]), inner);
        return;
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(inner);
    let asked = fact(theme, "asked", asked);
    frame.render_widget(Paragraph::new(vec![issuer, running, asked]), left);
    let room = usize::from(right.width.saturating_sub(LABEL_ROOM));
    let bars = Span::styled(sparkline(&trips.last_us(room)), theme.accent());
    frame.render_widget(Paragraph::new(vec![trip, fact(theme, "", bars)]), right);
}

fn draw_parts(frame: &mut Frame<'_>, area: Rect, app: &App, health: &Health) {
    let theme = app.theme;
    let trend_width = (area.width / 5).clamp(8, 40);
    let columns = [
        ("PART", Constraint::Length(12)),
        ("STATUS", Constraint::Length(10)),
        ("LATENCY", Constraint::Length(9)),
        ("TREND", Constraint::Length(trend_width)),
        ("DETAIL", Constraint::Fill(1)),
    ];
    let row = |at: usize| {
        let Some(part) = health.parts.get(at) else {
            return Vec::new();
        };
        let trend = match app.health.latencies.get(&part.name) {
            Some(trend) => sparkline(&trend.last_us(usize::from(trend_width))),
            None => String::new(),
        };
        vec![
            Span::styled(part.name.as_str(), theme.strong()),
            as_told(app, health_status(theme, part.status)),
            match part.latency_ms {
                Some(ms) => Span::raw(format!("{:>9}", latency(ms))),
                None => Span::styled("        –", theme.quiet()),
            },
            Span::styled(trend, theme.accent()),
            Span::raw(part.detail.as_deref().unwrap_or("")),
        ]
    };
    table(
        frame,
        area,
        theme,
        &columns,
        Rows {
            len: health.parts.len(),
            selected: Some(app.health.row),
            row,
        },
    );
}

/// The part under the cursor in full: its detail may be a sentence that says how to mend it.
fn draw_part(frame: &mut Frame<'_>, area: Rect, app: &App, part: &PartHealth) {
    let tone = match part.status {
        _ if !app.link.is_up() => Tone::Quiet,
        HealthStatus::Up => Tone::Quiet,
        HealthStatus::Degraded => Tone::Warn,
        HealthStatus::Down => Tone::Bad,
    };
    let detail = part.detail.as_deref().unwrap_or("no detail");
    let line = Line::from(vec![
        Span::styled(format!(" {}: ", part.name), app.theme.strong()),
        Span::styled(detail, app.theme.tone(tone)),
    ]);
    frame.render_widget(Paragraph::new(line).wrap(Wrap { trim: false }), area);
}

/// A state as it was when the server last answered, which while it is away says nothing of now.
fn as_told(app: &App, state: Span<'static>) -> Span<'static> {
    match app.link.is_up() {
        true => state,
        false => Span::styled(format!("was {}", state.content), app.theme.quiet()),
    }
}

fn latency(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 10_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.0} s", ms / 1000.0)
    }
}

const ROOM_FOR_TWO: u16 = 70;
/// The columns of a label in front of a value, and one of air.
const LABEL_ROOM: u16 = 14;
