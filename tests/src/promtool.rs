//! Prometheus' own judgement of the rules in `monitoring/`, over what a worker really tells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::client::Client;

/// Minutes for which the last scrape is seen again at the end.
const MINUTES_AFTER: usize = 40;

/// A file of this checkout.
pub fn file_of_checkout(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout").join(path)
}

/// Runs `promtool` in `monitoring/`.
pub fn promtool(arguments: &[&str]) -> Output {
    let script = file_of_checkout("stack/promtool.sh");
    let found = Command::new(&script).output().unwrap();
    assert!(found.status.success(), "{script:?}: {}", String::from_utf8_lossy(&found.stderr));
    let program = String::from_utf8(found.stdout).unwrap();
    Command::new(program.trim()).args(arguments).current_dir(file_of_checkout("monitoring")).output().unwrap()
}

/// What a worker told, a scrape a minute.
#[derive(Debug, Default)]
pub struct Scrapes {
    minutes: Vec<BTreeMap<String, String>>,
}

impl Scrapes {
    /// Reads `/metrics`, as Prometheus would in this minute; a worker that is gone leaves `up` at 0.
    pub async fn take(&mut self, worker: &Client) {
        let mut samples = BTreeMap::new();
        let answer = worker.request(http::Method::GET, "/metrics").send().await;
        let up = if answer.is_ok() { "1" } else { "0" };
        samples.insert("up{job=\"octroi\",instance=\"worker\"}".to_owned(), up.to_owned());
        if let Ok(answer) = answer {
            let text = answer.text().await.unwrap();
            for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                let (series, value) = line.rsplit_once(' ').expect("a sample");
                samples.insert(series.to_owned(), value.to_owned());
            }
        }
        self.minutes.push(samples);
    }

    /// The same minute again and again.
    pub fn hold(&mut self, minutes: usize) {
        let last = self.minutes.last().cloned().expect("a scrape");
        self.minutes.extend(std::iter::repeat_n(last, minutes));
    }

    /// The minute of the last scrape.
    pub fn now(&self) -> usize {
        self.minutes.len() - 1
    }

    /// Which alerts fire in this minute, as Prometheus finds it.
    pub fn firing(&self, minute: usize) -> BTreeSet<String> {
        let names: BTreeSet<&String> = self.minutes.iter().flat_map(BTreeMap::keys).collect();
        let rules = file_of_checkout("monitoring/alerts.yml");
        let mut test = format!(
            "rule_files: ['{}']\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n",
            rules.display()
        );
        for name in names {
            let values = self.minutes.iter().map(|samples| samples.get(name).map_or("_", String::as_str));
            let mut values: Vec<String> = values.map(str::to_owned).collect();
            if let Some(last) = values.last().filter(|last| *last != "_") {
                values.push(format!("{last}+0x{MINUTES_AFTER}"));
            }
            let name = name.replace('\'', "''");
            test += &format!("      - {{ series: '{name}', values: '{}' }}\n", values.join(" "));
        }
        test += &format!(
            "    promql_expr_test:\n      - expr: count by (alertname) (ALERTS{{alertstate=\"firing\"}})\n        \
             eval_time: {minute}m\n        exp_samples: []\n"
        );
        let file = std::env::temp_dir().join(format!("octroi-alerts-{}-{minute}.yml", uuid::Uuid::new_v4()));
        std::fs::write(&file, test).unwrap();
        let output = promtool(&["test", "rules", &file.display().to_string()]);
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() || said.contains("got:"), "{file:?}: {said}");
        std::fs::remove_file(file).unwrap();
        said.split("alertname=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect()
    }
}
