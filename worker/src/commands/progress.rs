//! Progress bars on standard error; nothing is drawn where nobody looks.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many things.
pub(super) fn bar(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    // The template is a constant; a wrong one would leave the bar plain.
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_message(what)
}
