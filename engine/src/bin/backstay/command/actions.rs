//! `backstay actions [NAME]`: the catalogue.

use backstay::render::catalogue::{list, page};
use backstay_dsl::catalogue::Signature;
use backstay_dsl::suggest::closest;

use crate::arguments::Actions;
use crate::failure::Failure;
use crate::streams;

pub(super) fn run(arguments: &Actions) -> Result<u8, Failure> {
    let catalogue = backstay::action::catalogue();
    let Some(name) = &arguments.name else {
        streams::data(&list(catalogue.iter()));
        return Ok(0);
    };
    if let Some(signature) = catalogue.get(name) {
        streams::data(&page(signature));
        return Ok(0);
    }
    let family = list(catalogue.iter().filter(|known| known.family == name));
    if family.is_empty() {
        let reason = format!("there is no action and no family `{}`", backstay::render::visible(name));
        let names: Vec<String> = catalogue.iter().map(Signature::full_name).collect();
        let failure = match closest(name, names.iter().map(String::as_str)) {
            Some(nearest) => Failure::usage(reason).help(format!("did you mean `{nearest}`?")),
            None => Failure::usage(reason),
        };
        return Err(failure.help("for a list of all: backstay actions"));
    }
    streams::data(&family);
    Ok(0)
}
