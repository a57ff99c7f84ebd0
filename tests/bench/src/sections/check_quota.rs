//! `octroi.check_quota` beside `select 1`: what a front end pays to ask before it calls.

use anyhow::Result;

use crate::figure::{Figure, Target};
use crate::pgbench::{self, CHECK_QUOTA, SELECT_ONE};
use crate::rig::Rig;
use crate::window::Series;

/// Clients at once.
const CLIENTS: [u32; 2] = [1, 8];
/// Of the rate of `select 1`.
const RATIO_MIN: f64 = 0.6;

/// Measures it.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for clients in CLIENTS {
        Rig::say(&format!("check_quota and select 1, {}", in_clients(clients)));
        let (mut ours, mut line) = (Series::default(), Series::default());
        for _ in 0..rig.scale.rounds {
            line.push(pgbench::measure(rig, SELECT_ONE, clients, 1).await?);
            ours.push(pgbench::measure(rig, CHECK_QUOTA, clients, 1).await?);
        }
        let steal = ours.steal_percent().max(line.steal_percent());
        figures.push(
            Figure::new(
                format!("check_quota vs SELECT 1, {}", in_clients(clients)),
                "calls/s",
                ours.rate(),
                Some(line.rate()),
                Target::RatioAtLeast(RATIO_MIN),
            )
            .with_cost((ours.cpu_us(), line.cpu_us()), steal),
        );
    }
    Ok(figures)
}

/// `1 client`, `8 clients`.
pub fn in_clients(clients: u32) -> String {
    format!("{clients} client{}", if clients == 1 { "" } else { "s" })
}
