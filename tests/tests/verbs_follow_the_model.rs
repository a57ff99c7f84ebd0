//! Random histories of an account, told to the verbs and to a plain model of them: verdicts, balances and outcomes
//! agree after every step. Each history runs in two accounts, once call by call and once in batches.

mod history;

use history::{Op, World};
use octroi_tests::seed::seed;
use octroi_tests::stage::play;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use time::macros::datetime;

use octroi_tests::model::Ask;

/// Histories told unless `PROPTEST_CASES` says otherwise, and the most steps in one.
const CASES: u32 = 40;
const MAX_OPS: usize = 40;

fn asks() -> impl Strategy<Value = Ask> {
    let tokens = prop_oneof![Just(0_i64), 1..40_i64, 1..400_i64];
    let output = prop::option::weighted(0.8, tokens.clone());
    let idempotency = prop::option::weighted(0.25, (0..4_u8, 0..2_u8));
    (0..2_usize, any::<bool>(), 0..2_usize, tokens, output, 1..4_i64, idempotency).prop_map(
        |(user, keyed, model, input_tokens, output_tokens, choices, idempotency)| Ask {
            user,
            key: keyed.then_some(user),
            model,
            input_tokens,
            output_tokens,
            choices,
            idempotency,
        },
    )
}

fn ops() -> impl Strategy<Value = Op> {
    let pick = any::<prop::sample::Index>;
    let report = prop::option::weighted(0.9, (0..300_i64, 0..300_i64));
    prop_oneof![
        8 => vec(asks(), 1..6).prop_map(Op::Reserve),
        8 => vec((pick(), report), 1..6).prop_map(Op::Settle),
        3 => vec(pick(), 1..4).prop_map(Op::Release),
        2 => (0..2_usize, 0..200_i64, 0..200_i64).prop_map(|(user, input, output)| Op::Record { user, input, output }),
        2 => (0..3_usize, 1..400_i64, prop::option::of(1..200_i64))
            .prop_map(|(kind, amount, hours)| Op::Grant { kind, amount, hours }),
        1 => (0..3_usize).prop_map(Op::Plan),
        2 => (0..6_usize, prop::option::weighted(0.8, 0..900_i64)).prop_map(|(budget, amount)| Op::Budget { budget, amount }),
        2 => prop_oneof![1..5_i64, 5..40_i64, 100..400_i64].prop_map(|hours| Op::Pass { hours }),
        2 => Just(Op::Sweep),
    ]
}

async fn tell(history: Vec<Op>) {
    play(async |stage| {
        stage.travel_to(datetime!(2027-02-01 12:00 UTC)).await;
        let mut worlds = [World::new(stage, false).await, World::new(stage, true).await];
        for world in &mut worlds {
            world.wait_until_half_past().await;
        }
        for op in &history {
            for world in &mut worlds {
                world.apply(op).await;
                world.assert_balances().await;
            }
        }
        for world in &mut worlds {
            world.apply(&Op::Sweep).await;
        }
    })
    .await;
}

#[test]
fn random_histories_agree_with_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let usual = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { CASES };
    let config = Config { cases, max_shrink_iters: 60, failure_persistence: None, ..usual };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let told = runner.run(&vec(ops(), 1..MAX_OPS), |history| {
        runtime.block_on(tell(history));
        Ok(())
    });
    if let Err(failure) = told {
        panic!("{failure}");
    }
}
