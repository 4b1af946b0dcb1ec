//! Groups and their members: what the names in a script stand for.

use std::collections::BTreeMap;

/// The members of every host and every socket that a script can name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    hosts: Groups,
    sockets: Groups,
    /// What the application does with each member of a socket.
    uses: BTreeMap<String, SocketUse>,
}

/// What an application does with a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketUse {
    /// It sends.
    pub sends: bool,
    /// It receives.
    pub receives: bool,
    /// It takes messages at its own pace, so that it can be stalled.
    pub stalls: bool,
}

/// Groups and their members.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// Group or single name to its members, in order.
    groups: BTreeMap<String, Vec<String>>,
    /// Member to itself.
    members: BTreeMap<String, [String; 1]>,
}

impl Names {
    /// Adds a host, or `count` alike.
    pub fn add_host(&mut self, name: &str, count: Option<u64>) {
        self.hosts.insert(name, members(name, count));
    }

    /// Adds a socket with its members.
    pub fn add_socket(&mut self, name: &str, members: Vec<String>) {
        self.sockets.insert(name, members);
    }

    /// Adds what the application does with a member of a socket.
    pub fn add_use(&mut self, socket: &str, does: SocketUse) {
        let known = self.uses.entry(socket.to_owned()).or_default();
        known.sends |= does.sends;
        known.receives |= does.receives;
        known.stalls |= does.stalls;
    }

    /// The members of a host name; empty when nobody has it.
    pub fn hosts(&self, name: &str) -> &[String] {
        self.hosts.get(name)
    }

    /// Whether the name of a host stands for numbered members.
    pub fn is_group_of_hosts(&self, name: &str) -> bool {
        self.hosts.is_group(name)
    }

    /// The members of a socket name; empty when nobody has it.
    pub fn sockets(&self, name: &str) -> &[String] {
        self.sockets.get(name)
    }

    /// What the application does with the members of a socket.
    pub fn uses(&self, socket: &str) -> SocketUse {
        let of_member = |member: &String| self.uses.get(member).copied().unwrap_or_default();
        self.sockets(socket).iter().map(of_member).fold(SocketUse::default(), |all, one| SocketUse {
            sends: all.sends || one.sends,
            receives: all.receives || one.receives,
            stalls: all.stalls || one.stalls,
        })
    }

    /// All names a host can be called by, for an error message.
    pub fn host_list(&self) -> String {
        self.hosts.list()
    }

    /// All names a socket can be called by, for an error message.
    pub fn socket_list(&self) -> String {
        self.sockets.list()
    }
}

impl Groups {
    /// Adds a group, or a single one that is its own member.
    pub fn insert(&mut self, group: &str, members: Vec<String>) {
        for member in &members {
            self.members.insert(member.clone(), [member.clone()]);
        }
        self.groups.insert(group.to_owned(), members);
    }

    /// The members of a group; empty when nobody has the name.
    pub fn get(&self, name: &str) -> &[String] {
        match self.groups.get(name) {
            Some(members) => members,
            None => self.members.get(name).map_or(&[], |member| member),
        }
    }

    /// Whether the name stands for numbered members.
    pub fn is_group(&self, name: &str) -> bool {
        self.groups.get(name).is_some_and(|members| members.first().is_none_or(|first| first != name))
    }

    /// All names that something can be called by, for an error message.
    pub fn list(&self) -> String {
        self.groups.keys().cloned().collect::<Vec<_>>().join(", ")
    }
}

/// The names of a group's members, or the one name.
pub fn members(name: &str, count: Option<u64>) -> Vec<String> {
    match count {
        None => vec![name.to_owned()],
        Some(count) => (1..=count).map(|number| format!("{name}-{number}")).collect(),
    }
}
