//! Reading plans.toml and prices.toml. Their content is judged by SQL alone.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Largest file of plans or prices, in bytes.
const BYTES_MAX: u64 = 1024 * 1024;

/// Why a file of plans or prices, or a map of prices, cannot be read.
#[derive(Debug, Error)]
pub enum PlanFileError {
    /// It cannot be opened or read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no such file by its size.
    #[error("{} is larger than {max_bytes} bytes", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The largest there may be.
        max_bytes: u64,
    },
    /// It is not TOML, or not JSON; the text names line and column.
    #[error("{}: {problem}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
}

/// The file's content as JSON, member by member.
pub(super) fn read(file: &Path) -> Result<serde_json::Value, PlanFileError> {
    let unreadable = |source| PlanFileError::Unreadable { file: file.to_owned(), source };
    if std::fs::metadata(file).map_err(unreadable)?.len() > BYTES_MAX {
        return Err(PlanFileError::TooLarge { file: file.to_owned(), max_bytes: BYTES_MAX });
    }
    parse(&std::fs::read_to_string(file).map_err(unreadable)?)
        .map_err(|problem| PlanFileError::Syntax { file: file.to_owned(), problem })
}

/// TOML as JSON, member by member.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str) -> Result<serde_json::Value, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_becomes_the_same_in_json() {
        let text =
            "[[plan]]\ncode = \"basic\"\nprice = { month = 900 }\n[[plan.limit]]\nmeter = \"tokens\"\n";
        let expected = json!({ "plan": [
            { "code": "basic", "price": { "month": 900 }, "limit": [{ "meter": "tokens" }] },
        ] });
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn a_slip_is_told_with_its_line_and_column() {
        let problem = parse("[[plan]]\ncode = basic\n").unwrap_err();
        assert!(problem.contains("line 2, column"), "{problem}");
        assert!(parse("code = 1\ncode = 2\n").unwrap_err().contains("line 2"));
    }
}
