"""Lambda functions run as plain processes of this machine's node and python, without docker."""
