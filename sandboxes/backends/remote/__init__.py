"""Remote backend: sandboxes of a sandbox service, over HTTP."""
