//! Who a process runs as.
//!
//! Users and groups are looked up in `/etc/passwd` and `/etc/group`, not through the C library's name
//! service: that may ask the network, and loads code at run time which a static binary does not have.
//! A user known only to a directory service is given by numbers, as `1000:1000`.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Gid, Uid};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// A user, the user's groups and home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// All groups, `gid` included.
    pub(crate) groups: Vec<Gid>,
    /// The user's name, or its number when it has no name here.
    pub name: String,
    /// The user's home; `None` when it has no entry here.
    pub home: Option<PathBuf>,
}

/// Why a process cannot run as somebody.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The tables of users or groups cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which one.
        path: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no such user.
    #[error("there is no user {0:?} in /etc/passwd")]
    Unknown(String),
    /// Only root may become somebody else.
    #[error("only root can run a process as user {0:?}")]
    NotRoot(String),
}

impl Identity {
    /// The identity of `user`: a name, a number, or `user:group` in numbers. `None` when that is who
    /// this process runs as already, so that nothing is to be done.
    pub fn of(user: &str) -> Result<Option<Self>, IdentityError> {
        let read = |path| {
            fs::read_to_string(path).map_err(|source| IdentityError::Unreadable { path, source })
        };
        let identity = parse(user, &read(PASSWD)?, &read(GROUP)?)
            .ok_or_else(|| IdentityError::Unknown(user.to_owned()))?;
        let own = rustix::process::geteuid();
        if own == identity.uid && !own.is_root() {
            return Ok(None);
        }
        if own.is_root() {
            Ok(Some(identity))
        } else {
            Err(IdentityError::NotRoot(user.to_owned()))
        }
    }
}

fn parse(user: &str, passwd: &str, group: &str) -> Option<Identity> {
    if let Some((uid, gid)) = user.split_once(':') {
        let (uid, gid) = (uid.parse().ok()?, Gid::from_raw(gid.parse().ok()?));
        return Some(Identity {
            uid: Uid::from_raw(uid),
            gid,
            groups: vec![gid],
            name: uid.to_string(),
            home: None,
        });
    }
    // name:password:uid:gid:comment:home:shell (passwd(5))
    let entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.filter(|fields| fields.len() >= 6).find(|fields| {
        fields.first() == Some(&user) || (fields.get(2) == Some(&user) && !user.is_empty())
    })?;
    let field = |n: usize| entry.get(n).copied().unwrap_or_default();
    let gid: u32 = field(3).parse().ok()?;
    let name = field(0);
    // name:password:gid:member,member (group(5))
    let mut groups = vec![Gid::from_raw(gid)];
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, id, members] = fields.as_slice() else { continue };
        let Ok(id) = id.parse::<u32>() else { continue };
        if id != gid && members.split(',').any(|member| member == name) {
            groups.push(Gid::from_raw(id));
        }
    }
    let home = Some(field(5)).filter(|home| !home.is_empty()).map(PathBuf::from);
    let uid = Uid::from_raw(field(2).parse().ok()?);
    Some(Identity { uid, gid: Gid::from_raw(gid), groups, name: name.to_owned(), home })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\n\
                         broken:x\n\
                         web:x:33:34:Web:/var/www:/usr/sbin/nologin\n\
                         nohome:x:40:41:::\n";
    const GROUPS: &str =
        "root:x:0:\nweb:x:34:\nlogs:x:50:ana,web\nweblike:x:51:website\nbad:x:y:web\n";

    fn of(user: &str) -> Option<(u32, Vec<u32>, String, Option<&'static str>)> {
        let identity = parse(user, USERS, GROUPS)?;
        let groups = identity.groups.iter().map(|group| group.as_raw()).collect();
        let home = identity.home.map(|home| &*home.display().to_string().leak());
        Some((identity.uid.as_raw(), groups, identity.name, home))
    }

    #[test]
    fn a_user_is_found_by_name_or_number_with_all_groups() {
        let web = Some((33, vec![34, 50], "web".to_owned(), Some("/var/www")));
        assert_eq!(of("web"), web);
        assert_eq!(of("33"), web);
        assert_eq!(of("nohome"), Some((40, vec![41], "nohome".to_owned(), None)));
        assert_eq!(of("1000:1001"), Some((1000, vec![1001], "1000".to_owned(), None)));
    }

    #[test]
    fn whoever_is_not_there_is_not_found() {
        for user in ["", "broken", "we", "4", "x", "1000:", ":", "web:web", "-1:0"] {
            assert_eq!(of(user), None, "{user:?}");
        }
        let error = Identity::of("no such user").unwrap_err();
        assert_eq!(error.to_string(), "there is no user \"no such user\" in /etc/passwd");
    }
}
