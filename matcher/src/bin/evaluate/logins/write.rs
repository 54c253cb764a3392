//! Rows as the data set writes them.

use std::io::{self, Write};

/// One attempt.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub at_ms: i64,
    pub user: i64,
    pub trip_ms: Option<u32>,
    pub address: String,
    pub country: String,
    pub region: String,
    pub city: String,
    pub network: u32,
    pub agent: String,
    pub browser: String,
    pub system: String,
    pub device: String,
    pub successful: bool,
    pub attack_address: bool,
    pub takeover: bool,
    pub kind: &'static str,
    pub key: Option<u64>,
    /// The key was given at the end of this login.
    pub is_key_given: bool,
    /// Hold, flight, pointer, fill.
    pub timing: [f64; 4],
}

/// A file that is being written.
pub struct Sheet<W> {
    out: W,
    has_signals: bool,
    count: usize,
}

impl<W: Write> Sheet<W> {
    /// Writes the names of the columns.
    pub fn new(mut out: W, has_signals: bool) -> io::Result<Self> {
        write!(
            out,
            "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,\
             Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover,"
        )?;
        if has_signals {
            write!(
                out,
                "Device Key,Key Hold [ms],Key Flight [ms],Pointer Speed [px/s],Fill Time [ms],"
            )?;
        }
        writeln!(out, "Attack Kind")?;
        Ok(Self {
            out,
            has_signals,
            count: 0,
        })
    }

    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let truth = |b: bool| if b { "True" } else { "False" };
        let trip = row.trip_ms.map_or(String::new(), |t| t.to_string());
        write!(
            self.out,
            "{},{},{},{trip},{},{},{},{},{},\"{}\",{},{},{},{},{},{},",
            self.count,
            time(row.at_ms),
            row.user,
            row.address,
            row.country,
            row.region,
            row.city,
            row.network,
            row.agent.replace('"', "\"\""),
            row.browser,
            row.system,
            row.device,
            truth(row.successful),
            truth(row.attack_address),
            truth(row.takeover),
        )?;
        if self.has_signals {
            let mark = if row.is_key_given { "+" } else { "" };
            let key = row.key.map_or(String::new(), |k| format!("{mark}{k:x}"));
            let [hold, flight, pointer, fill] = row.timing;
            write!(
                self.out,
                "{key},{hold:.1},{flight:.1},{pointer:.0},{fill:.0},"
            )?;
        }
        self.count += 1;
        writeln!(self.out, "{}", row.kind)
    }

    pub fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The Gregorian date from days since 1970 (Hinnant 2013), and the clock.
fn time(at_ms: i64) -> String {
    let (days, of_day) = (at_ms.div_euclid(86_400_000), at_ms.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year + era * 400 + i64::from(month <= 2);
    let (s, ms) = (of_day / 1000, of_day % 1000);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{ms:03}",
        s / 3600,
        s / 60 % 60,
        s % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        assert_eq!(time(1_580_733_810_772), "2020-02-03 12:43:30.772");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00.000");
    }
}
