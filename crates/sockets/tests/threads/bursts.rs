//! Many sockets of two threads that send to each other at once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Barrier};

use seaworthy::{Context, PairSocket};

use crate::side::{BUILDS, settle, side};

const PAIRS: usize = 200;
const ROUNDS: usize = 30;

async fn exchange(context: Context, binds: bool, together: Arc<Barrier>) -> usize {
    let sockets: Vec<_> = (0..PAIRS)
        .map(|number| {
            let socket = PairSocket::new(&context).unwrap();
            let name = format!("inproc://{number}");
            if binds {
                drop(socket.bind(&name[..]).unwrap())
            } else {
                socket.connect(&name[..]).unwrap()
            }
            Rc::new(socket)
        })
        .collect();
    while sockets.iter().any(|socket| socket.peers() == 0) {
        settle().await;
    }
    let received = Rc::new(Cell::new(0));
    for socket in &sockets {
        let (socket, received) = (Rc::clone(socket), Rc::clone(&received));
        compio::runtime::spawn(async move {
            while socket.recv().await.is_ok() {
                received.set(received.get() + 1);
            }
        })
        .detach();
    }
    for round in 1..=ROUNDS {
        settle().await;
        together.wait();
        for socket in &sockets {
            socket.try_send("x").unwrap();
        }
        while received.get() < round * PAIRS {
            settle().await;
        }
    }
    together.wait();
    received.get()
}

#[test]
fn two_threads_whose_sockets_all_send_to_each_other_at_once_receive_everything() {
    for build in BUILDS {
        let (context, together) = (Context::new(), Arc::new(Barrier::new(2)));
        let sides = [true, false].map(|binds| {
            let (context, together) = (context.clone(), Arc::clone(&together));
            side(build, async move || exchange(context, binds, together).await)
        });
        assert_eq!(sides.map(|side| side.join()), [PAIRS * ROUNDS; 2]);
    }
}
