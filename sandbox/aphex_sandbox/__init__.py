"""A local stand-in for AWS: moto's server, mended where a deployment pipeline would notice."""

VERSION = 1
