"""A cluster that its owner reaches by a kubeconfig, in EKS's clothes: a proxy in front of it."""
