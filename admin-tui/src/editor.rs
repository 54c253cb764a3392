//! The operator's own editor over a text: `$VISUAL`, `$EDITOR`, or vi, as other tools have it.

use std::io::{Read, Seek, SeekFrom, Write};
use std::process::Command;

/// Why a text was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditorError {
    /// The file for it cannot be made or read.
    #[error("the file for the editor cannot be used: {0}")]
    File(#[from] std::io::Error),
    /// It did not start, or ended with a failure.
    #[error("{0} failed: nothing is taken; $VISUAL or $EDITOR names another editor")]
    Failed(String),
    /// It left what is not text.
    #[error("the editor left what is not UTF-8")]
    NotText,
}

/// Lets the operator edit a text in a file that only they can read; waits for the editor's end.
///
/// # Errors
/// Where the editor does not start or fails.
pub fn edit(text: &str) -> Result<String, EditorError> {
    let named = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    let editor = named("VISUAL").or_else(|| named("EDITOR"));
    edit_with(&editor.unwrap_or_else(|| "vi".to_owned()), text)
}

fn edit_with(editor: &str, text: &str) -> Result<String, EditorError> {
    // tempfile gives it to its owner alone.
    let mut file = tempfile::Builder::new()
        .prefix("whorl-policy-")
        .suffix(".toml")
        .tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    // The variable may hold arguments, as with `code --wait`.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(EditorError::Failed(editor.to_owned()));
    }
    let mut left = Vec::new();
    // Many editors put another file in the place of the one they were given.
    let read = std::fs::File::open(file.path());
    match read {
        Ok(mut other) => other.read_to_end(&mut left)?,
        Err(_) => {
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut left)?
        }
    };
    String::from_utf8(left).map_err(|_| EditorError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_editor_leaves_is_taken_and_a_failure_is_told() {
        let edited = edit_with("sed -i s/one/two/", "one\n").expect("edited");
        assert_eq!(edited, "two\n");
        assert_eq!(edit_with("true", "same").expect("edited"), "same");
        assert!(matches!(
            edit_with("false", ""),
            Err(EditorError::Failed(_))
        ));
        let missing = edit_with("/nonexistent/editor", "");
        assert!(matches!(missing, Err(EditorError::Failed(_))));
    }
}
