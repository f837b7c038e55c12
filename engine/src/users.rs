//! Names of users.

#![expect(clippy::disallowed_methods, reason = "the system's list of users is a file")]

/// What a user is called, by number: `ada`, else `uid 1000`.
pub fn name(uid: u32) -> String {
    let number = uid.to_string();
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    let users = String::from_utf8_lossy(&users);
    let known = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    known.unwrap_or_else(|| format!("uid {number}"))
}
