//! What the repository promises about itself: links that resolve, words that strangers know, packages fit to publish.

mod links;
mod markdown;
mod packages;
mod tree;
mod wording;
