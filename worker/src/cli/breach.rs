//! `octroi breach` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What to do about a breach.
#[derive(Debug, Subcommand)]
pub enum BreachCommand {
    /// Enter a breach. Its clock starts when somebody became aware of it.
    Open {
        /// What to call it.
        #[arg(long)]
        title: String,
        /// What happened, as far as is known.
        #[arg(long)]
        nature: String,
        /// When somebody became aware of it, such as 2026-12-01T09:30:00Z; now when left out.
        #[arg(long, value_parser = instant)]
        detected_at: Option<OffsetDateTime>,
        /// Signals that are part of it, as `signals` numbers them.
        #[arg(long)]
        signal: Vec<i64>,
    },
    /// Write down what is known, from a TOML file, and count who is affected. As often as more is known.
    Assess {
        /// The breach's number.
        id: i64,
        /// The file: risk, data_categories, affected, records_count, consequences, measures, contact.
        file: PathBuf,
    },
    /// Write the report that Article 33 asks for.
    Report {
        /// The breach's number.
        id: i64,
        /// Its form.
        #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
        format: ReportFormat,
        /// Where to write it; standard output when left out. A file that is there stays as it is.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Record that the authority was told, or begin to tell the people affected.
    Notify(BreachNotify),
    /// End a breach whose duties are met; says which one is not.
    Close {
        /// The breach's number.
        id: i64,
        /// What came of it.
        #[arg(long)]
        note: String,
        /// Why the people affected were not told although the risk is high (Art. 34(3)).
        #[arg(long)]
        no_notice: Option<String>,
    },
    /// List breaches with the time that is left.
    List {
        /// Closed ones too.
        #[arg(long)]
        all: bool,
    },
    /// List what may be the sign of a breach.
    Signals {
        /// Those that were dealt with too.
        #[arg(long)]
        all: bool,
    },
    /// Dismiss signals.
    Dismiss {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
        /// Why they are none.
        #[arg(long)]
        reason: String,
    },
    /// Show the settings of clock and detection, and change those that are named, such as `breach_report_hours=96`.
    Settings {
        /// NAME=NUMBER
        #[arg(value_parser = setting)]
        change: Vec<(String, i64)>,
    },
}

/// Whom to tell of a breach.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["authority", "people"]))]
pub struct BreachNotify {
    /// The breach's number.
    pub id: i64,
    /// The authority that was told, such as CNIL.
    #[arg(long)]
    pub authority: Option<String>,
    /// How the authority calls the case.
    #[arg(long, requires = "authority")]
    pub reference: Option<String>,
    /// When it was told; now when left out.
    #[arg(long, requires = "authority", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
    /// Why it was told late, when it was.
    #[arg(long, requires = "authority")]
    pub delay_reason: Option<String>,
    /// The notice to the people affected, a TOML file with a table for each language.
    #[arg(long)]
    pub people: Option<PathBuf>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Markdown,
    /// For programs: the whole record.
    Json,
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "must be such as 2026-12-01T09:30:00Z".to_owned())
}

fn setting(text: &str) -> Result<(String, i64), String> {
    let pair = text.split_once('=').and_then(|(name, number)| Some((name.to_owned(), number.parse().ok()?)));
    pair.ok_or_else(|| "must be such as breach_report_hours=96".to_owned())
}
