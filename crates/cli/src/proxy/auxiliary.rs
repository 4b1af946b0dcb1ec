//! The sockets of a broker beside its two: one for copies, one for commands.

use seaworthy::proxy::Forwards;
use seaworthy::{
    CompioNetwork, Context, Endpoint, Options, PairSocket, Proxy, PubSocket, PushSocket, RepSocket,
};

use super::options::{CaptureKind, ControlKind};
use super::settings::Settings;
use crate::problem::Problem;

/// Both, as far as they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Auxiliary {
    capture: Option<Capture>,
    control: Option<Control>,
}

/// Where each end listens, by its name.
pub(crate) type Places = Vec<(&'static str, Endpoint)>;

#[derive(Debug)]
enum Capture {
    Pub(PubSocket),
    Push(PushSocket),
}

#[derive(Debug)]
enum Control {
    Rep(RepSocket),
    Pair(PairSocket),
}

impl Auxiliary {
    /// Opens them, and says where each listens.
    pub(crate) fn open(settings: &Settings, context: &Context) -> Result<(Self, Places), Problem> {
        let options = || Options::default().linger(settings.linger());
        let (mut auxiliary, mut places) = (Self::default(), Places::new());
        if let Some(capture) = &settings.capture {
            let (socket, at) = match capture.kind {
                CaptureKind::Pub => {
                    let socket = PubSocket::with_options(context, options()).map_err(Problem::of_socket)?;
                    let at = socket.bind(capture.bind.as_str()).map_err(Problem::of_socket)?;
                    (Capture::Pub(socket), at)
                }
                CaptureKind::Push => {
                    let socket = PushSocket::with_options(context, options()).map_err(Problem::of_socket)?;
                    let at = socket.bind(capture.bind.as_str()).map_err(Problem::of_socket)?;
                    (Capture::Push(socket), at)
                }
            };
            auxiliary.capture = Some(socket);
            places.push(("capture", at));
        }
        if let Some(control) = &settings.control {
            let (socket, at) = match control.kind {
                ControlKind::Rep => {
                    let socket = RepSocket::with_options(context, options()).map_err(Problem::of_socket)?;
                    let at = socket.bind(control.bind.as_str()).map_err(Problem::of_socket)?;
                    (Control::Rep(socket), at)
                }
                ControlKind::Pair => {
                    let socket = PairSocket::with_options(context, options()).map_err(Problem::of_socket)?;
                    let at = socket.bind(control.bind.as_str()).map_err(Problem::of_socket)?;
                    (Control::Pair(socket), at)
                }
            };
            auxiliary.control = Some(socket);
            places.push(("control", at));
        }
        Ok((auxiliary, places))
    }

    /// Gives both to a proxy.
    pub(crate) fn attach<'s, F: Forwards, B: Forwards>(
        &'s self,
        mut proxy: Proxy<'s, F, B, CompioNetwork>,
    ) -> Proxy<'s, F, B, CompioNetwork> {
        proxy = match &self.capture {
            Some(Capture::Pub(socket)) => proxy.capture(socket),
            Some(Capture::Push(socket)) => proxy.capture(socket),
            None => proxy,
        };
        match &self.control {
            Some(Control::Rep(socket)) => proxy.control(socket),
            Some(Control::Pair(socket)) => proxy.control(socket),
            None => proxy,
        }
    }

    /// Closes both: what the control socket still has to say goes out first, since whoever told us to end waits for it.
    pub(crate) async fn close(self) {
        match self.control {
            Some(Control::Rep(socket)) => socket.close().await,
            Some(Control::Pair(socket)) => socket.close().await,
            None => {}
        }
        match self.capture {
            Some(Capture::Pub(socket)) => socket.close().await,
            Some(Capture::Push(socket)) => socket.close().await,
            None => {}
        }
    }
}
