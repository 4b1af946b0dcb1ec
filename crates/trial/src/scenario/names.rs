//! Groups and their members: what the names in a scenario stand for.

use std::collections::BTreeMap;

use seaworthy_sim::script::names::{Groups, Names as Subjects, SocketUse, members};

use super::model::Scenario;
use super::workload::Role;

/// The members of every host, socket and hostile peer of a scenario.
#[derive(Debug)]
pub(super) struct Names {
    subjects: Subjects,
    hostiles: Groups,
    /// On which host each member of a socket or a hostile peer runs.
    placed: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut subjects = Subjects::default();
        for host in &scenario.host {
            subjects.add_host(&host.name, host.count);
        }
        let mut placed = BTreeMap::new();
        let mut place = |subjects: &Subjects, name: &str, host: &str, count: Option<u64>| {
            let on = subjects.hosts(host);
            let each = count.unwrap_or(1);
            let total = on.len() as u64 * each;
            let numbered = on.len() > 1 || count.is_some() || subjects.is_group_of_hosts(host);
            let names = members(name, numbered.then_some(total));
            for (position, name) in names.iter().enumerate() {
                if let Some(host) = on.get(position / each.max(1) as usize) {
                    placed.insert(name.clone(), host.clone());
                }
            }
            names
        };
        for socket in &scenario.socket {
            let members = place(&subjects, &socket.name, &socket.host, socket.count);
            subjects.add_socket(&socket.name, members);
        }
        let mut hostiles = Groups::default();
        for hostile in &scenario.hostile {
            hostiles.insert(&hostile.name, place(&subjects, &hostile.name, &hostile.host, hostile.count));
        }
        for workload in &scenario.workload {
            for member in subjects.sockets(&workload.socket).to_vec() {
                subjects.add_use(&member, use_of(workload.role));
            }
        }
        Self { subjects, hostiles, placed }
    }

    /// The hosts and sockets, which links and faults can name.
    pub(super) fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// The members of a host name; empty when nobody has it.
    pub(super) fn hosts(&self, name: &str) -> &[String] {
        self.subjects.hosts(name)
    }

    /// The members of a socket name; empty when nobody has it.
    pub(super) fn sockets(&self, name: &str) -> &[String] {
        self.subjects.sockets(name)
    }

    /// The members of the name of a hostile peer; empty when nobody has it.
    pub(super) fn hostiles(&self, name: &str) -> &[String] {
        self.hostiles.get(name)
    }

    /// The host of a member of a socket or of a hostile peer.
    pub(super) fn host_of(&self, socket: &str) -> &str {
        self.placed.get(socket).map_or("", String::as_str)
    }

    /// All names a hostile peer can be called by, for an error message.
    pub(super) fn hostile_list(&self) -> String {
        self.hostiles.list()
    }
}

/// What a role does with its socket.
fn use_of(role: Role) -> SocketUse {
    SocketUse {
        sends: matches!(role, Role::Send | Role::Request | Role::Reply),
        receives: matches!(role, Role::Receive | Role::Request | Role::Reply),
        stalls: matches!(role, Role::Receive | Role::Reply | Role::Proxy),
    }
}
