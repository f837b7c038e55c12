//! Proofs and the simulated world say the same of random runbooks.
//!
//! A runbook is made right in its parts, broken at some places, checked, and then everything that may go wrong in
//! it goes wrong in the simulated world. Where a run ends badly or breaks a rule, a proof has to say so (else it
//! is *unsound*); where a proof says so, some run has to (else it is a *false alarm*).

mod book;
mod explore;
mod generate;
mod mutate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use backstay::action::{Registry, without_engine};
use backstay::eval::Places;
use backstay::plan::{Parts, Plan};
use backstay::rehearse::Rehearsal;
use backstay::value::Value;
use backstay_dsl::compile::{Outcome, compile};
use backstay_dsl::diagnostic::{Diagnostic, Severity};

use crate::language::markdown::{Block, blocks};
use crate::support::effort;
use crate::support::texts::Beside;

use crate::support::chance::Chance;
use book::Book;
use explore::{END, HELD, Seen, UNSERVED};
use generate::Generator;

static REGISTRY: LazyLock<Registry> = LazyLock::new(without_engine);

/// What a proof over all ways finds.
const FLOW: [&str; 16] = [
    "backup-misses-state",
    "backup-not-cold",
    "backup-too-late",
    "backup-unproven",
    "cutover-unvalidated",
    "hold-in-backup",
    "mixed-releases",
    "no-way-back",
    "not-serving",
    "order-unsafe",
    "rollback-incomplete",
    "state-left-behind",
    "too-many-paths",
    "undo-not-repeatable",
    "writes-at-risk",
    "writes-lost",
];

/// Where a way back does not come to where the run began.
const OF_END: [&str; 3] = ["no-way-back", "rollback-incomplete", "undo-not-repeatable"];

/// So many runs of one runbook at most.
const RUNS_MAX: usize = 400;
/// So many, chosen by chance, where the proofs find nothing.
const RUNS_SAMPLED: usize = 12;

/// At most one of so many runbooks is refused though every run ends well, or for another rule than the one that is
/// broken.
const FALSE_ALARMS_ONE_OF: usize = 100;

/// A runbook that was checked, and how it may be rehearsed: once for each combination of its inputs.
struct Checked {
    findings: Vec<Diagnostic>,
    rehearsals: Vec<Rehearsal>,
}

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Disagreement {
    /// The world shows this, and no proof tells it.
    Unsound(String),
    /// The proofs tell this, and nothing is wrong in any run.
    FalseAlarm(&'static str),
    /// Something else is wrong, not this.
    OtherRule(&'static str),
}

impl Checked {
    /// `None` where it is no runbook, or is refused for what no proof over its ways says.
    fn of(book: &Book) -> Option<Self> {
        Self::of_text(&book.text(), &book.inputs)
    }

    /// `inputs`: the names of those that are yes or no.
    fn of_text(text: &str, inputs: &[String]) -> Option<Self> {
        let compiled = compile("random.runbook", text, &Beside::default(), REGISTRY.catalogue());
        let (Outcome::Whole(runbook) | Outcome::Partial(runbook)) = compiled.outcome else {
            return None;
        };
        let findings = compiled.diagnostics.into_iter();
        let findings: Vec<Diagnostic> = findings.filter(|found| found.severity == Severity::Error).collect();
        if findings.iter().any(|found| !FLOW.contains(&found.slug)) {
            return None;
        }
        let places = Places {
            working_directory: PathBuf::from("/work"),
            home: Some(PathBuf::from("/home/op")),
        };
        let combinations = 0..1_u32 << inputs.len();
        let plans = combinations.map(|bits| {
            let inputs = inputs.iter().enumerate();
            let mut inputs: BTreeMap<String, Value> = inputs
                .map(|(place, name)| (name.clone(), Value::Bool(bits >> place & 1 == 0)))
                .collect();
            let hosts = runbook.hosts.iter();
            inputs.extend(hosts.map(|host| (host.clone(), Value::Host(format!("{host}.example")))));
            let parts = Parts {
                runbook: Arc::clone(&runbook),
                sources: &compiled.sources,
                catalogue: REGISTRY.catalogue(),
                times: compiled.times.clone(),
                inputs,
                places: &places,
            };
            Plan::new(parts).ok()
        });
        let rehearsals = plans.map(|plan| Some(Rehearsal::new(Arc::new(plan?), REGISTRY.clone(), None)));
        Some(Self {
            findings,
            rehearsals: rehearsals.collect::<Option<_>>()?,
        })
    }

    /// Some of what can happen, chosen by chance; all of it where the proofs find something, until it is seen.
    fn explored(&self, seed: u64) -> Seen {
        let sampled = (RUNS_SAMPLED / self.rehearsals.len()).max(1);
        let mut world = Seen::new();
        for rehearsal in &self.rehearsals {
            let is_enough = |seen: &Seen| !self.findings.is_empty() && self.are_all_seen(seen);
            let most = if self.findings.is_empty() { sampled } else { RUNS_MAX };
            world.explore(rehearsal, (most, Some(Chance::new(seed))), &is_enough);
        }
        world.conclude();
        if self.findings.is_empty() && !self.disagreements(&world).is_empty() {
            return self.explored_whole();
        }
        world
    }

    fn explored_whole(&self) -> Seen {
        let mut world = Seen::new();
        for rehearsal in &self.rehearsals {
            world.explore(rehearsal, (RUNS_MAX, None), &|_| false);
        }
        world.conclude();
        world
    }

    fn are_all_seen(&self, seen: &Seen) -> bool {
        let mut told = self.findings.iter().filter(|found| !is_apart(found));
        told.all(|found| is_seen(found.slug, seen))
    }

    fn disagreements(&self, seen: &Seen) -> BTreeSet<Disagreement> {
        let told: BTreeSet<&'static str> = self.findings.iter().map(|found| found.slug).collect();
        let mut found = BTreeSet::new();
        if told.contains("too-many-paths") {
            return found;
        }
        for (kind, _) in seen.wrong.iter().filter(|(_, wrong)| wrong.is_first) {
            let is_told = match kind.as_str() {
                END => OF_END.iter().any(|slug| told.contains(slug)),
                HELD => !told.is_empty(),
                slug => told.contains(slug),
            };
            // What follows from a rule that is broken is told when that is mended.
            let is_explained = told.iter().any(|slug| !OF_END.contains(slug) && *slug != UNSERVED);
            if !is_told && !is_explained {
                found.insert(Disagreement::Unsound(kind.clone()));
            }
        }
        if !seen.is_whole {
            return found;
        }
        let compared = self.findings.iter().filter(|found| !is_apart(found));
        for slug in compared.map(|found| found.slug).collect::<BTreeSet<_>>() {
            if is_seen(slug, seen) {
                continue;
            }
            found.insert(if seen.wrong.is_empty() {
                Disagreement::FalseAlarm(slug)
            } else {
                Disagreement::OtherRule(slug)
            });
        }
        found
    }
}

/// Whether no run can show it: each goes on where it was interrupted, the closing question looks at what nothing has
/// looked at, and whether the point of no return may be passed is not asked in the world.
fn is_apart(found: &Diagnostic) -> bool {
    let is_unproved = found.slug == UNSERVED && found.message.contains("nothing has looked at it");
    let is_of_commit = found.message.starts_with("no proven backup of") || found.message.contains("since its backup");
    is_unproved || is_of_commit || found.slug == "undo-not-repeatable"
}

/// Whether what a proof says was seen in a run.
fn is_seen(slug: &str, seen: &Seen) -> bool {
    match slug {
        _ if OF_END.contains(&slug) => seen.may_differ(),
        // The closing question turns the run back, where the service has one.
        UNSERVED => seen.wrong.contains_key(slug) || seen.is_turned_at_end,
        // Of one statement the world tells the first rule that it breaks.
        "backup-too-late" => seen.wrong.contains_key(slug) || seen.wrong.contains_key("backup-not-cold"),
        _ => seen.wrong.contains_key(slug),
    }
}

/// The runbook of a seed.
fn book_of(seed: u64) -> Book {
    let mut chance = Chance::new(seed);
    let mut book = Generator::new(&mut chance).book();
    for _ in 0..chance.of(&[0, 0, 1, 1, 1, 2]) {
        mutate::mutate(&mut book, &mut chance);
    }
    book
}

/// The smallest runbook found that still disagrees in the same way.
fn shrunk(book: Book, kind: &Disagreement) -> Book {
    let mut book = book;
    'smaller: loop {
        for smaller in mutate::smaller(&book) {
            let Some(checked) = Checked::of(&smaller) else {
                continue;
            };
            let seen = checked.explored_whole();
            if seen.is_possible && checked.disagreements(&seen).contains(kind) {
                book = smaller;
                continue 'smaller;
            }
        }
        return book;
    }
}

/// A disagreement in words: the runbook, what the proofs say, what happens.
fn told(seed: u64, kind: &Disagreement, book: &Book) -> String {
    let checked = Checked::of(book).expect("it was checked before");
    let world = checked.explored_whole();
    let findings: Vec<String> = checked
        .findings
        .iter()
        .map(|found| format!("{}: {}", found.slug, found.message))
        .collect();
    let wrong: Vec<String> = world
        .wrong
        .iter()
        .map(|(kind, wrong)| format!("{kind}: {} after {:?}", wrong.words, wrong.troubles))
        .collect();
    format!(
        "=== {kind:?}, seed {seed}\n{}\nproofs:\n  {}\nworld ({} runs; where nothing goes wrong {}):\n  {}\n",
        book.text(),
        findings.join("\n  "),
        world.runs,
        world.clean,
        wrong.join("\n  ")
    )
}

/// What was found in many runbooks.
#[derive(Debug, Default)]
struct Tally {
    tried: usize,
    safe: usize,
    runs: usize,
    /// How often each disagreement, and the seeds of the first.
    found: BTreeMap<Disagreement, Vec<u64>>,
}

impl Tally {
    /// Tries the runbook of each of these seeds until so many were tried.
    fn of(seeds: impl Iterator<Item = u64>, count: usize) -> Self {
        let mut tally = Self::default();
        for seed in seeds {
            if tally.tried >= count {
                break;
            }
            let Some(checked) = Checked::of(&book_of(seed)) else {
                continue;
            };
            let seen = checked.explored(seed);
            // A question that the change itself lets nobody answer hides all that is behind it.
            if !seen.is_possible {
                continue;
            }
            tally.tried += 1;
            tally.safe += usize::from(checked.findings.is_empty());
            tally.runs += seen.runs;
            for kind in checked.disagreements(&seen) {
                tally.found.entry(kind).or_default().push(seed);
            }
        }
        tally
    }

    fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.safe += other.safe;
        self.runs += other.runs;
        for (kind, seeds) in other.found {
            self.found.entry(kind).or_default().extend(seeds);
        }
    }

    fn count(&self, is_meant: impl Fn(&Disagreement) -> bool) -> usize {
        let meant = self.found.iter().filter(|(kind, _)| is_meant(kind));
        meant.flat_map(|(_, seeds)| seeds).collect::<BTreeSet<_>>().len()
    }

    /// The first of each kind, made small.
    fn told(&self, is_meant: impl Fn(&Disagreement) -> bool) -> String {
        let meant = self.found.iter().filter(|(kind, _)| is_meant(kind));
        let told = meant.map(|(kind, seeds)| {
            let book = shrunk(book_of(seeds[0]), kind);
            format!("{} times\n{}", seeds.len(), told(seeds[0], kind, &book))
        });
        told.collect()
    }
}

/// One thread tries every other seed.
const THREADS: usize = 2;

#[test]
#[expect(clippy::print_stdout, reason = "the test program shows it where the test fails")]
fn proofs_and_the_world_say_the_same() {
    let (seed, count) = effort::seeds(500, 100_000);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let seeds = (0..).map(move |nth| seed.wrapping_add(nth * THREADS as u64 + thread as u64));
                scope.spawn(move || Tally::of(seeds, count.div_ceil(THREADS)))
            })
            .collect();
        for thread in threads {
            tally.add(thread.join().expect("every run ends"));
        }
    });
    let Tally {
        tried,
        safe,
        runs,
        found,
    } = &tally;
    println!("{tried} runbooks, {safe} of them safe, {runs} runs: {found:?}");
    let is_unsound = |kind: &Disagreement| matches!(kind, Disagreement::Unsound(_));
    assert_eq!(tally.count(is_unsound), 0, "{}", tally.told(is_unsound));
    let is_false = |kind: &Disagreement| !is_unsound(kind);
    let false_alarms = tally.count(is_false);
    if std::env::var_os("BACKSTAY_TESTS_SHOW").is_some() {
        println!("{}", tally.told(is_false));
    }
    assert!(false_alarms * FALSE_ALARMS_ONE_OF <= *tried, "{}", tally.told(is_false));
}

#[test]
fn proofs_and_the_world_say_the_same_of_the_cases_about_members() {
    let texts = [
        include_str!("../language/members.md"),
        include_str!("../language/hosts.md"),
    ];
    let cases: Vec<Block> = texts.into_iter().flat_map(blocks).collect();
    let cases = cases.iter().filter(|case| case.is_runbook());
    let checked: Vec<(&Block, Checked)> = cases
        .filter_map(|case| Some((case, Checked::of_text(&case.text, &[])?)))
        .collect();
    assert!(checked.len() > 8, "{} cases can be rehearsed", checked.len());
    for (case, checked) in checked {
        let seen = checked.explored_whole();
        let found = checked.disagreements(&seen);
        let why: Vec<&str> = seen.wrong.values().map(|wrong| wrong.words.as_str()).collect();
        assert!(
            found.is_empty(),
            "{}, line {}: {found:?} {why:?}",
            case.heading,
            case.line
        );
    }
}
