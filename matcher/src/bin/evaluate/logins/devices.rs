//! Made-up devices, whose browsers are updated.

use matcher::anomaly::random::Random;

use super::write::Row;

/// A device with one browser.
#[derive(Debug, Clone)]
pub struct Device {
    system: System,
    browser: Browser,
    /// Days that an update takes to come.
    lag_days: f64,
    /// Of its model, for phones.
    model: usize,
    /// The key of its browser, once it has one.
    pub key: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Windows,
    Mac,
    Linux,
    Android,
    Ios,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Browser {
    Chrome,
    Edge,
    Firefox,
    Safari,
    Samsung,
}

impl Device {
    pub fn computer(random: &mut Random) -> Self {
        let system = match random.unit() {
            u if u < 0.68 => System::Windows,
            u if u < 0.94 => System::Mac,
            _ => System::Linux,
        };
        let browser = match (system, random.unit()) {
            (System::Mac, u) if u < 0.45 => Browser::Safari,
            (System::Windows, u) if u < 0.25 => Browser::Edge,
            (_, u) if u > 0.85 => Browser::Firefox,
            _ => Browser::Chrome,
        };
        Self::new(system, browser, random)
    }

    pub fn phone(random: &mut Random) -> Self {
        match random.unit() {
            u if u < 0.45 => Self::new(System::Ios, Browser::Safari, random),
            u if u < 0.6 => Self::new(System::Android, Browser::Samsung, random),
            _ => Self::new(System::Android, Browser::Chrome, random),
        }
    }

    fn new(system: System, browser: Browser, random: &mut Random) -> Self {
        Self {
            system,
            browser,
            lag_days: random.exponential(6.0),
            model: random.below(25),
            key: None,
        }
    }

    pub fn is_phone(&self) -> bool {
        matches!(self.system, System::Android | System::Ios)
    }

    /// Writes what the device says of itself on a day.
    pub fn describe(&self, day: f64, row: &mut Row) {
        let age = (day - self.lag_days).max(0.0);
        let step = |every: f64| (age / every) as u32;
        let (system, system_text) = match self.system {
            System::Windows => (
                "Windows 10".to_owned(),
                "Windows NT 10.0; Win64; x64".to_owned(),
            ),
            System::Mac => {
                let minor = 15 + step(180.0);
                (
                    format!("Mac OS X 10.{minor}"),
                    format!("Macintosh; Intel Mac OS X 10_{minor}"),
                )
            }
            System::Linux => ("Linux".to_owned(), "X11; Linux x86_64".to_owned()),
            System::Android => {
                let version = 8 + self.model % 5;
                (
                    format!("Android {version}"),
                    format!("Linux; Android {version}; M{}", 100 + self.model),
                )
            }
            System::Ios => {
                let minor = step(45.0);
                (
                    format!("iOS 13.{minor}"),
                    format!("iPhone; CPU iPhone OS 13_{minor} like Mac OS X"),
                )
            }
        };
        let (name, version) = match self.browser {
            Browser::Chrome if self.is_phone() => {
                ("Chrome Mobile", format!("{}.0.3987", 80 + step(42.0)))
            }
            Browser::Chrome => ("Chrome", format!("{}.0.3987", 80 + step(42.0))),
            Browser::Edge => ("Edge", format!("{}.0.361", 80 + step(42.0))),
            Browser::Firefox => ("Firefox", format!("{}.0", 72 + step(28.0))),
            Browser::Safari if self.is_phone() => ("Safari Mobile", format!("13.{}", step(45.0))),
            Browser::Safari => ("Safari", format!("13.{}", step(60.0))),
            Browser::Samsung => ("Samsung Internet", format!("{}.1", 10 + step(90.0))),
        };
        row.agent = format!(
            "Mozilla/5.0 ({system_text}) {}/{version}",
            name.replace(' ', "")
        );
        row.browser = format!("{name} {version}");
        row.system = system;
        row.device = if self.is_phone() { "mobile" } else { "desktop" }.to_owned();
    }
}
