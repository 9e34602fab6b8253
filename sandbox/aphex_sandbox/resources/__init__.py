"""Resource types: the explicit table of what the sandbox adds to moto or mends in it."""
