//! Groups and their members: what the names in a scenario stand for.

use std::collections::BTreeMap;

use super::model::Scenario;

/// The members of every host and socket of a scenario.
#[derive(Debug)]
pub(super) struct Names {
    hosts: Groups,
    sockets: Groups,
    hostiles: Groups,
    /// On which host each member of a socket or a hostile peer runs.
    placed: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Groups {
    /// Group or single name to its members, in order.
    groups: BTreeMap<String, Vec<String>>,
    /// Member to itself.
    members: BTreeMap<String, [String; 1]>,
}

impl Names {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut hosts = Groups::default();
        for host in &scenario.host {
            hosts.insert(&host.name, members(&host.name, host.count));
        }
        let mut sockets = Groups::default();
        let mut placed = BTreeMap::new();
        let mut place = |name: &str, host: &str, count: Option<u64>| {
            let on = hosts.get(host);
            let each = count.unwrap_or(1);
            let total = on.len() as u64 * each;
            let numbered = on.len() > 1 || count.is_some() || hosts.is_group(host);
            let names = members(name, numbered.then_some(total));
            for (position, name) in names.iter().enumerate() {
                if let Some(host) = on.get(position / each.max(1) as usize) {
                    placed.insert(name.clone(), host.clone());
                }
            }
            names
        };
        for socket in &scenario.socket {
            sockets.insert(&socket.name, place(&socket.name, &socket.host, socket.count));
        }
        let mut hostiles = Groups::default();
        for hostile in &scenario.hostile {
            hostiles.insert(&hostile.name, place(&hostile.name, &hostile.host, hostile.count));
        }
        Self { hosts, sockets, hostiles, placed }
    }

    /// The members of a host name; empty when nobody has it.
    pub(super) fn hosts(&self, name: &str) -> &[String] {
        self.hosts.get(name)
    }

    /// The members of a socket name; empty when nobody has it.
    pub(super) fn sockets(&self, name: &str) -> &[String] {
        self.sockets.get(name)
    }

    /// The members of the name of a hostile peer; empty when nobody has it.
    pub(super) fn hostiles(&self, name: &str) -> &[String] {
        self.hostiles.get(name)
    }

    /// The host of a member of a socket or of a hostile peer.
    pub(super) fn host_of(&self, socket: &str) -> &str {
        self.placed.get(socket).map_or("", String::as_str)
    }

    /// All names a host can be called by, for an error message.
    pub(super) fn host_list(&self) -> String {
        self.hosts.list()
    }

    /// All names a hostile peer can be called by, for an error message.
    pub(super) fn hostile_list(&self) -> String {
        self.hostiles.list()
    }

    /// All names a socket can be called by, for an error message.
    pub(super) fn socket_list(&self) -> String {
        self.sockets.list()
    }
}

impl Groups {
    fn insert(&mut self, group: &str, members: Vec<String>) {
        for member in &members {
            self.members.insert(member.clone(), [member.clone()]);
        }
        self.groups.insert(group.to_owned(), members);
    }

    fn get(&self, name: &str) -> &[String] {
        match self.groups.get(name) {
            Some(members) => members,
            None => self.members.get(name).map_or(&[], |member| member),
        }
    }

    fn is_group(&self, name: &str) -> bool {
        self.groups.get(name).is_some_and(|members| members.first().is_none_or(|first| first != name))
    }

    fn list(&self) -> String {
        self.groups.keys().cloned().collect::<Vec<_>>().join(", ")
    }
}

fn members(name: &str, count: Option<u64>) -> Vec<String> {
    match count {
        None => vec![name.to_owned()],
        Some(count) => (1..=count).map(|number| format!("{name}-{number}")).collect(),
    }
}
