//! Seaworthy's sockets on both backends: the smallest storm.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seaworthy::{Context, PullSocket, PushSocket};
use seaworthy_core::{Instant, Network};
use seaworthy_sim::{Backend, Sim};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_push_survives_a_cut_and_every_message_arrives_in_order() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let received = Rc::new(RefCell::new(Vec::new()));
        let sim = Sim::builder(7).backend(backend).yield_chance(0.2).build();
        let numbers = Rc::clone(&received);
        let pull = sim.host("pull", move |net| {
            let numbers = Rc::clone(&numbers);
            async move {
                let socket = PullSocket::new(&Context::with_network(net))?;
                socket.bind("tcp://*:5555")?;
                while numbers.borrow().len() < 500 {
                    let message = socket.recv().await?;
                    let frame = message.frame(0).ok_or("no frame")?;
                    numbers.borrow_mut().push(u32::from_be_bytes(frame.try_into()?));
                }
                Ok(())
            }
        });
        let push = sim.host("push", |net| async move {
            let socket = PushSocket::new(&Context::with_network(net.clone()))?;
            socket.connect("tcp://pull:5555")?;
            for number in 0..500_u32 {
                socket.send(number.to_be_bytes().to_vec()).await?;
                net.sleep_until(net.now() + Duration::from_millis(10)).await;
            }
            std::future::pending().await
        });
        let control = sim.control();
        sim.run(SECOND).unwrap();
        control.cut_both(push, pull);
        sim.run(2 * SECOND).unwrap();
        let before = received.borrow().len();
        control.heal_all();
        sim.run_until_condition(Instant::ZERO + 60 * SECOND, || control.is_finished(pull)).unwrap();
        assert!((1..200).contains(&before), "{before}");
        assert!(received.borrow().iter().copied().eq(0..500));
    }
}
