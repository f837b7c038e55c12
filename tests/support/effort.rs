//! How much is tried: a sample in a plain run, all of it where `BACKSTAY_TESTS_LONG` is set (`tests/run --long`).

use proptest::test_runner::{Config, RngSeed};

/// So many times the random cases of a plain run.
const LONG: u32 = 20;
/// A plain run takes one of so many boundaries. Odd, so that it takes from each pair of before and after.
const ONE_OF: usize = 3;

/// The first seed of a plain run.
const PLAIN_SEED: u64 = 1_000_000;

fn is_long() -> bool {
    std::env::var_os("BACKSTAY_TESTS_LONG").is_some()
}

/// The settings of a property that is tried on so many cases in a plain run. A failure prints, with its output, the
/// command that makes the same cases again.
pub(crate) fn cases(plain: u32) -> Config {
    Config {
        cases: if is_long() { plain * LONG } else { plain },
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed(random_seed)),
        ..Config::default()
    }
}

/// The first seed of a property that makes its cases itself, and how many there are. A plain run tries the same ones
/// each time: it is no place to find something new.
pub(crate) fn seeds(plain: usize, long: usize) -> (u64, usize) {
    if is_long() {
        (seed(random_seed), long)
    } else {
        (seed(|| PLAIN_SEED), plain)
    }
}

#[expect(clippy::print_stdout, reason = "the test program shows it where the test fails")]
fn seed(default: impl FnOnce() -> u64) -> u64 {
    let given = std::env::var("PROPTEST_RNG_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(default);
    let long = if is_long() { "BACKSTAY_TESTS_LONG=1 " } else { "" };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    println!(
        "The same cases again: {long}PROPTEST_RNG_SEED={seed} cargo test -p backstay --test all -- --exact {test}"
    );
    seed
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

/// What of many boundaries is tried.
pub(crate) fn some<T>(all: Vec<T>) -> Vec<T> {
    let step = if is_long() { 1 } else { ONE_OF };
    all.into_iter().step_by(step).collect()
}
