//! `octroi-sim openai`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use octroi_sim::openai::{BenchOptions, Options, Settings, spawn, spawn_bench};

use super::{Failure, announce, ends};

#[derive(Args)]
pub struct OpenaiArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The only key to accept; without it every caller is accepted
    #[arg(long)]
    api_key: Option<String>,
    /// A file to write the URL to once the server listens
    #[arg(long)]
    url_file: Option<PathBuf>,
    /// Milliseconds before the first token
    #[arg(long, default_value_t = 0)]
    first_token_delay_ms: u64,
    /// Milliseconds between two chunks of a stream
    #[arg(long, default_value_t = 0)]
    chunk_delay_ms: u64,
    /// Answer with ready-made bodies at the least cost, for the benchmark
    #[arg(long)]
    pub bench: bool,
    /// The input that each ready-made answer reports, in tokens
    #[arg(long, default_value_t = 8, requires = "bench")]
    bench_input_tokens: u64,
    /// The output that each ready-made answer reports and, streamed, its deltas
    #[arg(long, default_value_t = 64, requires = "bench")]
    bench_output_tokens: u64,
}

impl OpenaiArgs {
    /// Runs until told to end.
    pub async fn run(self) -> Result<(), Failure> {
        let ends = ends()?;
        if self.bench {
            let handle = spawn_bench(BenchOptions {
                listen: self.listen,
                input_tokens: self.bench_input_tokens,
                output_tokens: self.bench_output_tokens,
                first_token_delay: Duration::from_millis(self.first_token_delay_ms),
                chunk_delay: Duration::from_millis(self.chunk_delay_ms),
            })
            .await?;
            announce(handle.base_url.trim_end_matches("/v1"), self.url_file.as_deref())?;
            ends.await;
            return Ok(());
        }
        let settings = Settings {
            first_token_delay_ms: self.first_token_delay_ms,
            chunk_delay_ms: self.chunk_delay_ms,
            ..Settings::default()
        };
        let options = Options { listen: self.listen, api_key: self.api_key, settings };
        let handle = spawn(options).await?;
        announce(&handle.url, self.url_file.as_deref())?;
        ends.await;
        Ok(())
    }
}
