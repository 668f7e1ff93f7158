// Package data brings images: it finds and fetches datasets, reads them, and feeds training with batches of
// augmented views.
//
// Most callers need three calls. [Open] reads a dataset by name ("fashion-mnist", "mnist", "cifar10", "cifar100")
// or by the path of a folder of images or of a pack, the file into which [Pack] decodes a data set. [NewLoader] makes the endless stream of training batches. [Plain] walks a
// dataset once, in order, for evaluation. [Fetch] downloads what Open did not find; [List] says what is known and
// what is there.
//
// What it promises. A batch is a function of dataset, pipelines, seed and step: neither the number of workers, nor
// a seek, nor the size of the cache changes a bit of it. Files are not trusted: a truncated, hostile or damaged
// file ends in an error that names it and says what to do (exit code fault.Data), never in a panic, and never in
// memory that a header asked for but no content backs. In its steady state the loader allocates nothing.
//
// # Where data is looked up
//
// In this order: the folder that the caller names (--data-dir), the environment's SSLCTL_DATA_DIR, the user's
// data folder (XDG_DATA_HOME/sslctl, by default ~/.local/share/sslctl), and /usr/share/datasets, where Debian's
// package dataset-fashion-mnist puts its files. In each, a dataset may lie in a folder of its own name or where
// torchvision puts it (FashionMNIST/raw, MNIST/raw, cifar-10-batches-bin, cifar-100-binary); in the first two, its
// files may also lie directly in the folder.
package data
