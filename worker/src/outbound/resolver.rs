//! Name resolution of HTTP clients: what leads inside is not found.

use std::error::Error;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Outbound;

impl Resolve for Outbound {
    fn resolve(&self, name: Name) -> Resolving {
        let outbound = self.clone();
        Box::pin(async move {
            // The port is the URL's; here it only completes the address.
            let found: Result<Addrs, Box<dyn Error + Send + Sync>> =
                match Outbound::resolve(&outbound, name.as_str(), 0).await {
                    Ok(found) => Ok(Box::new(found.into_iter())),
                    Err(error) => Err(error.into()),
                };
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_resolved() {
        let outbound = Outbound::default();
        // Names that every system resolves to itself, and one that lies.
        assert!(outbound.resolve("localhost", 80).await.is_ok());
        let lies = vec!["8.8.8.8:443".parse().unwrap(), "169.254.169.254:443".parse().unwrap()];
        let error = outbound.judge_all("api.example.com", lies).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        let rebound = vec!["127.0.0.1:443".parse().unwrap()];
        assert!(outbound.judge_all("api.example.com", rebound.clone()).is_err());
        assert!(outbound.judge_all("localhost", rebound).is_ok());
        assert!(outbound.judge_all("api.example.com", Vec::new()).is_err(), "no address is none");
    }

    #[tokio::test]
    async fn the_client_asks_this_resolver() {
        // A literal address of this machine under a name of somebody else's: only a resolver can tell.
        let client = Outbound::default().http_client().build().unwrap();
        let error = client.get("http://nothing.invalid/").send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
}
