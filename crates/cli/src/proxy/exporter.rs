//! An HTTP server with one page: the metrics. It serves whoever asks, and nobody for long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use compio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};

use super::metrics::CONTENT_TYPE;

/// Clients that are served at one time. One more, and the oldest is cut off, so that slow ones keep nobody out.
const CLIENTS_MAX: usize = 16;

/// How long a client may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest request that is read, in bytes: many times what Prometheus sends.
const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// How long nothing is accepted after accepting failed, as when files ran out.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serves metrics at an address.
#[derive(Debug)]
pub(crate) struct Exporter {
    listener: TcpListener,
}

type Serving<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl Exporter {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers every request with what `metrics` says then.
    pub(crate) async fn serve(&self, metrics: &dyn Fn() -> String) -> Infallible {
        let mut clients: VecDeque<Serving<'_>> = VecDeque::new();
        let mut accepting = self.accept();
        poll_fn(|context| {
            while let Poll::Ready(stream) = accepting.as_mut().poll(context) {
                accepting = self.accept();
                let Some(stream) = stream else { continue };
                if clients.len() == CLIENTS_MAX {
                    clients.pop_front();
                }
                clients.push_back(Box::pin(async {
                    // A client that is slow, or gone, misses its answer and nothing else happens.
                    let _ = compio::time::timeout(PATIENCE, answer(stream, metrics)).await;
                }));
            }
            poll_clients(&mut clients, context)
        })
        .await
    }

    /// The next client. `None` after a pause when accepting failed.
    fn accept(&self) -> Pin<Box<dyn Future<Output = Option<TcpStream>> + '_>> {
        Box::pin(async {
            match self.listener.accept().await {
                Ok((stream, _)) => Some(stream),
                Err(reason) => {
                    tracing::warn!(target: "seaworthy::proxy", %reason, "a client that asks for metrics was not accepted");
                    compio::time::sleep(ACCEPT_RETRY).await;
                    None
                }
            }
        })
    }
}

fn poll_clients(clients: &mut VecDeque<Serving<'_>>, context: &mut Context<'_>) -> Poll<Infallible> {
    clients.retain_mut(|client| client.as_mut().poll(context).is_pending());
    Poll::Pending
}

/// Reads one request and answers it.
async fn answer(mut stream: TcpStream, metrics: &dyn Fn() -> String) -> io::Result<()> {
    let mut request = Vec::new();
    let answer = loop {
        if let Some(line) = request_line(&request) {
            break page(line, metrics);
        }
        if request.len() >= REQUEST_BYTES_MAX {
            break refusal("431 Request Header Fields Too Large", "");
        }
        let compio::BufResult(count, piece) = stream.read(Vec::with_capacity(1024)).await;
        if count? == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece);
    };
    stream.write_all(answer).await.0?;
    stream.shutdown().await
}

/// The first line of a request whose head is complete.
fn request_line(request: &[u8]) -> Option<&[u8]> {
    let complete = request.windows(4).any(|end| end == b"\r\n\r\n");
    request.split(|byte| *byte == b'\r').next().filter(|_| complete)
}

fn page(request_line: &[u8], metrics: &dyn Fn() -> String) -> Vec<u8> {
    let mut words = request_line.split(|byte| *byte == b' ');
    let (method, path, version) = (words.next(), words.next(), words.next());
    if words.next().is_some() || !version.is_some_and(|version| version.starts_with(b"HTTP/1.")) {
        return refusal("400 Bad Request", "");
    }
    let path = path.map(|path| path.split(|byte| *byte == b'?').next().unwrap_or_default());
    match (method, path) {
        (Some(b"GET"), Some(b"/metrics")) => response("200 OK", CONTENT_TYPE, "", &metrics(), true),
        (Some(b"HEAD"), Some(b"/metrics")) => response("200 OK", CONTENT_TYPE, "", &metrics(), false),
        (Some(b"GET" | b"HEAD"), _) => refusal("404 Not Found", ""),
        _ => refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
    }
}

fn refusal(status: &str, headers: &str) -> Vec<u8> {
    response(status, "text/plain; charset=utf-8", headers, "The metrics are at /metrics.\n", true)
}

fn response(status: &str, content_type: &str, headers: &str, body: &str, with_body: bool) -> Vec<u8> {
    let length = body.len();
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{headers}Connection: \
         close\r\n\r\n"
    );
    if with_body {
        response.push_str(body);
    }
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;

    use futures_util::future::{Either, join_all, select};

    use super::*;

    /// Plays a script beside an exporter, which says how often it was asked.
    fn beside<F: Future<Output = ()>>(script: impl FnOnce(SocketAddr) -> F) {
        seaworthy::runtime().unwrap().block_on(async {
            let exporter = Exporter::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let asked = Cell::new(0);
            let metrics = || {
                asked.set(asked.get() + 1);
                format!("asked {}\n", asked.get())
            };
            let script = pin!(script(exporter.address().unwrap()));
            match select(pin!(exporter.serve(&metrics)), script).await {
                Either::Left((never, _)) => match never {},
                Either::Right(((), _)) => {}
            }
        });
    }

    /// What is answered to these bytes.
    async fn ask(at: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(request.to_vec()).await.0.unwrap();
        read_all(stream).await
    }

    async fn read_all(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        loop {
            match stream.read(Vec::with_capacity(1024)).await {
                compio::BufResult(Ok(1..), piece) => answer.extend_from_slice(&piece),
                // Cut off, or at the end.
                _ => return String::from_utf8(answer).unwrap(),
            }
        }
    }

    #[test]
    fn only_metrics_are_answered() {
        beside(|at| async move {
            for (request, status, body) in [
                ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", "asked 1\n"),
                ("GET /metrics?name=a HTTP/1.0\r\n\r\n", "200 OK", "asked 2\n"),
                ("HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK", ""),
                ("GET / HTTP/1.1\r\n\r\n", "404 Not Found", "/metrics"),
                ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "/metrics"),
                ("GET /metrics\r\n\r\n", "400 Bad Request", "/metrics"),
                ("\r\n\r\n", "400 Bad Request", "/metrics"),
            ] {
                let answer = ask(at, request.as_bytes()).await;
                let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
                assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {answer}");
                assert!(rest.contains(body) && rest.is_empty() == body.is_empty(), "{request}: {answer}");
            }
        });
    }

    #[test]
    fn an_endless_request_is_refused_and_a_slow_one_keeps_nobody_out() {
        beside(|at| async move {
            assert!(ask(at, &[b'x'; REQUEST_BYTES_MAX]).await.contains(" 431 "));
            let slow = (0..CLIENTS_MAX + 1).map(async |_| {
                let mut stream = TcpStream::connect(at).await.unwrap();
                stream.write_all(b"GET /metrics".to_vec()).await.0.unwrap();
                stream
            });
            let mut slow = join_all(slow).await;
            assert!(ask(at, b"GET /metrics HTTP/1.1\r\n\r\n").await.contains("asked 1"));
            assert_eq!(read_all(slow.remove(0)).await, "", "cut off");
        });
    }
}
