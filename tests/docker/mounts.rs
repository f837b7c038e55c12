//! What is asked of containers before the first change: the engine, how a service begins, what is really
//! mounted into it, whether two names are one thing, whether what runs is what is pinned.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Finished, Sandbox};

const SERVE: &str = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

/// A service in a container, and whether it may be changed.
struct Case {
    sandbox: Sandbox,
    daemon: &'static Daemon,
    /// The name of the container; those of its volumes begin with it.
    name: &'static str,
}

impl Case {
    /// `None` where Docker cannot be had.
    fn new(test: &str, name: &'static str) -> Option<Self> {
        let daemon = Daemon::shared(test)?;
        let case = Self {
            sandbox: Sandbox::new(),
            daemon,
            name,
        };
        case.clear();
        Some(case)
    }

    fn clear(&self) {
        drop(self.daemon.try_docker(&["rm", "--force", "--volumes", self.name]));
        let volumes = self.daemon.docker(&["volume", "ls", "--quiet"]);
        for volume in volumes.lines().filter(|volume| volume.starts_with(self.name)) {
            drop(self.daemon.try_docker(&["volume", "rm", "--force", volume]));
        }
    }

    fn volume(&self, volume: &str) -> String {
        format!("{}-{volume}", self.name)
    }

    /// Makes the container and starts it.
    fn container(&self, image: &str, options: &[&str]) {
        self.daemon.serve(self.name, image, options);
    }

    /// Writes a runbook that restarts the service, with these clauses and this protected state.
    fn runbook(&self, clauses: &str, parts: &str) -> String {
        let text = format!(
            "runbook mounts \"Mounts\"\n\
             service app \"The application\" {{ runs container(\"{}\")  {clauses} }}\n\
             protect records \"Records\" {{ {parts} }}\n\
             step restart \"Restart\" {{\n\
             \u{20}\u{20}do docker.stop(app, grace: 1s) undo docker.start(app) within 30s\n\
             \u{20}\u{20}do docker.start(app) no undo because \"it runs again\"\n\
             }}\n",
            self.name
        );
        self.sandbox.write("case.runbook", text);
        self.sandbox.path("case.runbook").display().to_string()
    }

    fn call(&self, host: &str, arguments: &[&str]) -> Finished {
        let mut command = self.sandbox.command(arguments);
        command.env("DOCKER_HOST", host).output().unwrap().into()
    }

    /// What a run is refused for, with the exit code it must have.
    fn refused(&self, runbook: &str) -> String {
        let finished = self.call(&self.daemon.host(), &["run", runbook, "--no-input", "--format", "json"]);
        let said = finished.exits(4).stdout;
        assert!(self.sandbox.records_of("intent").is_empty(), "{said}");
        self.reasons()
    }

    /// Everything that did not hold before the first change, in the newest run.
    fn reasons(&self) -> String {
        let evaluated = self.sandbox.records_of("evaluated");
        let reasons = evaluated.iter().filter(|record| record["result"] != "holds");
        let reasons: Vec<String> = reasons
            .map(|record| record["evidence"].as_str().unwrap().to_owned())
            .collect();
        fs::remove_dir_all(self.sandbox.state_directory()).unwrap();
        reasons.concat()
    }

    /// Runs it to its good end and gives its records.
    fn completes(&self, runbook: &str) -> Vec<Value> {
        self.call(&self.daemon.host(), &["run", runbook, "--no-input"]).exits(0);
        let records = self.sandbox.records();
        fs::remove_dir_all(self.sandbox.state_directory()).unwrap();
        records
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.clear();
    }
}

#[test]
fn who_hangs_on_a_service_is_seen_before_the_first_change() {
    let Some(case) = Case::new(
        "who_hangs_on_a_service_is_seen_before_the_first_change",
        "mounts-shared",
    ) else {
        return;
    };
    let image = case.daemon.image("mounts-shared", SERVE);
    case.container(&image, &[]);
    let (side, network) = ("--name=mounts-shared-side", "--network=container:mounts-shared");
    case.daemon.docker(&["run", "--detach", side, network, &image]);
    let runbook = case.runbook("writes records", "volume \"mounts-shared-data\"");
    let reasons = case.refused(&runbook);
    case.daemon.docker(&["rm", "--force", "mounts-shared-side"]);
    let expected = "service `app`: the container `mounts-shared-side` has its network from it, and would be cut off when this \
                    run stops it: stop it before and start it after, by hand or in this runbook (`service … { runs \
                    container(\"mounts-shared-side\") }`)";
    assert_eq!(reasons, expected);
    case.daemon.docker(&["pause", "mounts-shared"]);
    let reasons = case.refused(&runbook);
    case.daemon.docker(&["unpause", "mounts-shared"]);
    assert!(
        reasons.ends_with("is paused: docker unpause mounts-shared"),
        "{reasons}"
    );
    case.completes(&runbook);
}

#[test]
fn the_forgotten_third_mount_is_refused() {
    let Some(case) = Case::new("the_forgotten_third_mount_is_refused", "mounts-third") else {
        return;
    };
    let image = case.daemon.image_with("mounts-third", SERVE, &["VOLUME /scratch"]);
    let (data, cache) = (case.volume("data"), case.volume("cache"));
    let bound = case.sandbox.path("bound");
    fs::create_dir(&bound).unwrap();
    let link = case.sandbox.path("link");
    std::os::unix::fs::symlink(&bound, &link).unwrap();
    let (data_option, cache_option) = (format!("--volume={data}:/data"), format!("--volume={cache}:/cache"));
    let bound_option = format!("--volume={}:/bound", bound.display());
    let read_only = format!("--volume={}:/etc/app:ro", case.sandbox.path("home").display());
    let options = [
        data_option.as_str(),
        &cache_option,
        &bound_option,
        &read_only,
        "--tmpfs=/run",
    ];
    case.container(&image, &options);

    let protected = format!("volume \"{data}\"");
    let reasons = case.refused(&case.runbook("writes records", &protected));
    let expected = format!(
        "service `app` writes to the volume `{cache}`, mounted at /cache, which nothing protects: \
         add `volume \"{cache}\"` to `protect records`, or add `ignores volume \"{cache}\" because \"…\"` to the service"
    );
    assert!(reasons.contains(&expected), "{reasons}");
    assert!(reasons.contains(&format!("writes to {}", bound.display())), "{reasons}");
    assert!(
        reasons.contains("`ignores path \"/scratch\" because \"…\"`"),
        "{reasons}"
    );
    assert_eq!(reasons.matches("which nothing protects").count(), 3, "{reasons}");

    // A plan says the same.
    let runbook = case.runbook("writes records", &protected);
    let planned = case.call(&case.daemon.host(), &["plan", &runbook]);
    let said = planned.exits(1).in_one_line();
    assert!(
        said.contains("The run would be refused:") && said.contains(&expected),
        "{said}"
    );

    // Whoever protects and ignores what there is may go on; a bind is known by its real path.
    let parts = format!("{protected}  path \"{}\"", link.display());
    let clauses = format!(
        "writes records  ignores volume \"{cache}\" because \"it is filled again\"  ignores path \"/scratch\" because \"scratch\""
    );
    let records = case.completes(&case.runbook(&clauses, &parts));
    let seen = records.iter().find(|record| record["what"] == "obligation").unwrap();
    assert!(
        seen["evidence"].as_str().unwrap().contains("`app` is running"),
        "{seen}"
    );
}

#[test]
fn a_service_that_writes_what_it_does_not_say_is_refused() {
    let Some(case) = Case::new("a_service_that_writes_what_it_does_not_say_is_refused", "mounts-unsaid") else {
        return;
    };
    let image = case.daemon.image("mounts-unsaid", SERVE);
    let data = case.volume("data");
    case.container(&image, &[&format!("--volume={data}:/data")]);
    let reasons = case.refused(&case.runbook("", &format!("volume \"{data}\"")));
    assert!(reasons.contains("add `writes records` to the service"), "{reasons}");
}

#[test]
fn a_service_begins_as_it_says() {
    let Some(case) = Case::new("a_service_begins_as_it_says", "mounts-begins") else {
        return;
    };
    let parts = format!("path \"{}\"", case.sandbox.path("home").display());
    let reasons = case.refused(&case.runbook("", &parts));
    assert!(
        reasons.contains("there is no container `mounts-begins`: start it, or say `begins absent`"),
        "{reasons}"
    );
    let image = case.daemon.image("mounts-begins", SERVE);
    case.container(&image, &[]);
    let reasons = case.refused(&case.runbook("begins absent", &parts));
    assert!(reasons.contains("(running) that this run did not make"), "{reasons}");
    let reasons = case.refused(&case.runbook("begins stopped", &parts));
    assert!(
        reasons.contains("is running: stop it, or say `begins running`"),
        "{reasons}"
    );
    case.completes(&case.runbook("", &parts));
    case.daemon.docker(&["stop", "--time=1", case.name]);
    let reasons = case.refused(&case.runbook("", &parts));
    assert!(
        reasons.contains("is exited: start it, or say `begins stopped`"),
        "{reasons}"
    );
}

#[test]
fn a_path_that_is_a_protected_volume_is_not_apart_from_it() {
    let Some(case) = Case::new("a_path_that_is_a_protected_volume_is_not_apart_from_it", "mounts-apart") else {
        return;
    };
    let image = case.daemon.image("mounts-apart", SERVE);
    let data = case.volume("data");
    case.container(&image, &[&format!("--volume={data}:/data")]);
    let inside = case.daemon.mountpoint(&data);
    let parts = format!("volume \"{data}\"  path \"{}\"", inside.display());
    let runbook = case.runbook("writes records", &parts);
    let reasons = case.refused(&runbook);
    assert!(
        reasons.contains(&format!("not-apart: {} and volume `{data}`", inside.display())),
        "{reasons}"
    );
    let planned = case.call(&case.daemon.host(), &["plan", &runbook]).exits(1);
    assert!(planned.stdout.contains("not-apart"), "{planned:?}");
}

#[test]
fn what_runs_is_what_is_pinned() {
    let Some(case) = Case::new("what_runs_is_what_is_pinned", "mounts-pinned") else {
        return;
    };
    let image = case.daemon.image("mounts-pinned", SERVE);
    let other = case.daemon.image("mounts-pinned", &format!("{SERVE} # other"));
    case.container(&image, &[]);
    let pins = case.sandbox.path("pins.env");
    let clauses = format!("pinned by key(\"{}\", \"IMAGE\")", pins.display());
    let runbook = case.runbook(&clauses, &format!("file \"{}\"", pins.display()));
    fs::write(&pins, format!("IMAGE={other}\n")).unwrap();
    let reasons = case.refused(&runbook);
    assert!(reasons.contains(&format!("service `app` runs {image}")), "{reasons}");
    fs::write(&pins, format!("IMAGE={image}\n")).unwrap();
    case.completes(&runbook);
}

/// What came from no registry is known by its local id, and that is no pin.
#[test]
fn an_image_without_a_digest_is_not_pinned() {
    let Some(case) = Case::new("an_image_without_a_digest_is_not_pinned", "mounts-local") else {
        return;
    };
    let image = case.daemon.image("mounts-local", SERVE);
    case.container(&image, &[]);
    let runbook = case.sandbox.path("case.runbook");
    fs::write(
        &runbook,
        r#"runbook local "Local"
service app "The application" { runs container("mounts-local") }
step look "Look" {
  let image = docker.running_image(app)
  record image
  require image is pinned else "Push it to a registry first"
}
"#,
    )
    .unwrap();
    let run = || {
        let call = ["run", runbook.to_str().unwrap(), "--no-input"];
        let finished = case.call(&case.daemon.host(), &call);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        fs::remove_dir_all(case.sandbox.state_directory()).unwrap();
        (finished.exit, said)
    };
    assert_eq!(run().0, 0);
    let local = case.daemon.docker(&["commit", case.name]);
    case.daemon.docker(&["rm", "--force", case.name]);
    case.container(&local, &[]);
    let (exit, said) = run();
    case.clear();
    case.daemon.docker(&["rmi", &local]);
    assert_ne!(exit, 0, "{said}");
    assert!(
        said.contains(&local) && said.contains("Push it to a registry first"),
        "{said}"
    );
}

#[test]
fn without_an_engine_it_is_refused_with_what_to_do() {
    let Some(case) = Case::new("without_an_engine_it_is_refused_with_what_to_do", "mounts-nobody") else {
        return;
    };
    let runbook = case.runbook("", &format!("path \"{}\"", case.sandbox.path("home").display()));
    let nowhere = format!("unix://{}", case.sandbox.path("no.sock").display());
    let finished = case.call(&nowhere, &["run", &runbook, "--no-input"]).exits(4);
    assert!(finished.stderr.contains("DOCKER_HOST"), "{finished:?}");
}

#[test]
fn a_frozen_engine_is_refused_in_time() {
    let Some(frozen) = Daemon::private("a_frozen_engine_is_refused_in_time") else {
        return;
    };
    let Some(case) = Case::new("a_frozen_engine_is_refused_in_time", "mounts-frozen") else {
        return;
    };
    let runbook = case.runbook("", &format!("path \"{}\"", Path::new("/nowhere").display()));
    frozen.freeze();
    let began = Instant::now();
    let finished = case.call(&frozen.host(), &["run", &runbook, "--no-input"]);
    frozen.thaw();
    let finished = finished.exits(4);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}: {finished:?}",
        began.elapsed()
    );
}
