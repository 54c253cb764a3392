//! What every screen has around it: header, rule, status line, footer.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use wire::{HealthStatus, SubjectStatus};

use super::policy;
use super::widgets::{fit, width};
use crate::app::{App, Link, Tab};
use crate::keys::{self, Act, Binding, Scope};
use crate::theme::Tone;
use crate::when;

/// The tabs, and who we are.
pub(super) fn header(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let theme = app.theme;
    let is_wide = area.width >= ROOM_FOR_NAMES;
    let names: usize = Tab::ALL.iter().map(|tab| width(tab.title()) + 4).sum();
    let (sign, tone) = link_sign(app);
    // The sign, and air on both sides.
    let sign_room = width(sign) + 2;
    let role = app.operator.as_ref().map(|operator| operator.role);
    let role_room = role.map_or(0, |role| width(role.as_str()) + 1);
    let has_room_beside = |front: &str, role: usize| {
        width(front) + names + role + sign_room <= usize::from(area.width)
    };
    // The role is worth more than the product's name.
    let is_named = has_room_beside(BRAND, role_room) || !has_room_beside(" ", 0);
    let brand = if is_wide && is_named { BRAND } else { " " };
    let mut spans = vec![Span::styled(
        brand,
        theme.accent().add_modifier(Modifier::BOLD),
    )];
    let has_room = has_room_beside(brand, 0);
    for (at, tab) in Tab::ALL.into_iter().enumerate() {
        let title = match has_room || tab == app.tab {
            true => tab.title(),
            // The open one says where we are; the others keep their numbers.
            false => "",
        };
        let style = if tab == app.tab {
            theme.tab()
        } else {
            Style::new()
        };
        spans.push(Span::styled(format!("[{}]{title}", at + 1), style));
        spans.push(Span::raw(" "));
    }
    let left = Line::from(spans);
    let used = u16::try_from(left.width()).unwrap_or(area.width);
    frame.render_widget(left, area);

    let room = usize::from(area.width.saturating_sub(used));
    let mut who = match (&app.operator, is_wide) {
        (Some(operator), true) => format!("{} · {} ", operator.name, operator.role),
        (Some(_), false) | (None, _) => String::new(),
    };
    if width(&who) + sign_room > room {
        who = role.map(|role| format!("{role} ")).unwrap_or_default();
    }
    if width(&who) + sign_room > room {
        who.clear();
    }
    let right = Line::from(vec![
        Span::raw(who),
        Span::styled(sign, theme.tone(tone)),
        Span::raw(" "),
    ]);
    frame.render_widget(Paragraph::new(right).alignment(Alignment::Right), area);
}

/// Where we are, and on which server.
pub(super) fn rule(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let theme = app.theme;
    frame.render_widget(
        Span::styled("─".repeat(usize::from(area.width)), theme.frame()),
        area,
    );
    let server = format!(" {} ", app.server);
    let trail = format!(" {} ", trail(app));
    let room = usize::from(area.width.saturating_sub(4));
    let trail = fit(&trail, room);
    let rest = room.saturating_sub(width(&trail));
    let mut place = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    frame.render_widget(Line::styled(trail, theme.strong()), place);
    if width(&server) < rest {
        place.width -= 1;
        let line = Line::styled(server, theme.quiet());
        frame.render_widget(Paragraph::new(line).alignment(Alignment::Right), place);
    }
}

/// What there is to say: trouble first.
pub(super) fn status(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let theme = app.theme;
    let (text, tone) = match (&app.link, &app.notice) {
        (
            Link::Away {
                reason,
                tries,
                retry_at,
            },
            _,
        ) => (away(app, reason, *tries, *retry_at), Tone::Bad),
        (Link::SignedOut { .. }, _) => ("signed out".to_owned(), Tone::Bad),
        (Link::Connecting | Link::Up, Some(notice)) => (notice.text.clone(), notice.tone),
        (Link::Connecting | Link::Up, None) => return idle_status(frame, area, app),
    };
    let sign = match tone {
        Tone::Good => "✓",
        Tone::Warn => "!",
        Tone::Bad => "✗",
        Tone::Plain | Tone::Quiet => "·",
    };
    let text = fit(&format!(" {sign} {text}"), usize::from(area.width));
    frame.render_widget(Line::styled(text, theme.tone(tone)), area);
}

/// The keys that mean something now, the narrowest scope first; what the role does not allow stands in the help alone.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let scopes = app.scopes();
    let mut room = usize::from(area.width).saturating_sub(1);
    let mut spans = vec![Span::raw(" ")];
    let help = keys::bindings(Scope::Everywhere)
        .find(|binding| binding.act == Act::Help)
        .filter(|_| scopes.contains(&Scope::Everywhere));
    if let Some(binding) = help {
        room = room.saturating_sub(hint_width(app, binding));
    }
    let shown = scopes
        .iter()
        .flat_map(|scope| keys::bindings(*scope))
        .filter(|binding| !binding.short.is_empty() && binding.act != Act::Help)
        .filter(|binding| binding.act.needs().is_none_or(|action| app.may(action)));
    for binding in shown {
        let needed = hint_width(app, binding);
        if needed > room {
            break;
        }
        room -= needed;
        spans.extend(hint(app, binding));
    }
    if let Some(binding) = help {
        spans.extend(hint(app, binding));
    }
    frame.render_widget(Line::from(spans), area);
}

/// A sign that turns while something is awaited.
pub(super) fn spinner(ticks: u64) -> &'static str {
    const TURNS: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
    usize::try_from(ticks % 10)
        .ok()
        .and_then(|turn| TURNS.get(turn))
        .copied()
        .unwrap_or("·")
}

fn hint(app: &App, binding: &Binding) -> [Span<'static>; 3] {
    [
        Span::styled(first_key(binding), app.theme.key()),
        Span::raw(format!(" {}", short(app, binding))),
        Span::raw("  "),
    ]
}

fn hint_width(app: &App, binding: &Binding) -> usize {
    width(&first_key(binding)) + 1 + width(short(app, binding)) + 2
}

fn first_key(binding: &Binding) -> String {
    binding
        .keys
        .first()
        .map(|key| key.label())
        .unwrap_or_default()
}

/// The word for what the key would do now.
fn short(app: &App, binding: &Binding) -> &'static str {
    let is_suspended = || {
        let target = app.subjects.target();
        target.is_some_and(|subject| subject.status == SubjectStatus::Suspended)
    };
    match binding.act {
        Act::SuspendOrActivate if is_suspended() => "activate",
        Act::Pause if app.audit.is_paused => "follow",
        Act::ProblemsOnly if app.audit.problems_only => "all",
        _ => binding.short,
    }
}

fn trail(app: &App) -> String {
    let tab = app.tab.title();
    if let Some(form) = &app.form {
        return format!("{tab} › {}", form.title());
    }
    let open = match app.tab {
        Tab::Subjects => app.subjects.open.as_ref().map(|view| view.username.clone()),
        Tab::Clients => app.clients.open.as_ref().map(|view| view.name.clone()),
        Tab::Policy => policy::trail(app),
        Tab::Audit | Tab::Health | Tab::Duplicates => None,
    };
    match open {
        Some(name) => format!("{tab} › {name}"),
        None => tab.to_owned(),
    }
}

fn link_sign(app: &App) -> (&'static str, Tone) {
    match &app.link {
        Link::Connecting => (spinner(app.ticks), Tone::Plain),
        Link::Up if app.is_busy() => (spinner(app.ticks), Tone::Plain),
        Link::Up => match app.health.health.as_ref().map(|health| health.status) {
            Some(HealthStatus::Up) | None => ("●", Tone::Good),
            Some(HealthStatus::Degraded) => ("◐", Tone::Warn),
            Some(HealthStatus::Down) => ("✗", Tone::Bad),
        },
        Link::Away { .. } => ("✗ away", Tone::Bad),
        Link::SignedOut { .. } => ("✗ signed out", Tone::Bad),
    }
}

fn away(app: &App, reason: &str, tries: u32, retry_at: Option<time::OffsetDateTime>) -> String {
    let next = match retry_at {
        Some(at) => format!("again {}, r now", when::until(app.now, at)),
        None => format!("{} trying", spinner(app.ticks)),
    };
    let next = next.replace("again over", "again now");
    format!("server away · try {tries} failed · {next} · {reason}")
}

/// With nothing to say: whether the token will soon end.
fn idle_status(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let Some(operator) = &app.operator else {
        return;
    };
    if operator.expires_at - app.now < time::Duration::hours(1) {
        let text = format!(
            " ! the operator token ends {}",
            when::until(app.now, operator.expires_at)
        );
        frame.render_widget(Line::styled(text, app.theme.tone(Tone::Warn)), area);
    }
}

const BRAND: &str = " whorl  ";
/// The columns from which on there is room for the product's and the operator's name.
const ROOM_FOR_NAMES: u16 = 68;
