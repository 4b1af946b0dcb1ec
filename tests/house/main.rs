//! What the repository promises about itself: links that resolve, names that exist, words that strangers know, packages
//! fit to publish.

mod imports;
mod links;
mod markdown;
mod names;
mod packages;
mod storeys;
mod tree;
mod wording;
