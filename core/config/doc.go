// Package config turns what a user said, in five places, into one resolved configuration that a run is a function of.
//
// Most callers need three calls. [Peek] reads the method's, preset's and data set's names before a plugin is asked;
// [Resolve] merges all layers once the method's defaults are known; [Config.Hash] names the result:
//
//	built-in defaults < hyper-parameters of method and backbone < preset < study < file (--config) < environment (SSLCTL_) < flags < --set
//
// # Names of keys
//
// A key is dotted: optimizer.lr, augment.views.0.blur, params.lambda, reg.var.weight. [Keys] lists them. Shorter forms are
// read everywhere:
//
//   - a hyper-parameter of the method by its bare name: lambda is params.lambda; one of a backbone that is a plugin, where
//     nothing else has the name: depth is backbone.depth;
//   - a key of data, backbone, train, optimizer, schedule or augment by its last part where only one has it: lr, batch, blur;
//   - a section by the name that it chooses: optimizer=lars is optimizer.name, data=cifar10 is data.name;
//   - augment.blur (or blur) sets the blur of every view; augment.views.1.blur one view's. A list under augment.views
//     replaces the views of the layers below;
//   - reg.var=0.5 is reg.var.weight, an empty reg.var adds the regulariser with its own weight.
//
// In the environment two underscores stand for the dot and one stays: SSLCTL_OPTIMIZER__WEIGHT_DECAY.
//
// train.epochs and train.steps say the same thing in two units, as do schedule.warmup_epochs and schedule.warmup_steps:
// the one that is set in the higher layer sets the other to zero.
//
// # What the hash covers
//
// [Config.Hash] is SHA-256 over the canonical form of every key that can change a weight, a metric or where a run ends.
// Left out, because results are the same bits whatever they say: out and data.dir (where things lie; the data's own digest
// is in the run's provenance), threads, train.workers and train.views (reductions have a fixed order, random draws depend on the
// image, a GPU makes the same views),
// log_level, quiet and progress (what is shown), checkpoint.* (how often state is saved; resume is exact) and preset (a name
// for values that are all in the configuration). device and cpu_isa are in: they change the order of
// floating-point sums. cpu_isa: auto is hashed as it is, so equal hashes promise equal bits on machines of one instruction set,
// whose products in bfloat16 have the same rate beside float32's where train.precision is bf16;
// device: auto and train.precision: auto are replaced by what was chosen before a run begins, and never stand in a run's
// configuration.
//
// # Promises
//
// Marshal's output, given back as the file layer, resolves to the same hash. Errors carry fault.Usage, name the key, the
// layer (with the file's line) and the value, and hint at what would have been right. A Config is a value: nothing in this
// package changes one after it was returned.
package config
