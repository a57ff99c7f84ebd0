//! What `octroi doctor` says of the provider: whether it is reached, and whether it takes the operator's key.

use super::Finding;
use crate::config::{OpenAiConfig, Variables};
use crate::openai::{ProviderCheck, check_provider};

/// Asks it. Nothing when it is configured wrongly, which is said elsewhere.
pub(super) async fn finding(variables: &Variables) -> Option<Finding> {
    let config = OpenAiConfig::read(variables).ok()?;
    Some(told(check_provider(&config).await, &config.upstream_url))
}

fn told(check: ProviderCheck, url: &str) -> Finding {
    match check {
        ProviderCheck::Takes { models: Some(models) } => {
            Finding::Good(format!("the provider takes the key, and lists {models} models"))
        }
        ProviderCheck::Takes { models: None } => Finding::Warning(format!(
            "{url} answers, but not with a list of models: is OCTROI_UPSTREAM_URL the base of an OpenAI-compatible API?"
        )),
        ProviderCheck::Refuses { status, code } => {
            let code = code.map(|code| format!(", {code}")).unwrap_or_default();
            Finding::Fault(format!(
                "the provider refuses OPENAI_API_KEY (HTTP {status}{code}): no call can succeed; look at the key, its \
                 project and its billing"
            ))
        }
        ProviderCheck::ListsNothing { status } => Finding::Warning(format!(
            "{url}/models answers HTTP {status}, so the key was not tried: is OCTROI_UPSTREAM_URL right?"
        )),
        ProviderCheck::Unreachable { stage } => Finding::Fault(format!(
            "the provider cannot be reached at {url}: {stage}; look at OCTROI_UPSTREAM_URL, the network and DNS"
        )),
    }
}
