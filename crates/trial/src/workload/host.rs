//! The program of one host: opens its sockets, lets their workloads run, and closes them at the end.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;

use seaworthy::{Context, Network};

use super::direct;
use super::forward::{self, Ends};
use super::hostile;
use super::receive;
use super::request;
use super::run_state::{RunState, SocketName};
use super::send;
use super::socket::AnySocket;
use super::watch;
use super::workload_context::{SocketContext, WorkloadContext};
use crate::scenario::{Role, Workload};
use seaworthy_sim::trace::{EventKind, Name, Phase};

/// Runs the sockets and workloads of `host` until the stage closes. Called again after a crash.
///
/// # Errors
/// When a socket cannot be opened, bound or connected, which a validated scenario does not ask for.
pub async fn run_host<N: Network>(run: RunState, host: Name, network: N) -> Result<(), Box<dyn Error>> {
    let life = run.begin_life(&host);
    if run.plan().is_hostile(&host) {
        hostile::run_host(&run, &host, &network, life).await;
        return Ok(());
    }
    let context = Context::with_network(network.clone());
    let running = Rc::new(Cell::new(0_usize));
    let (mut open, mut lines) = (Vec::new(), Vec::new());
    for number in run.plan().sockets_on(&host) {
        let name = SocketName { number, name: run.plan().name(number).clone(), host: host.clone(), life };
        if run.plan().socket(number).is_low_level() {
            let context = WorkloadContext { run: run.clone(), network: network.clone(), name: name.clone() };
            connect_directly(context, &running);
            lines.push(name);
            continue;
        }
        let socket = Rc::new(set_up(&run, &name, &context, &network)?);
        for workload in run.plan().workloads(number) {
            let context = WorkloadContext { run: run.clone(), network: network.clone(), name: name.clone() };
            let socket_context = SocketContext { context, socket: Rc::clone(&socket) };
            let workload = workload.clone();
            let running = Rc::clone(&running);
            running.set(running.get() + 1);
            network.spawn("workload", async move {
                play(&socket_context, &workload).await;
                running.set(running.get() - 1);
                socket_context.run.wake();
            });
        }
        open.push((name, socket));
    }
    forward_between(&run, &network, &open, &running);
    run.reached(Phase::Closing).await;
    run.until(|| running.get() == 0).await;
    for name in &lines {
        run.record(name, EventKind::Closed);
    }
    let closing = Rc::new(Cell::new(open.len()));
    for (name, socket) in open {
        let (run, closing) = (run.clone(), Rc::clone(&closing));
        network.spawn("close", async move {
            if let Ok(socket) = Rc::try_unwrap(socket) {
                socket.close().await;
                run.record(&name, EventKind::Closed);
            }
            closing.set(closing.get() - 1);
            run.wake();
        });
    }
    run.until(|| closing.get() == 0).await;
    Ok(())
}

/// Starts the workloads of what is called a socket and is a low-level connection.
fn connect_directly<N: Network>(context: WorkloadContext<N>, running: &Rc<Cell<usize>>) {
    let plan = context.run.plan();
    context.record(EventKind::Opened { kind: plan.socket(context.name.number).kind.to_string() });
    for workload in plan.workloads(context.name.number).cloned().collect::<Vec<_>>() {
        let (context, running) = (context.clone(), Rc::clone(running));
        running.set(running.get() + 1);
        context.network.clone().spawn("workload", async move {
            context.wait_for(&workload).await;
            direct::run(&context, &workload).await;
            running.set(running.get() - 1);
            context.run.wake();
        });
    }
}

/// Starts the proxies of a host, once all of its sockets are open.
fn forward_between<N: Network>(
    run: &RunState,
    network: &N,
    open: &[(SocketName, Rc<AnySocket<N>>)],
    running: &Rc<Cell<usize>>,
) {
    let named = |wanted: &str| open.iter().find(|(name, _)| *name.name == *wanted);
    for (name, socket) in open {
        for plan in run.plan().workloads(name.number).filter_map(|workload| workload.proxy.clone()) {
            let Some((_, backend)) = named(&plan.backend) else { continue };
            let capture = plan.capture.as_deref().and_then(named).map(|(_, capture)| Rc::clone(capture));
            let ends = Ends { backend: Rc::clone(backend), capture };
            let (run, name, socket) = (run.clone(), name.clone(), Rc::clone(socket));
            let socket_context =
                SocketContext { context: WorkloadContext { run, network: network.clone(), name }, socket };
            let running = Rc::clone(running);
            running.set(running.get() + 1);
            network.spawn("proxy", async move {
                forward::run(&socket_context, &plan, &ends).await;
                let SocketContext { context: WorkloadContext { run, .. }, socket } = socket_context;
                drop((socket, ends));
                running.set(running.get() - 1);
                run.wake();
            });
        }
    }
}

/// Opens, binds, connects and subscribes a socket.
fn set_up<N: Network>(
    run: &RunState,
    name: &SocketName,
    context: &Context<N>,
    network: &N,
) -> Result<AnySocket<N>, Box<dyn Error>> {
    let plan = run.plan().socket(name.number);
    let record = |what| run.record(name, what);
    let socket = AnySocket::open(plan.kind, context, plan.options.to_options())?;
    record(EventKind::Opened { kind: plan.kind.to_string() });
    watch::spawn(run, name, network, socket.monitor());
    for topic in &plan.subscribe {
        socket.subscribe(topic)?;
        record(EventKind::Subscribed { topic: topic.clone() });
    }
    for endpoint in &plan.bind {
        socket.bind(endpoint)?;
        record(EventKind::Bound { endpoint: endpoint.clone() });
    }
    for endpoint in &plan.connect {
        record(EventKind::Connecting { endpoint: endpoint.clone() });
        socket.connect(endpoint)?;
    }
    Ok(socket)
}

async fn play<N: Network>(socket_context: &SocketContext<N>, workload: &Workload) {
    socket_context.wait_for(workload).await;
    match workload.role {
        Role::Send => send::run(socket_context, workload).await,
        Role::Receive => receive::run(socket_context, workload).await,
        Role::Reply => request::answer(socket_context, workload).await,
        Role::Request => request::ask(socket_context, workload).await,
        Role::Subscribe | Role::Unsubscribe => socket_context.change_subscriptions(workload),
        // It runs once all sockets of the host are open.
        Role::Proxy => {}
    }
}
