//! Everything that a run needs from this machine, set up: screen, person, secrets, world, runtime.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstay::containers::Containers;
use backstay::eval::Places;
use backstay::render::{self, visible};
use backstay::run::driver::ShowProgress;
use backstay::run::session::{Finished, Surroundings};
use backstay::transcript::sealed_head;
use backstay::users;
use backstay::world::Person;
use backstay::world::real::{DockerEngine, RealClock, RealSecrets, RealWorld};

use tokio::signal::unix::{SignalKind, signal};

use crate::answers;
use crate::arguments::{Format, SittingOptions};
use crate::failure::{Failure, exit};
use crate::person::Operator;
use crate::places::Directories;
use crate::screen::{Handle, Screen};
use crate::streams;

/// How long work that nobody waits for any more may keep the program.
const LAST_WORK: Duration = Duration::from_millis(200);

/// How many threads a run needs beside those of the runtime: the screen, the transcript, and some that block.
const THREADS_BESIDE_WORKERS: usize = 4;

/// What a thread needs that does nothing.
const TRIAL_STACK_BYTES: usize = 64 << 10;

/// Carries something out with everything set up, and shows what happens meanwhile.
pub(crate) fn with_surroundings<T>(
    directories: Directories,
    options: &SittingOptions,
    act: impl AsyncFnOnce(Surroundings) -> Result<T, backstay::Error>,
) -> Result<T, Failure> {
    let no_threads = |error: std::io::Error| {
        Failure::new(exit::REFUSED, format!("not enough threads can be started: {error}"))
            .help("see what limits them (ulimit -u, TasksMax=, pids.max), and run it again")
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    try_threads(workers + THREADS_BESIDE_WORKERS).map_err(no_threads)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(no_threads)?;
    let screen = Screen::start().map_err(no_threads)?;
    let surroundings = surroundings(directories, options, &screen.handle())?;
    let result = runtime.block_on(act(surroundings));
    runtime.shutdown_timeout(LAST_WORK);
    end_on_signals();
    screen.finish();
    result.map_err(Failure::from)
}

/// Whether so many threads can be had at once: who needs them later cannot say that there are none.
fn try_threads(count: usize) -> std::io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let spawn = |_| {
        let gate = Arc::clone(&gate);
        let thread = std::thread::Builder::new().stack_size(TRIAL_STACK_BYTES);
        thread.spawn(move || drop(gate.lock()))
    };
    let (threads, failures): (Vec<_>, Vec<_>) = (0..count).map(spawn).partition(Result::is_ok);
    drop(closed);
    for thread in threads.into_iter().flatten() {
        // It only waited.
        let _ = thread.join();
    }
    failures.into_iter().try_for_each(|failure| failure.map(drop))
}

/// Nothing runs any more that a signal could turn back, but who listened for it took its usual meaning. From now on it
/// ends the program again, also where that waits for somebody to read what it writes.
#[expect(clippy::exit, reason = "a signal ends the program, whatever it is at")]
fn end_on_signals() {
    let listen = || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut streams = Vec::new();
            for kind in [
                SignalKind::interrupt(),
                SignalKind::terminate(),
                SignalKind::quit(),
                SignalKind::hangup(),
            ] {
                streams.push((kind, signal(kind)?));
            }
            let waiting = streams.iter_mut().map(|(kind, stream)| {
                Box::pin(async move {
                    stream.recv().await;
                    kind.as_raw_value()
                })
            });
            let (number, ..) = futures_util::future::select_all(waiting).await;
            std::process::exit(128 + number)
        })
    };
    // Without it only KILL is left, as for any program that hangs.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
}

fn surroundings(directories: Directories, options: &SittingOptions, screen: &Handle) -> Result<Surroundings, Failure> {
    let operator = operator();
    let can_ask = !options.person.no_input && streams::can_ask();
    let at_terminal = can_ask.then(|| Arc::new(Operator::new(operator.clone(), screen.clone())) as Arc<dyn Person>);
    let answers = answers::answers(options.person.answers.as_deref(), &operator)?;
    let containers: Arc<dyn Containers> = Arc::new(DockerEngine::new(docker_host().as_deref()));
    let registry = backstay::action::builtin(&containers);
    let (begin, show, progress, said) = (screen.clone(), screen.clone(), screen.clone(), screen.clone());
    let pending = screen.clone();
    Ok(Surroundings {
        state_directory: directories.state,
        claims: directories.claims,
        places: places()?,
        catalogue: Arc::clone(registry.catalogue()),
        world: Arc::new(RealWorld::new(registry)),
        clock: Arc::new(RealClock),
        answers,
        person: at_terminal,
        is_unattended: options.person.no_input || options.person.answers.is_some(),
        secrets: Arc::new(RealSecrets::new(Box::new(move |name, doc| prompt(can_ask, name, doc)))),
        observer: Some(Box::new(move |stamped| show.event(stamped))),
        progress: Some(Arc::new(move |key, line| progress.progress(key, line))),
        said: options
            .verbose
            .then(|| Arc::new(move |key: &str, line: &str| said.said(key, line)) as ShowProgress),
        pending: Some(Arc::new(move |now| pending.pending(now))),
        warn: Some(Box::new(|sources, found| {
            streams::talk(&render::findings(sources, found, streams::talk_has_colour()));
        })),
        tell: Some(Box::new(|sentence| streams::talk(&format!("{}\n", visible(sentence))))),
        announce: Some(Box::new(move |history| begin.begin(history))),
        operator,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        program: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
    })
}

/// Where the container engine is, as the operator says.
fn docker_host() -> Option<String> {
    std::env::var_os("DOCKER_HOST").map(|host| host.to_string_lossy().into_owned())
}

/// Where relative paths start, and the operator's home.
pub(crate) fn places() -> Result<Places, Failure> {
    let working_directory = std::env::current_dir()
        .map_err(|error| Failure::usage(format!("the working directory cannot be used: {error}")))?;
    Ok(Places {
        working_directory,
        home: std::env::var_os("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from),
    })
}

/// Who runs the program: the person behind `sudo`, else the user by name, else by number.
fn operator() -> String {
    let named = ["SUDO_USER", "LOGNAME", "USER"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|name| !name.is_empty());
    if let Some(name) = named {
        return name.to_string_lossy().into_owned();
    }
    users::name(rustix::process::getuid().as_raw())
}

/// Asks for a secret; what is typed is not shown.
fn prompt(can_ask: bool, name: &str, doc: &str) -> Option<String> {
    if !can_ask {
        return None;
    }
    let question = match doc.lines().next().unwrap_or_default() {
        "" => format!("{}: ", visible(name)),
        words => format!("{} ({}): ", visible(name), visible(words)),
    };
    rpassword::prompt_password(question)
        .ok()
        .filter(|secret| !secret.is_empty())
}

/// Tells how a run came to rest, and gives the exit code.
pub(crate) fn report(finished: &Finished, format: Format) -> u8 {
    let directory = finished.transcript.parent().unwrap_or(&finished.transcript);
    let head = sealed_head(directory);
    let rested = render::Rested {
        run: &finished.run,
        end: &finished.last,
        kept: &finished.kept,
        course: &finished.course,
        by_hand: &finished.by_hand,
        outlook: finished.outlook.as_ref(),
        run_directory: directory,
        head: head.as_deref(),
    };
    let summary = render::summary(&rested);
    match format {
        Format::Text => streams::data(&summary),
        Format::Json => {
            streams::talk(&summary);
            streams::json(&render::json::run(&rested));
        }
    }
    finished.exit_code()
}
