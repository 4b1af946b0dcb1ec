//! What the repository promises about itself: links that resolve, names that exist, words that strangers know, packages
//! fit to publish.

mod links;
mod markdown;
mod names;
mod packages;
mod tree;
mod wording;
