//! Which sites' pages may call the gateway from a browser.

use std::borrow::Borrow;
use std::collections::HashSet;

use reqwest::Url;

use super::{ConfigError, Variables};

const ALLOWED_ORIGINS: &str = "OCTROI_ALLOWED_ORIGINS";
const ALLOWED_ORIGINS_MAX: usize = 100;

/// Scheme, host and port of a site, as a browser writes them in `Origin`: `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin of an `http` or `https` URL, in a browser's spelling: lower case, without the scheme's own port.
    pub fn of_url(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let origin = url.origin();
        origin.is_tuple().then(|| Self(origin.ascii_serialization()))
    }
}

/// The origin as it stands in a request's `Origin`.
impl Borrow<str> for Origin {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Whose pages are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Those that the billing settings name; the operator said nothing else.
    OfBillingSettings,
    /// These and no others; none, if it is empty.
    Listed(HashSet<Origin>),
    /// Every page there is.
    Every,
}

/// Reads `OCTROI_ALLOWED_ORIGINS`: origins separated by commas, `*`, or `none`.
pub(super) fn read(variables: &Variables) -> Result<AllowedOrigins, ConfigError> {
    let listed = match variables.optional(ALLOWED_ORIGINS).map(str::trim) {
        None => return Ok(AllowedOrigins::OfBillingSettings),
        Some("*") => return Ok(AllowedOrigins::Every),
        Some("none") => return Ok(AllowedOrigins::Listed(HashSet::new())),
        Some(listed) => listed,
    };
    let invalid = |problem: String| ConfigError::Invalid { variable: ALLOWED_ORIGINS, problem };
    let origins = listed.split(',').map(str::trim).filter(|text| !text.is_empty()).map(|text| {
        // A path would be ignored, and its author would believe that it narrows something; a "*" within a name would
        // match no origin, and its author would believe that it widens something.
        let is_bare = Url::parse(text).is_ok_and(|url| url.path() == "/" && !text.ends_with('/'));
        let bare = Origin::of_url(text).filter(|_| is_bare && !text.contains(['@', '?', '#', '*']));
        bare.ok_or_else(|| {
            invalid(format!(
                "names {text:?}, which is no origin: write scheme, host and port such as https://app.example.com, \
                 separated by commas, or * or none"
            ))
        })
    });
    let origins = origins.collect::<Result<HashSet<Origin>, ConfigError>>()?;
    if origins.is_empty() || origins.len() > ALLOWED_ORIGINS_MAX {
        return Err(invalid(format!("must name 1 to {ALLOWED_ORIGINS_MAX} origins, or be * or none")));
    }
    Ok(AllowedOrigins::Listed(origins))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(value: &str) -> Result<AllowedOrigins, ConfigError> {
        read(&[(ALLOWED_ORIGINS.to_owned(), value.to_owned())].into_iter().collect())
    }

    #[test]
    fn without_a_word_the_sites_of_the_billing_settings_are_let_in() {
        assert_eq!(read(&Variables::default()), Ok(AllowedOrigins::OfBillingSettings));
        assert_eq!(read_from(""), Ok(AllowedOrigins::OfBillingSettings));
    }

    #[test]
    fn a_listed_site_is_known_as_browsers_spell_it() {
        let Ok(AllowedOrigins::Listed(origins)) =
            read_from("https://App.Example.com:443, http://localhost:3000,https://bücher.example")
        else {
            panic!("these are origins");
        };
        let mut origins: Vec<&str> = origins.iter().map(Borrow::borrow).collect();
        origins.sort_unstable();
        assert_eq!(
            origins,
            ["http://localhost:3000", "https://app.example.com", "https://xn--bcher-kva.example"]
        );
    }

    #[test]
    fn every_site_and_none_are_said_by_name() {
        assert_eq!(read_from("*"), Ok(AllowedOrigins::Every));
        assert_eq!(read_from("none"), Ok(AllowedOrigins::Listed(HashSet::new())));
    }

    #[test]
    fn what_is_no_origin_is_named_and_said_what_one_is() {
        for value in [
            "app.example.com",
            "https://app.example.com/path",
            "https://app.example.com/",
            "https://*.example.com",
            "https://user@app.example.com",
            "https://app.example.com?x",
            "file:///tmp",
            "null",
            "https://app.example.com,*",
            ",",
        ] {
            let message = read_from(value).unwrap_err().to_string();
            assert!(message.starts_with(ALLOWED_ORIGINS), "{value}: {message}");
            assert!(message.contains("* or none"), "{value}: {message}");
        }
    }
}
