// Package schedule has a cluster run lxsweep apply by itself: every night, or
// now while the laptop is closed.
//
// # Start here
//
// A [Driver] is what is to be run: files, arguments, an image. [Driver.Nightly]
// makes the objects of a schedule of it, [Driver.Once] those of a Job that
// starts now. They are values: [Objects.YAML] prints them for kubectl, and a
// [Client] compares them with the cluster or applies them.
//
// # The objects
//
// All are called as the driver and have the label lxsweep.dev/schedule:
//
//	ServiceAccount, Role, RoleBinding  the least that apply needs
//	PersistentVolumeClaim              its ledger, or
//	Secret NAME-ledger                 the URL of a shared one
//	ConfigMap                          the project's files
//	Secret NAME-variables              sensitive variables
//	CronJob or Job                     the driver
//
// # The driver's pod
//
// It has the files where they are on the laptop, seen from their common folder,
// which is /sweep there: so sources, keys and works are the same. It works in
// the folder of the first .hcl file, where .lxsweep is the claim and the one
// thing that can be written to. A round is called as the Job, which all pods of
// the Job know: one that replaces another goes on with its night.
//
// # What it does not know
//
// Sweeps, the language, or what apply does with its arguments.
package schedule
