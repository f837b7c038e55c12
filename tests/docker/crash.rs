//! The runner is killed (SIGKILL) at every record boundary of examples 02 and 03; `resume` ends each run completed or
//! rolled back, the new image is started no more than once, and two containers never have the volume at once.
//!
//! `BACKSTAY_FAILPOINT=before:N` kills the runner when it is about to write record N: what the record tells of has
//! happened, and nobody wrote it down. `after:N` kills it once record N is durable: an intent, and no action yet.

use std::fs;

use crate::docker::guest_book::{Example, GuestBook, Images};
use crate::docker::watcher::Watcher;
use crate::support::at_each::{at_each, every_record};
use crate::support::daemon::Daemon;

/// Most of the time of a run is waiting for what a container does.
const WORKERS: usize = 14;

struct Stage<'daemon> {
    daemon: &'daemon Daemon,
    images: &'daemon Images,
    watcher: &'daemon Watcher,
    example: Example,
}

impl Stage<'_> {
    /// Kills the runner at this boundary and resumes it; the answer says what is wrong with the end.
    fn killed_at(&self, failpoint: &str) -> Result<(), String> {
        let book = GuestBook::with_images(self.daemon, self.example, self.images);
        let output = book
            .run_command(&[])
            .env("BACKSTAY_FAILPOINT", failpoint)
            .output()
            .unwrap();
        if output.status.code().is_some() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("the runner was not killed: {said}"));
        }
        let transcripts = crate::support::sandbox::find(&book.sandbox.state_directory(), "transcript.jsonl");
        let is_begun = transcripts
            .first()
            .is_some_and(|path| fs::metadata(path).unwrap().len() > 0);
        if !is_begun {
            let is_expected = failpoint == "before:1";
            return is_expected.then_some(()).ok_or_else(|| "no transcript".to_owned());
        }
        let has_ended = book
            .sandbox
            .records()
            .last()
            .is_some_and(|record| record["kind"] == "run.end");
        let resumed = book.resume();
        if has_ended {
            let is_refused = resumed.exit == 4 || resumed.exit == 2;
            if !is_refused {
                return Err(format!("resumed after the end: {resumed:?}"));
            }
            return book.has_only_the_service();
        }
        self.judge(&book, &resumed).map_err(|reason| {
            format!(
                "{reason}\nresume: exit {}\n{}\n{}",
                resumed.exit, resumed.stdout, resumed.stderr
            )
        })
    }

    fn judge(&self, book: &GuestBook<'_>, resumed: &crate::support::sandbox::Finished) -> Result<(), String> {
        match resumed.exit {
            0 if self.example == Example::Upgrade => book.is_upgraded()?,
            5 => book.is_as_before()?,
            exit => return Err(format!("exit {exit}")),
        }
        book.has_left_no_more_than(&resumed.json()["leftovers"])?;
        book.has_only_the_service()?;
        let volume = format!("{}-records", book.name);
        self.watcher.two_writers(&volume)?;
        let lives = self.watcher.lives(&volume);
        let of = |release: &str| {
            let image = book.image_of(release);
            lives.values().filter(move |life| life.image == image)
        };
        let new = match self.example {
            Example::Upgrade => "2.0.0",
            Example::TurnBack => "2.0.0-broken",
        };
        let new_starts: usize = of(new).map(|life| life.spans.len()).sum();
        if new_starts > 1 || (resumed.exit == 0 && new_starts != 1) {
            return Err(format!("the new image was started {new_starts} times: {lives:?}"));
        }
        // Killed while it put the site up, the demonstration puts it up once more.
        let intents = book.sandbox.records_of("intent").into_iter();
        let ups = intents.filter(|intent| intent["key"].as_str().is_some_and(|key| key.starts_with("site_up/")));
        let old_containers = of("1.0.0").count();
        if !(1..=ups.count().max(1)).contains(&old_containers) {
            return Err(format!(
                "{old_containers} containers of the old image, where the very one comes back: {lives:?}"
            ));
        }
        let arguments = ["transcript", "verify", &book.sandbox.run_name(), "--format", "json"];
        let verdict = book.sandbox.call(&arguments).json();
        if verdict["verdict"] == "unsigned" {
            Ok(())
        } else {
            Err(format!("the transcript is {verdict}"))
        }
    }
}

fn at_every_record_boundary(test: &str, example: Example) {
    let Some(daemon) = Daemon::shared(test) else { return };
    let images = Images::pushed(daemon);
    let watcher = Watcher::new(daemon);
    let stage = Stage {
        daemon,
        images,
        watcher: &watcher,
        example,
    };
    let whole = GuestBook::with_images(daemon, example, images);
    whole.run(&[]).exits(example.exit());
    let records = whole.sandbox.records().len();
    assert!(records > 40, "only {records} records: the example was not carried out");
    drop(whole);

    at_each(
        &every_record(records),
        WORKERS,
        || (),
        |(), failpoint| stage.killed_at(failpoint),
    );
}

#[test]
fn upgrade_killed_at_every_record() {
    at_every_record_boundary("upgrade_killed_at_every_record", Example::Upgrade);
}

#[test]
fn turn_back_killed_at_every_record() {
    at_every_record_boundary("turn_back_killed_at_every_record", Example::TurnBack);
}
