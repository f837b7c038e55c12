//! What is in the environment of a container stays there: not on disk, not on the screen, whatever is done.

use std::process::Output;

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Sandbox, files_with};

const NAME: &str = "environment-kept";
const SECRET: &str = "hunter2-of-the-environment";

struct Cleared<'a>(&'a Daemon);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        drop(self.0.try_docker(&["rm", "--force", NAME]));
    }
}

/// Every question and change of a service, and a way back.
fn runbook(sandbox: &Sandbox, old: &str, new: &str) -> String {
    let text = format!(
        r#"runbook environment "Environment"
service app "The application" {{ runs container("{NAME}") }}
anchor running_image = docker.running_image(app)
step look "Look" {{
  let state = docker.state(app)
  let health = docker.health(app)
  let mounts = docker.mounts(app)
  let log = docker.logs(app)
  record state, health, mounts, log
}}
step switch "Replace it" {{
  do docker.stop(app, grace: 1s) undo docker.start(app) within 30s
  do docker.run(app, image: "{new}") undo docker.run(app, image: "{old}") within 30s
  do docker.stop(app, grace: 1s) undo docker.start(app) within 30s
  check "never": docker.restarts(app) == 1
}}
"#
    );
    sandbox.write("case.runbook", text);
    sandbox.path("case.runbook").display().to_string()
}

#[test]
fn the_environment_of_a_container_is_nowhere() {
    let Some(daemon) = Daemon::shared("the_environment_of_a_container_is_nowhere") else {
        return;
    };
    let _cleared = Cleared(daemon);
    let sandbox = Sandbox::new();
    let serve = "trap 'exit 0' TERM; echo up; while :; do sleep 1 & wait; done";
    let (old, new) = (daemon.image(NAME, serve), daemon.image("environment-new", serve));
    let given = format!("--env=PASSWORD={SECRET}");
    daemon.docker(&["run", "--detach", "--name", NAME, "--restart=always", &given, &old]);
    let runbook = runbook(&sandbox, &old, &new);
    let call = |arguments: &[&str]| -> Output {
        let mut command = sandbox.command(arguments);
        daemon.environment(&mut command).output().unwrap()
    };
    let planned = call(&["plan", &runbook]);
    assert_eq!(planned.status.code(), Some(0), "{planned:?}");
    let run = call(&["run", &runbook, "--no-input", "--format", "json"]);
    assert_eq!(run.status.code(), Some(5), "{run:?}");
    for output in [planned, run] {
        let said = format!("{output:?}");
        assert!(!said.contains(SECRET), "{said}");
    }
    // Taken over twice, and still there.
    let env = daemon.docker(&[
        "inspect",
        "--format={{.Config.Env}} {{.HostConfig.RestartPolicy.Name}}",
        NAME,
    ]);
    assert!(env.contains(SECRET) && env.ends_with("always"), "{env}");
    assert_eq!(
        files_with(&sandbox.state_directory(), SECRET),
        Vec::<std::path::PathBuf>::new()
    );
    let runs = sandbox.records_of("outcome").len();
    assert!(runs >= 6, "only {runs} actions were carried out");
}
