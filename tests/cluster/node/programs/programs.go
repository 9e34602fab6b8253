//go:build programs

// Names the programs of the one-node cluster that `tests/cluster/build node` makes, so that go.mod
// and go.sum cover them.
package programs

import (
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
