//! A QR code as the path of an SVG picture, so that a template needs no trusted markup.

use qrcode::{Color, EcLevel};
use thiserror::Error;

/// A QR code: the side of its square in modules, margin included, and the outline of the dark modules.
#[derive(Clone, Debug)]
pub struct QrCode {
    pub(super) side: usize,
    pub(super) path: String,
}

/// The text does not fit a QR code.
#[derive(Debug, Error)]
#[error("the text is too long for a QR code")]
pub struct QrTooLong;

impl QrCode {
    /// Draws `text`, for example an `otpauth:` address.
    ///
    /// # Errors
    /// [`QrTooLong`] where the text exceeds what a QR code holds (about 2,300 bytes).
    pub fn of(text: &str) -> Result<Self, QrTooLong> {
        let code =
            qrcode::QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrTooLong)?;
        let width = code.width();
        let modules = code.to_colors();
        let mut path = String::new();
        for (y, row) in modules.chunks(width).enumerate() {
            // One rectangle a run of dark modules: fewer nodes, and no hairlines between neighbours.
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                let length = run.len();
                if run.first() == Some(&Color::Dark) {
                    path.push_str(&format!(
                        "M{} {}h{length}v1h-{length}z",
                        x + MARGIN,
                        y + MARGIN
                    ));
                }
                x += length;
            }
        }
        Ok(Self {
            side: width + 2 * MARGIN,
            path,
        })
    }

    /// A picture by itself.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let Self { side, path } = self;
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}"/></svg>"##
        )
    }
}

/// The quiet zone in modules, ISO/IEC 18004 §6.3.8.
const MARGIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finder_pattern_starts_after_the_quiet_zone() {
        let code = QrCode::of("otpauth://totp/Whorl:alice?secret=JBSWY3DP").expect("fits");
        assert!(code.path.starts_with("M4 4h7v1h-7z"), "{}", code.path);
        assert_eq!(
            (code.side - 8 - 17) % 4,
            0,
            "the side is that of a QR version"
        );
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert!(QrCode::of(&"x".repeat(4000)).is_err());
    }
}
