//! Names of users and groups.

#![expect(
    clippy::disallowed_methods,
    reason = "the system's lists of users and groups are files"
)]

/// What a user is called, by number: `ada`, else `uid 1000`.
pub fn name(uid: u32) -> String {
    known("/etc/passwd", uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// What a user and a group are called, by their numbers, as `chown` takes them: `ada:staff`, a number where there is no
/// name.
pub fn owner(uid: u32, gid: u32) -> String {
    let user = known("/etc/passwd", uid).unwrap_or_else(|| uid.to_string());
    let group = known("/etc/group", gid).unwrap_or_else(|| gid.to_string());
    format!("{user}:{group}")
}

/// The name that one of the system's lists has for a number.
fn known(list: &str, number: u32) -> Option<String> {
    let number = number.to_string();
    let entries = std::fs::read(list).unwrap_or_default();
    String::from_utf8_lossy(&entries).lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}
