//! The program of one host: opens its sockets, lets their workloads run, and closes them at the end.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;

use seaworthy::{Context, Network};

use super::direct;
use super::forward::{self, Ends};
use super::hostile;
use super::player::{Actor, Player};
use super::receive;
use super::request;
use super::send;
use super::socket::AnySocket;
use super::stage::{SocketName, Stage};
use super::watch;
use crate::scenario::{Role, Workload};
use seaworthy_sim::trace::{Name, Phase, What};

/// Runs the sockets and workloads of `host` until the stage closes. Called again after a crash.
///
/// # Errors
/// When a socket cannot be opened, bound or connected, which a validated scenario does not ask for.
pub async fn perform<N: Network>(stage: Stage, host: Name, network: N) -> Result<(), Box<dyn Error>> {
    let life = stage.begin_life(&host);
    if stage.plan().is_hostile(&host) {
        hostile::perform(&stage, &host, &network, life).await;
        return Ok(());
    }
    let context = Context::with_network(network.clone());
    let running = Rc::new(Cell::new(0_usize));
    let (mut open, mut lines) = (Vec::new(), Vec::new());
    for number in stage.plan().sockets_on(&host) {
        let name = SocketName { number, name: stage.plan().name(number).clone(), host: host.clone(), life };
        if stage.plan().socket(number).is_low_level() {
            let player = Player { stage: stage.clone(), network: network.clone(), name: name.clone() };
            connect_directly(player, &running);
            lines.push(name);
            continue;
        }
        let socket = Rc::new(set_up(&stage, &name, &context, &network)?);
        for workload in stage.plan().workloads(number) {
            let player = Player { stage: stage.clone(), network: network.clone(), name: name.clone() };
            let actor = Actor { player, socket: Rc::clone(&socket) };
            let workload = workload.clone();
            let running = Rc::clone(&running);
            running.set(running.get() + 1);
            network.spawn("workload", async move {
                play(&actor, &workload).await;
                running.set(running.get() - 1);
                actor.stage.wake();
            });
        }
        open.push((name, socket));
    }
    forward_between(&stage, &network, &open, &running);
    stage.reached(Phase::Closing).await;
    stage.until(|| running.get() == 0).await;
    for name in &lines {
        stage.record(name, What::Closed);
    }
    let closing = Rc::new(Cell::new(open.len()));
    for (name, socket) in open {
        let (stage, closing) = (stage.clone(), Rc::clone(&closing));
        network.spawn("close", async move {
            if let Ok(socket) = Rc::try_unwrap(socket) {
                socket.close().await;
                stage.record(&name, What::Closed);
            }
            closing.set(closing.get() - 1);
            stage.wake();
        });
    }
    stage.until(|| closing.get() == 0).await;
    Ok(())
}

/// Starts the workloads of what is called a socket and is a low-level connection.
fn connect_directly<N: Network>(player: Player<N>, running: &Rc<Cell<usize>>) {
    let plan = player.stage.plan();
    player.record(What::Opened { kind: plan.socket(player.name.number).kind.to_string() });
    for workload in plan.workloads(player.name.number).cloned().collect::<Vec<_>>() {
        let (player, running) = (player.clone(), Rc::clone(running));
        running.set(running.get() + 1);
        player.network.clone().spawn("workload", async move {
            player.wait_for(&workload).await;
            direct::run(&player, &workload).await;
            running.set(running.get() - 1);
            player.stage.wake();
        });
    }
}

/// Starts the proxies of a host, once all of its sockets are open.
fn forward_between<N: Network>(
    stage: &Stage,
    network: &N,
    open: &[(SocketName, Rc<AnySocket<N>>)],
    running: &Rc<Cell<usize>>,
) {
    let named = |wanted: &str| open.iter().find(|(name, _)| *name.name == *wanted);
    for (name, socket) in open {
        for plan in stage.plan().workloads(name.number).filter_map(|workload| workload.proxy.clone()) {
            let Some((_, backend)) = named(&plan.backend) else { continue };
            let capture = plan.capture.as_deref().and_then(named).map(|(_, capture)| Rc::clone(capture));
            let ends = Ends { backend: Rc::clone(backend), capture };
            let (stage, name, socket) = (stage.clone(), name.clone(), Rc::clone(socket));
            let actor = Actor { player: Player { stage, network: network.clone(), name }, socket };
            let running = Rc::clone(running);
            running.set(running.get() + 1);
            network.spawn("proxy", async move {
                forward::run(&actor, &plan, &ends).await;
                let Actor { player: Player { stage, .. }, socket } = actor;
                drop((socket, ends));
                running.set(running.get() - 1);
                stage.wake();
            });
        }
    }
}

/// Opens, binds, connects and subscribes a socket.
fn set_up<N: Network>(
    stage: &Stage,
    name: &SocketName,
    context: &Context<N>,
    network: &N,
) -> Result<AnySocket<N>, Box<dyn Error>> {
    let plan = stage.plan().socket(name.number);
    let record = |what| stage.record(name, what);
    let socket = AnySocket::open(plan.kind, context, plan.options.to_options())?;
    record(What::Opened { kind: plan.kind.to_string() });
    watch::spawn(stage, name, network, socket.monitor());
    for topic in &plan.subscribe {
        socket.subscribe(topic)?;
        record(What::Subscribed { topic: topic.clone() });
    }
    for endpoint in &plan.bind {
        socket.bind(endpoint)?;
        record(What::Bound { endpoint: endpoint.clone() });
    }
    for endpoint in &plan.connect {
        record(What::Connecting { endpoint: endpoint.clone() });
        socket.connect(endpoint)?;
    }
    Ok(socket)
}

async fn play<N: Network>(actor: &Actor<N>, workload: &Workload) {
    actor.wait_for(workload).await;
    match workload.role {
        Role::Send => send::run(actor, workload).await,
        Role::Receive => receive::run(actor, workload).await,
        Role::Reply => request::answer(actor, workload).await,
        Role::Request => request::ask(actor, workload).await,
        Role::Subscribe | Role::Unsubscribe => actor.change_subscriptions(workload),
        // It runs once all sockets of the host are open.
        Role::Proxy => {}
    }
}
