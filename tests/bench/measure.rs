//! What a run took, and the table of it.

use std::fs;
use std::time::Instant;

/// Seconds of one run.
#[derive(Clone, Copy)]
pub(crate) struct Seconds {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

/// CPU seconds of all finished children.
pub(crate) fn children_cpu_seconds() -> f64 {
    ticks([13, 14])
}

/// CPU seconds of this process without its children.
pub(crate) fn cpu_seconds() -> f64 {
    ticks([11, 12])
}

/// Two fields of `/proc/self/stat`, counted after the name, in ticks of a hundredth.
fn ticks(places: [usize; 2]) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u32 = places.iter().map(|place| fields[*place].parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

/// Does each in turn, so many times, and prints a row for each with its ratio to the last.
pub(crate) fn in_turn(title: &str, rounds: usize, subjects: &[(&str, &dyn Fn())]) {
    let cpu = || children_cpu_seconds() + cpu_seconds();
    let mut taken: Vec<Vec<Seconds>> = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds {
        for ((_, work), times) in subjects.iter().zip(&mut taken) {
            let (cpu_before, start) = (cpu(), Instant::now());
            work();
            times.push(Seconds {
                wall: start.elapsed().as_secs_f64(),
                cpu: cpu() - cpu_before,
            });
        }
    }
    let names: Vec<&str> = subjects.iter().map(|(name, _)| *name).collect();
    table(title, &names, &taken);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints a row for each subject with its ratio to the last, round by round.
pub(crate) fn table(title: &str, names: &[&str], taken: &[Vec<Seconds>]) {
    println!("\n### {title}\n");
    println!("| command | wall ms | cpu ms | wall ratio | cpu ratio |\n| --- | --- | --- | --- | --- |");
    let last = taken.last().unwrap().clone();
    for (name, times) in names.iter().zip(taken) {
        let of = |pick: fn(&Seconds) -> f64| median(times.iter().map(pick).collect());
        let ratio = |pick: fn(&Seconds) -> f64| {
            median(
                times
                    .iter()
                    .zip(&last)
                    .map(|(one, other)| pick(one) / pick(other).max(1e-9))
                    .collect(),
            )
        };
        println!(
            "| {name} | {:.2} | {:.2} | {:.3} | {:.3} |",
            of(|seconds| seconds.wall) * 1e3,
            of(|seconds| seconds.cpu) * 1e3,
            ratio(|seconds| seconds.wall),
            ratio(|seconds| seconds.cpu)
        );
    }
}
