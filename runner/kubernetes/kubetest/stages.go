package kubetest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// These annotations of a pod say what becomes of it on a simulated node. They
// are looked at whenever the pod changes: to hold a pod, let it run for an hour,
// and to let it go, set that to 0s. Durations are whole numbers with one unit,
// such as 300ms.
const (
	StartAfter = prefix + "start-after" // a duration from being bound to running; 0s if absent
	RunFor     = prefix + "run-for"     // a duration from running to the end; 0s if absent
	ExitCode   = prefix + "exit-code"   // of the container main, or the only one; 0 if absent
	Reason     = prefix + "reason"      // of the end, such as OOMKilled; Completed or Error if absent
	Message    = prefix + "message"     // the termination message; its last 4,096 bytes count
	Logs       = prefix + "logs"        // what the container has written
	LogsError  = prefix + "logs-error"  // what the kubelet answers to a request for the logs instead

	Waiting        = prefix + "waiting"         // the reason why it does not start, such as ImagePullBackOff
	WaitingMessage = prefix + "waiting-message" // its message
	WaitFor        = prefix + "wait-for"        // a duration after which it starts all the same; never if absent

	Evict     = prefix + "evict"      // the kubelet evicts the running pod, with this message
	StopAfter = prefix + "stop-after" // a duration from its deletion to its end; 0s if absent

	prefix = "kwok.lxsweep.dev/"
)

// stage is one thing that kwok does to an object: when the jq condition holds,
// after the time that the jq expression gives, it patches the status with the
// template, or, without one, deletes the object.
type stage struct {
	name   string
	kind   string
	when   string
	after  string
	status string
}

// jq expressions on a pod.
const (
	alive    = `.metadata.deletionTimestamp == null`
	pending  = `.status.phase == "Pending"`
	running  = `.status.phase == "Running"`
	isHeld   = `.status.containerStatuses[0].state.waiting.reason`
	deadline = `.spec.activeDeadlineSeconds`
)

// annotation is the jq expression of one.
func annotation(key string) string { return fmt.Sprintf(`.metadata.annotations[%q]`, key) }

// seconds is the jq expression of an annotation that is a duration.
func seconds(key string) string {
	return `((` + annotation(key) + ` // "0s") | capture("^(?<n>[0-9]+)(?<unit>[a-z]+)$") | (.n|tonumber) * {ms: 0.001, s: 1, m: 60, h: 3600}[.unit])`
}

var stages = []stage{
	{
		name: "node-ready", kind: "Node",
		when: `[.status.conditions[]? | select(.type == "Ready") | .status] != ["True"]`,
		status: `
conditions:
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }}}
{{ end }}`,
	},
	{
		name: "pod-wait", kind: "Pod",
		when: and(alive, pending, annotation(Waiting)+` != null`, isHeld+` != `+annotation(Waiting)),
		status: begin + conditions("False") + `
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0, state: {waiting: {reason: {{ index $a "` + Waiting + `" | Quote }}, message: {{ or (index $a "` + WaitingMessage + `") "" | Quote }}}}}
{{ end }}
phase: Pending
startTime: {{ Now | Quote }}`,
	},
	{
		name: "pod-recover", kind: "Pod",
		when:   and(alive, pending, annotation(WaitFor)+` != null`, annotation(Waiting)+` != null`, isHeld+` == `+annotation(Waiting)),
		after:  annotation(WaitFor),
		status: begin + conditions("True") + run,
	},
	{
		name: "pod-run", kind: "Pod",
		when:   and(alive, pending, annotation(Waiting)+` == null`),
		after:  annotation(StartAfter),
		status: begin + conditions("True") + run,
	},
	{
		name: "pod-end", kind: "Pod",
		when:  and(alive, running, annotation(Evict)+` == null`, `(`+deadline+` == null or `+seconds(RunFor)+` < `+deadline+`)`),
		after: annotation(RunFor),
		status: begin + end(`$code`, `(index $a "`+Reason+`")`, `(index $a "`+Message+`")`) + `
phase: {{ if eq $code "0" }}Succeeded{{ else }}Failed{{ end }}`,
	},
	{
		name: "pod-deadline", kind: "Pod",
		when:  and(alive, running, annotation(Evict)+` == null`, deadline+` != null`, seconds(RunFor)+` >= `+deadline),
		after: deadline + ` | "\(.)s"`,
		status: begin + end(`"143"`, `"Error"`, `""`) + `
phase: Failed
reason: DeadlineExceeded
message: Pod was active on the node longer than the specified deadline`,
	},
	{
		name: "pod-evict", kind: "Pod",
		when: and(alive, running, annotation(Evict)+` != null`),
		status: begin + end(`"137"`, `"Error"`, `""`) + `
- {type: DisruptionTarget, status: "True", reason: TerminationByKubelet, message: {{ index $a "` + Evict + `" | Quote }}, lastTransitionTime: {{ Now | Quote }}}
phase: Failed
reason: Evicted
message: {{ index $a "` + Evict + `" | Quote }}`,
	},
	{
		name: "pod-stop", kind: "Pod",
		when:   and(`(`+alive+` | not)`, `(`+pending+` or `+running+`)`),
		after:  annotation(StopAfter),
		status: begin + end(`"143"`, `"Error"`, `""`) + "\nphase: Failed",
	},
	{
		name: "pod-remove", kind: "Pod",
		when: and(`(`+alive+` | not)`, `(.status.phase == "Succeeded" or .status.phase == "Failed")`, `.metadata.deletionGracePeriodSeconds != 0`),
	},
}

// Templates of a pod's status. An end closes with the list of conditions, so
// that what follows may add one.
const (
	begin = `{{ $a := or .metadata.annotations dict }}
{{ $code := or (index $a "` + ExitCode + `") "0" }}
{{ $old := or .status.containerStatuses list }}
{{ $only := eq (len .spec.containers) 1 }}`

	run = `
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: true, restartCount: 0, state: {running: {startedAt: {{ Now | Quote }}}}}
{{ end }}
phase: Running
startTime: {{ or .status.startTime Now | Quote }}`
)

func conditions(ready string) string {
	text := "\nconditions:"
	for _, kind := range []string{"Ready", "ContainersReady"} {
		text += fmt.Sprintf("\n- {type: %s, status: %q, lastTransitionTime: {{ Now | Quote }}}", kind, ready)
	}
	return text
}

// end is the status of containers that have ended: main with the code, reason
// and message, all template expressions, and others well.
func end(code, reason, message string) string {
	return `
containerStatuses:
{{ range $i, $c := .spec.containers }}
{{ $main := or $only (eq .name "main") }}
{{ $exit := "0" }}{{ $reason := "Completed" }}{{ $message := "" }}
{{ if $main }}{{ $exit = ` + code + ` }}{{ $reason = or ` + reason + ` (ternary "Completed" "Error" (eq $exit "0")) }}{{ $message = or ` + message + ` "" }}{{ end }}
{{ $started := Now }}
{{ if lt $i (len $old) }}{{ with (index $old $i).state.running }}{{ $started = .startedAt }}{{ end }}{{ end }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0, state: {terminated: {exitCode: {{ $exit }}, reason: {{ $reason | Quote }}, message: {{ trunc -4096 $message | Quote }}, startedAt: {{ $started | Quote }}, finishedAt: {{ Now | Quote }}}}}
{{ end }}` + conditions("False")
}

func and(conditions ...string) string { return strings.Join(conditions, " and ") }

// object is the stage as kwok reads it.
func (s stage) object() map[string]any {
	spec := map[string]any{
		"resourceRef": map[string]any{"apiGroup": "v1", "kind": s.kind},
		"selector": map[string]any{"matchExpressions": []any{map[string]any{
			"jq": map[string]any{"key": s.when, "operator": "In", "values": []string{"true"}},
		}}},
	}
	if s.after != "" {
		spec["delay"] = map[string]any{
			"durationMilliseconds": 0, "durationFrom": map[string]any{"jq": map[string]any{"expression": s.after}},
		}
	}
	if s.status == "" {
		spec["steps"] = []any{map[string]any{"delete": true}}
	} else {
		spec["steps"] = []any{map[string]any{
			"patch": map[string]any{"subresource": "status", "root": "status", "template": s.status},
		}}
	}
	return map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage",
		"metadata": map[string]any{"name": s.name}, "spec": spec,
	}
}

// kwokConfiguration is kwok's configuration file: the stages, and options, of
// which it has no defaults once there are any.
func kwokConfiguration(leaseSeconds int) (string, error) {
	documents := []any{map[string]any{
		"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration",
		"options": map[string]any{
			"podPlayStageParallelism": 32, "nodePlayStageParallelism": 4,
			"nodeLeaseParallelism": 4, "nodeLeaseDurationSeconds": leaseSeconds, "podsOnNodeSyncParallelism": 4,
		},
	}}
	for _, s := range stages {
		documents = append(documents, s.object())
	}
	var text strings.Builder
	for _, document := range documents {
		line, err := json.Marshal(document)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "---\n%s\n", line)
	}
	return text.String(), nil
}
