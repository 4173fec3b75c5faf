"""Sandboxes made of Linux namespaces, forked from a warm interpreter in milliseconds.

A sandbox is ready fast because everything slow is done once, before it is asked for:

    host process (`backend`, `zygote_client`)
      |  starts, with an empty environment and one socket
      v
    zygote (`zygote`)            imports, read-only root, one per backend
      |  forks, and reaps
      v
    fork server (`fork_server`)  control group, network, user ids; one sandbox at a time
      |  forks; the host talks to it through `fork_server_client`
      v
    sandbox (`box_init`)             fresh namespaces; a supervisor, one program, or one REPL

The zygote and all that it imports use the standard library alone, because nothing else is visible
where they run.
"""
