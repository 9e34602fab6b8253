"""In a file of its own, the last: another version means another cluster."""

import pytest


@pytest.mark.parametrize("cluster", ["v3.7.18"], indirect=True)
def test_the_oldest_supported_argo_can_be_installed_instead(cluster):
    # One mutex instead of a list: version 4 no longer knows it.
    old = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
           "metadata": {"name": "build", "namespace": cluster.namespace()},
           "spec": {"synchronization": {"mutex": {"name": "one"}}}}
    assert cluster.admin.apply(old)["spec"]["synchronization"] == {"mutex": {"name": "one"}}
