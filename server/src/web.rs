//! What web pages may do: which of them may ask, by which names the server is known, and how browsers are told (CORS).
//!
//! A browser lets any page send requests to `127.0.0.1`. Listening on loopback keeps other machines out, not other machines'
//! pages; what does is the `Origin` that a browser sends, and the `Host` that a page under a borrowed name cannot hide.

mod cors;
mod fence;
mod layer;

pub use fence::{Fence, NotAnOrigin, WebSettings, check_host, check_origin};
pub use layer::{Answer, Face, FenceLayer, Fenced};
