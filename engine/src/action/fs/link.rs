//! `fs.link`: switches a symbolic link in one moment.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;

use super::target::target_of;
use super::{done, parent_of, path_of, problem, replace, sync_folder};
use crate::action::common::typed::{pasted, pasted_path};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct Link;

#[async_trait]
impl Action for Link {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "link",
            "Makes a symbolic link lead somewhere, in one moment.\n\nWhoever follows it comes to the old place or to the \
             new one, never to none. A relative link stays relative where the new place is beside it. What is no link is \
             never replaced.",
        )
        .needs("at", Type::Path, "The link; made where it does not exist.")
        .needs("to", Type::Path, "Where it leads then; must exist.")
        .effects(Effect::Sets {
            resource: describe::of(ResourceKind::Link, "at"),
            to: Some(Pattern::Parameter("to")),
        })
        .example(
            r#"
            let before = fs.target(folder / "current")
            do fs.link(folder / "current", to: folder / "releases" / "2.0") undo fs.link(folder / "current", to: before) within 10s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let (at, to) = (path_of(context, arguments, "at"), path_of(context, arguments, "to"));
        blocking::preview(context, move |_| {
            let now = target_of(&at)?.map_or_else(|| "nowhere".to_owned(), |now| now.display().to_string());
            Ok(format!("{} leads to {}, then to {}", at.display(), now, to.display()))
        })
        .await
    }

    fn by_hand(&self, folder: &Path, _topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        let (to, at) = (
            pasted_path(folder, arguments, "to")?,
            pasted_path(folder, arguments, "at")?,
        );
        pasted(["ln", "-sfnT", "--", &to, &at])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let (at, to) = (path_of(context, arguments, "at"), path_of(context, arguments, "to"));
        let key = context.key.clone();
        blocking::perform(context, move |stop| {
            stop.check()?;
            switch(&at, &to, &key)?;
            Ok(Outcome::done(format!("{} leads to {}", at.display(), to.display())))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let (at, to) = (path_of(context, arguments, "at"), path_of(context, arguments, "to"));
        let key = context.key.clone();
        blocking::settle(context, move |_| {
            replace::clear(&replace::beside(&at, &key))?;
            let now = target_of(&at)?;
            if now.as_deref() == Some(&to) {
                return Ok(done(format!("{} leads to {}", at.display(), to.display())));
            }
            let now = now.map_or_else(|| "nowhere".to_owned(), |now| now.display().to_string());
            Ok(Settled::NotDone(format!("{} leads to {now}", at.display())))
        })
        .await
    }
}

fn switch(at: &Path, to: &Path, key: &str) -> Result<(), String> {
    std::fs::metadata(to).map_err(|error| {
        problem("lead the link to", to, &error) + "; a link to nothing would stop whoever follows it"
    })?;
    // Says so where something else is there: that is never replaced.
    target_of(at)?;
    let prepared = replace::beside(at, key);
    replace::clear(&prepared)?;
    symlink(written(at, to), &prepared).map_err(|error| problem("make the link", at, &error))?;
    std::fs::rename(&prepared, at).map_err(|error| {
        let _ = std::fs::remove_file(&prepared);
        problem("switch the link", at, &error)
    })?;
    sync_folder(parent_of(at)?)
}

/// How the new link is written: relative where the old one is and the place is below the link's folder, so
/// that a tree that moves or is mounted elsewhere keeps its links.
fn written(at: &Path, to: &Path) -> PathBuf {
    let was_relative = std::fs::read_link(at).is_ok_and(|old| old.is_relative());
    at.parent()
        .filter(|_| was_relative)
        .and_then(|folder| to.strip_prefix(folder).ok())
        .filter(|rest| !rest.as_os_str().is_empty())
        .map_or_else(|| to.to_owned(), Path::to_owned)
}
