"""CloudFormation: our own deployment engine behind moto's wire protocol.

moto creates resources lazily and without events, rollback or outputs after change sets. Here a
template is resolved and created in dependency order, every resource has its events, a failure
rolls back, and exports in use are protected. moto's classes still make the actual resources.
"""
