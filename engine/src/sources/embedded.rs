//! The modules that are shipped in the program: name and text, one line each, by name.
//!
//! The list is generated: run the test `every_shipped_module_is_in_the_list`, it prints the lines that are missing.

/// Name and text of each shipped module.
pub(super) const MODULES: &[(&str, &str)] = &[
    ("std.ingress.caddy", include_str!("../../stdlib/ingress/caddy.runbook")),
    (
        "std.ingress.command",
        include_str!("../../stdlib/ingress/command.runbook"),
    ),
    (
        "std.ingress.haproxy",
        include_str!("../../stdlib/ingress/haproxy.runbook"),
    ),
    ("std.ingress.nginx", include_str!("../../stdlib/ingress/nginx.runbook")),
    ("std.notify.email", include_str!("../../stdlib/notify/email.runbook")),
    ("std.notify.github", include_str!("../../stdlib/notify/github.runbook")),
    ("std.notify.jira", include_str!("../../stdlib/notify/jira.runbook")),
    (
        "std.notify.pagerduty",
        include_str!("../../stdlib/notify/pagerduty.runbook"),
    ),
    ("std.notify.slack", include_str!("../../stdlib/notify/slack.runbook")),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::MODULES;
    use std::path::Path;

    fn shipped(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                shipped(&path, &format!("{prefix}.{stem}"), found);
            } else if path.extension().is_some_and(|ending| ending == "runbook") {
                found.push(format!("{prefix}.{stem}"));
            }
        }
    }

    #[test]
    fn every_shipped_module_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stdlib-runbooks");
        let mut found = Vec::new();
        shipped(&folder, "std", &mut found);
        found.sort();
        let listed: Vec<_> = MODULES.iter().map(|(name, _)| (*name).to_owned()).collect();
        let lines: Vec<_> = found
            .iter()
            .map(|name| {
                let path = name.trim_start_matches("std.").replace('.', "/");
                format!("    (\"{name}\", include_str!(\"../../stdlib/{path}.runbook\")),")
            })
            .collect();
        assert_eq!(found, listed, "the list should be:\n{}", lines.join("\n"));
    }
}
