//! What is refused before anything is changed, and what is said then.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::docker::compose::project::{Project, Started};
use crate::support::daemon::Daemon;
use crate::support::sandbox::Finished;

#[test]
fn without_compose_2_nothing_is_begun() {
    let Some(daemon) = Daemon::with_compose("without_compose_2_nothing_is_begun") else {
        return;
    };
    let project = Project::started(daemon, Started::default());
    let tools = project.sandbox.path("tools");
    fs::create_dir(&tools).unwrap();
    for (script, said) in [
        (
            "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1",
            "is not a docker command",
        ),
        ("echo 1.29.2", "says 1.29.2"),
    ] {
        let docker = tools.join("docker");
        fs::write(&docker, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        for (verb, exit) in [("plan", 1), ("run", 4)] {
            let path = format!("{}:/usr/bin:/bin", tools.display());
            let call = Finished::of(project.command(verb, "two").env("PATH", path)).exits(exit);
            let words = format!("{} {}", call.in_one_line(), call.stderr);
            assert!(words.contains(said) && words.contains("Compose 2 is needed"), "{words}");
        }
    }
    project.runs("one").unwrap();
}

#[test]
fn a_variable_of_whoever_started_it_is_missed_before_anything_changes() {
    let Some(daemon) = Daemon::with_compose("a_variable_of_whoever_started_it_is_missed_before_anything_changes")
    else {
        return;
    };
    let started = Started {
        has_a_variable: true,
        ..Started::default()
    };
    let project = Project::started(daemon, started);
    let before = project.settings();
    for (verb, exit) in [("plan", 1), ("run", 4)] {
        let said = project.call(verb, "two").exits(exit).in_one_line();
        assert!(said.contains("nothing sets MISSING"), "{said}");
    }
    assert_eq!(project.settings(), before);
    project.runs("one").unwrap();
}

#[test]
fn an_image_that_no_setting_pins_is_refused() {
    let Some(daemon) = Daemon::with_compose("an_image_that_no_setting_pins_is_refused") else {
        return;
    };
    let project = Project::started(daemon, Started::default());
    let file = project.sandbox.path("project/compose.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let image = super::project::image(daemon, "one");
    fs::write(&file, text.replace("${APP_IMAGE}", &image)).unwrap();
    let plan = project.call("plan", "two").exits(1).in_one_line();
    project.call("run", "two").exits(4);
    assert!(
        plan.contains("which no setting pins") && plan.contains("image: ${NAME}"),
        "{plan}"
    );
    project.runs("one").unwrap();
}

/// Somebody edited the project, or somebody with another home brought it up: a way back would bring the old image with
/// the new settings.
#[test]
fn a_project_that_is_another_than_what_runs_is_refused() {
    let Some(daemon) = Daemon::with_compose("a_project_that_is_another_than_what_runs_is_refused") else {
        return;
    };
    for edited in ["OTHER: \"yes\", GIVEN:", "OTHER: \"${HOME}\", GIVEN:"] {
        let project = Project::started(daemon, Started::default());
        let file = project.sandbox.path("project/compose.yaml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("GIVEN:", edited)).unwrap();
        for (verb, exit) in [("plan", 1), ("run", 4)] {
            let said = project.call(verb, "two").exits(exit).in_one_line();
            assert!(said.contains("from other settings than its project has now"), "{said}");
        }
        project.runs("one").unwrap();
    }
}

#[test]
fn what_has_the_network_of_it_from_outside_is_not_cut_off() {
    let Some(daemon) = Daemon::with_compose("what_has_the_network_of_it_from_outside_is_not_cut_off") else {
        return;
    };
    let project = Project::started(daemon, Started::default());
    let outside = format!("{}-outside", project.name);
    let network = format!("--network=container:{}-app-1", project.name);
    daemon.docker(&[
        "run",
        "--detach",
        "--name",
        &outside,
        &network,
        "--env=SIDE=yes",
        &super::project::image(daemon, "one"),
    ]);
    let plan = project.call("plan", "two").exits(1).in_one_line();
    let run = project.call("run", "two").exits(4);
    daemon.docker(&["rm", "--force", &outside]);
    assert!(plan.contains(&format!("`{outside}` has its network from it")), "{plan}");
    assert!(run.stdout.contains("would be cut off"), "{}", run.stdout);
    project.runs("one").unwrap();
}
