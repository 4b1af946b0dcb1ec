//! Sockets and threads that end while their counterparts live on other threads.

use std::sync::mpsc::channel;

use seaworthy::monitor::Event;
use seaworthy::{Context, PairSocket, PullSocket, PushSocket};

use crate::side::{BUILDS, settle, side};

const SOCKETS: usize = 200;

fn pairs(context: &Context, bind: bool) -> Vec<PairSocket> {
    let pair = |number| {
        let socket = PairSocket::new(context).unwrap();
        let name = format!("inproc://{number}");
        if bind {
            drop(socket.bind(&name[..]).unwrap())
        } else {
            socket.connect(&name[..]).unwrap()
        }
        socket
    };
    (0..SOCKETS).map(pair).collect()
}

#[test]
fn sockets_are_dropped_while_the_thread_of_their_counterparts_is_busy() {
    for build in BUILDS {
        let context = Context::new();
        let (tell_ready, ready) = channel();
        let (tell_dropped, dropped) = channel();
        let there = context.clone();
        let left = side(build, async move || {
            let sockets = pairs(&there, true);
            let mut monitors: Vec<_> = sockets.iter().map(PairSocket::monitor).collect();
            tell_ready.send(()).unwrap();
            for monitor in &mut monitors {
                while !matches!(monitor.recv().await, Some(Event::HandshakeSucceeded { .. })) {}
            }
            for socket in sockets {
                compio::runtime::spawn(async move { socket.recv().await.map(drop) }).detach();
            }
            settle().await;
            tell_ready.send(()).unwrap();
            dropped.recv().unwrap();
            for monitor in &mut monitors {
                while !matches!(monitor.recv().await, Some(Event::Disconnected { .. })) {}
            }
        });
        let leaving = side(build, async move || {
            ready.recv().unwrap();
            let sockets = pairs(&context, false);
            ready.recv().unwrap();
            drop(sockets);
            tell_dropped.send(()).unwrap();
        });
        leaving.join();
        left.join();
    }
}

#[test]
fn a_thread_that_ended_is_no_concern_of_the_others() {
    for build in BUILDS {
        let context = Context::new();
        let (tell_ready, ready) = channel();
        let (tell_connected, connected) = channel();
        let there = context.clone();
        let ended = side(build, async move || {
            let sockets = pairs(&there, true);
            for socket in sockets {
                compio::runtime::spawn(async move { while socket.recv().await.is_ok() {} }).detach();
            }
            settle().await;
            tell_ready.send(()).unwrap();
            connected.recv().unwrap();
            settle().await;
        });
        let living = side(build, async move || {
            ready.recv().unwrap();
            let sockets = pairs(&context, false);
            tell_connected.send(()).unwrap();
            ended.join();
            // Nobody is there: what is sent waits for whoever binds the name next.
            for socket in &sockets {
                let _ = socket.try_send("x");
            }
            drop(sockets);
            let (push, pull) = (PushSocket::new(&context).unwrap(), PullSocket::new(&context).unwrap());
            pull.bind("inproc://after").unwrap();
            push.connect("inproc://after").unwrap();
            push.send("x").await.unwrap();
            pull.recv().await.unwrap().frame(0).unwrap().to_vec()
        });
        assert_eq!(living.join(), b"x");
    }
}

#[test]
fn a_thread_that_panics_takes_no_other_with_it() {
    for build in BUILDS {
        let context = Context::new();
        let (tell_ready, ready) = channel();
        let there = context.clone();
        let left = side(build, async move || {
            let sockets = pairs(&there, true);
            let mut monitors: Vec<_> = sockets.iter().map(PairSocket::monitor).collect();
            tell_ready.send(()).unwrap();
            for monitor in &mut monitors {
                while !matches!(monitor.recv().await, Some(Event::Disconnected { .. })) {}
            }
        });
        let panics = side(build, async move || {
            ready.recv().unwrap();
            let outcome = compio::runtime::spawn(async move {
                let _sockets = pairs(&context, false);
                settle().await;
                panic!("as the test wants");
            })
            .await;
            outcome.is_err()
        });
        assert!(panics.join());
        left.join();
    }
}
