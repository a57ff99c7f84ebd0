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

    /// A name that the system resolves to this machine and that is not `localhost`.
    fn own_name() -> Option<String> {
        let hosts = std::fs::read_to_string("/etc/hosts").ok()?;
        let mut names = hosts.lines().filter(|line| line.starts_with("127.")).flat_map(|line| {
            line.split('#').next().unwrap_or_default().split_whitespace().skip(1).map(str::to_owned)
        });
        names.find(|name| !name.starts_with("localhost"))
    }

    #[tokio::test]
    async fn the_client_asks_this_resolver() {
        // Most machines give themselves a name; on one that does not there is nothing to be refused.
        let Some(name) = own_name() else { return };
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{name}:{}/", server.local_addr().unwrap().port());
        let client = Outbound::default().http_client().build().unwrap();
        let refused = client.get(&url).send().await.unwrap_err();
        let mut causes = format!("{refused}");
        let mut cause = refused.source();
        while let Some(error) = cause {
            causes.push_str(&format!("; {error}"));
            cause = error.source();
        }
        assert!(causes.contains("this machine"), "{causes}");
        let dialled = tokio::time::timeout(std::time::Duration::from_millis(50), server.accept()).await;
        assert!(dialled.is_err(), "nobody is dialled before the address is judged");
    }
}
