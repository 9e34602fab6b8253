"""In a file of its own, the last: another version means another cluster."""

import pytest
from test_api_server_stores_them import exercise


@pytest.mark.parametrize("cluster", ["v3.7.18"], indirect=True)
def test_objects_for_version_3_are_stored_unchanged(cluster, generate):
    exercise(cluster, generate,
             lambda chosen: "3.7" if chosen["argo"] >= "4.0" else chosen["argo"], 15)
